# The harness and a database of the test's own on the private Postgres server: sourced with the
# program as $1. Run such a test with tests/servers/run.sh; it is skipped where there is no server.
if [ -z "${PENSTOCK_POSTGRES:-}" ]; then
    echo "PENSTOCK_POSTGRES is not set: run this with tests/servers/run.sh" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
fi
servers=$(cd "$(dirname "$0")/../servers" && pwd)
. "$(dirname "$0")/harness.sh"
psql=$PENSTOCK_POSTGRES_BIN/psql
database=$(basename "$0" .sh)_$$
also=() # what else the end drops: `also+=(-c "drop role $role")`

server() { "$psql" -qX -d "$PENSTOCK_POSTGRES" "$@"; }
# address [ROLE]: of the database.
address() { printf '%s' "${PENSTOCK_POSTGRES/\/\/postgres@\/postgres/\/\/${1:-postgres}@\/$database}"; }
# sql WORDS...: psql in it, with -c and -f.
sql() { "$psql" -qXAt -v ON_ERROR_STOP=1 -d "$(address)" "$@"; }

server -c "create database $database" || exit 1
trap 'server -c "drop database $database (force)" ${also[@]+"${also[@]}"}; rm -rf "$work"' EXIT
