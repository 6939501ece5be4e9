#!/bin/sh
# Runs the contract on a database of its own: on_postgres.sh PROGRAM SYSTEM FILE.sql..., against the
# server that tests/servers/run.sh started. Without one the answer is 77, with CI=true 1.
set -eu
program=$1 system=$2
shift 2
if [ -z "${PENSTOCK_POSTGRES:-}" ]; then
    echo "PENSTOCK_POSTGRES is not set: run this with tests/servers/run.sh" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
fi
psql=$PENSTOCK_POSTGRES_BIN/psql
database=contract_${system}_$$
trap '"$psql" -qXc "drop database if exists $database with (force)" "$PENSTOCK_POSTGRES"' EXIT
"$psql" -qXc "create database $database" "$PENSTOCK_POSTGRES"
address=$(printf %s "$PENSTOCK_POSTGRES" | sed "s|/postgres?|/$database?|")
for file; do
    "$psql" -qX -v ON_ERROR_STOP=1 -o /dev/null -f "$file" "$address"
done
"$program" "$system+$address"
