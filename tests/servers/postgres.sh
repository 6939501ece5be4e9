#!/bin/sh
# A private Postgres for tests: its own data directory, a unix socket in it, no TCP, nothing durable.
#
#   postgres.sh start [DIR]   starts one (in DIR, or a fresh temporary directory) and prints its
#                             address, ready for a database name behind: postgresql:///postgres?host=DIR
#   postgres.sh stop DIR      stops it and removes DIR
#   postgres.sh run COMMAND…  starts one, runs COMMAND with PENSTOCK_POSTGRES set, stops it always
#
# initdb refuses root: as root the server runs as user postgres, else nobody. When no Postgres is
# installed the answer is exit 77, which CTest counts as skipped; with CI=true it is exit 1.
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
    for user in postgres nobody; do
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
    dir=${1:-$(mktemp -d "${TMPDIR:-/tmp}/penstock-pg.XXXXXX")}
    mkdir -p "$dir"
    chmod 755 "$dir"
    chown "$user" "$dir"
    cd "$dir"
    as_user "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync \
        --no-instructions >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    cat >>"$dir/data/postgresql.conf" <<CONF
listen_addresses = ''
unix_socket_directories = '$dir'
fsync = off
full_page_writes = off
wal_level = logical
max_connections = 60
shared_buffers = 16MB
autovacuum = off
log_min_messages = fatal
client_connection_check_interval = 200ms
CONF
    as_user "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 20 start >"$dir/start.log" 2>&1 ||
        { cat "$dir/start.log" "$dir/server.log" >&2; exit 1; }
}

stop() {
    bin=$(bindir) || exit 0
    user=$(server_user)
    [ -f "$1/data/postmaster.pid" ] && cd "$1" &&
        as_user "$bin/pg_ctl" -D "$1/data" -m immediate -w stop >/dev/null 2>&1
    cd /
    case $1 in
    */penstock-*) rm -rf "$1" ;;
    *) rm -rf "$1/data" ;;
    esac
}

case ${1:-} in
start)
    start "${2:-}"
    echo "postgresql://postgres@/postgres?host=$dir"
    ;;
stop)
    stop "${2:?postgres.sh stop DIR}"
    ;;
run)
    shift
    here=$(pwd)
    start
    trap 'stop "$dir"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    cd "$here"
    PENSTOCK_POSTGRES="postgresql://postgres@/postgres?host=$dir" PENSTOCK_PG_DIR=$dir PENSTOCK_PG_BIN=$bin "$@"
    ;;
*)
    sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
