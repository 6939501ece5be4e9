# shellcheck shell=bash disable=SC2154
# What the stores of layouts.sh share: how to make, to read and to change them without penstock.
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../servers" && pwd)
database=layout_$$
holder='' # the process that holds a lock as long as it lives

at_exit() {
    [ -z "$holder" ] || kill "$holder" 2>/dev/null || :
    [ -z "${PENSTOCK_POSTGRES-}" ] || [ -z "${address-}" ] ||
        psql "$PENSTOCK_POSTGRES" -c "drop database $database with (force)" || :
}

# files DIR: path, owner, mode and content of everything in it.
files() { (cd "$1" && find . -type f -printf '%p %u:%g %m ' -exec sha256sum {} \; | LC_ALL=C sort); }

# sqlite FILE [SQL]: runs it, without any prints all that is in the file.
sqlite() {
    python3 - "$@" <<'PYTHON'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as db:
    if len(sys.argv) > 2:
        db.executescript(sys.argv[2])
    else:
        print(*db.iterdump(), sep="\n")
PYTHON
}

psql() { "$PENSTOCK_POSTGRES_BIN/psql" -qXAt -v ON_ERROR_STOP=1 -d "$@"; }

# postgres SCRIPT...: a database of our own, made by them; its address is $address.
postgres() {
    : "${PENSTOCK_POSTGRES:?run this with tests/servers/run.sh}"
    psql "$PENSTOCK_POSTGRES" -c "create database $database"
    address=${PENSTOCK_POSTGRES/\/postgres\?//$database?}
    local script
    for script; do psql "$address" -o /dev/null -f "$servers/$script.sql"; done
}
sql() { psql "$address" -c "$1"; }

# rows TABLE...: all of them, every column.
rows() {
    local table
    for table; do
        echo "$table"
        sql "select t.* from $table t order by t::text"
    done
}

redis() { redis-cli -s "${PENSTOCK_REDIS_SOCKET:?run this with tests/servers/run.sh}" "$@"; }

# keys: every key with its value and the moment of its end. Not those that the library of the lock
# leaves for a second to wake who waits.
keys() {
    redis --scan | LC_ALL=C sort | while IFS= read -r key; do
        case $key in
        lock-signal:*) ;;
        *) printf '%s %s %s\n' "$key" "$(redis pexpiretime "$key")" "$(redis get "$key" | sha256sum)" ;;
        esac
    done
}
# set_key KEY [OPTION...]: to what is read.
set_key() { redis -X VALUE set "$1" VALUE "${@:2}" >/dev/null; }

# plain_lock: the text of a lock of the plain layout.
plain_lock() {
    printf '{"holder": "ana@db1/4711", "fence": %s000000, "expires_at": "%s"}' "$(date +%s)" \
        "$(date -u -d '+10 minutes' +%Y-%m-%dT%H:%M:%SZ)"
}
