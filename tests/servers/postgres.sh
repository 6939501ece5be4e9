#!/bin/sh
# A private Postgres for tests (run.sh beside this file says what a server is): its data, its unix
# socket and its logs lie in DIR; no TCP, nothing durable.
#
#   postgres.sh start DIR   prints PENSTOCK_POSTGRES=address of a database in which tests make their
#                           own, PENSTOCK_POSTGRES_DIR=DIR and PENSTOCK_POSTGRES_BIN=programs
#   postgres.sh stop DIR    stops it
#   postgres.sh again DIR   starts it again with the data that it has
#
# initdb refuses root: as root the server runs as PENSTOCK_SERVER_USER, else as postgres or nobody.
# When no Postgres is installed the answer is exit 77, with CI=true exit 1.
set -eu

missing() {
    echo "postgres.sh: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
}

bindir() {
    for dir in ${PENSTOCK_PG_BINDIR:-} $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) \
        $(pg_config --bindir 2>/dev/null); do
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && echo "$dir" && return
    done
    dir=$(command -v initdb) && dirname "$dir"
}

server_user() {
    [ "$(id -u)" -ne 0 ] && id -un && return
    for user in ${PENSTOCK_SERVER_USER:-} postgres nobody; do
        id "$user" >/dev/null 2>&1 && echo "$user" && return
    done
}

# Runs a command as the server's user.
as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
    else
        "$@"
    fi
}

start() {
    bin=$(bindir) || missing "no Postgres server is installed (Debian: postgresql)"
    user=$(server_user)
    [ -n "$user" ] || missing "no unprivileged user to run Postgres as"
    dir=$(cd "$1" && pwd)
    [ "$(id -u)" -ne 0 ] || chown "$user" "$dir"
    cd "$dir"
    as_user "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        --no-instructions >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
full_page_writes = off
wal_level = logical
max_connections = 300
max_replication_slots = 50
shared_buffers = 16MB
autovacuum = off
log_min_messages = fatal
client_connection_check_interval = 200ms
CONF
    launch
}

launch() {
    as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 600 start >"$dir/start.log" 2>&1 ||
        { cat "$dir/start.log" "$dir/server.log" >&2; exit 1; }
}

again() {
    bin=$(bindir)
    user=$(server_user)
    dir=$1
    cd "$dir"
    launch
}

stop() {
    bin=$(bindir) || exit 0
    user=$(server_user)
    cd "$1"
    [ ! -f data/postmaster.pid ] || as_user "$bin/pg_ctl" -D "$1/data" -m immediate -w -t 600 stop
}

case ${1:-} in
start)
    start "${2:?postgres.sh start DIR}"
    echo "PENSTOCK_POSTGRES=postgresql://postgres@/postgres?host=$dir"
    echo "PENSTOCK_POSTGRES_DIR=$dir"
    echo "PENSTOCK_POSTGRES_BIN=$bin"
    ;;
stop)
    stop "${2:?postgres.sh stop DIR}" >/dev/null
    ;;
again)
    again "${2:?postgres.sh again DIR}"
    ;;
*)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
