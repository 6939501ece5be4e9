#!/usr/bin/env bash
# Runs a command with private servers: tests/servers/run.sh COMMAND [ARGUMENT...]
#
# Every other NAME.sh beside this file is a server and understands
#
#   NAME.sh start DIR   makes and starts the server with everything it owns under DIR (an empty
#                       directory of its own), returns when it answers, and prints what tests need
#                       as NAME=value lines, one a line, values taken literally
#   NAME.sh stop DIR    stops it, whether start ended well or not; silent when nothing runs
#
# Servers listen on a unix socket in DIR or a free loopback port, never on a fixed one. Those that
# refuse to run as root run as $PENSTOCK_SERVER_USER (empty when we are not root): DIR's parents let
# that user pass, DIR itself is for the script to chown. Whatever happens, the servers are stopped
# and their directories removed.
#
# PENSTOCK_SERVERS="postgres redis" starts only some of them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ $# -gt 0 ] || {
    sed -n '2s/^# //p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

# A short path: a unix socket's name may have 107 bytes.
tmp=${TMPDIR:-/tmp}
[ ${#tmp} -lt 50 ] || tmp=/tmp
base=$(mktemp -d "$tmp/penstock.XXXXXX")
# Of the servers of others nothing is known here, nor of how they are reached.
unset "${!PG@}" REDISCLI_AUTH
started=()

stop_all() {
    local status=$? name
    trap - EXIT
    trap '' HUP INT TERM
    for name in "${started[@]}"; do
        "$here/$name.sh" stop "$base/$name" >/dev/null 2>"$base/$name.stop.log" ||
            echo "tests/servers: $name did not stop: $(tail -n 3 "$base/$name.stop.log")" >&2
    done
    rm -rf -- "$base" || echo "tests/servers: $base is still there" >&2
    exit "$status"
}
trap stop_all EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

export PENSTOCK_SERVER_USER=
if [ "$(id -u)" -eq 0 ]; then
    chmod 0711 "$base"
    for user in postgres nobody; do
        if getent passwd "$user" >/dev/null; then
            PENSTOCK_SERVER_USER=$user
            break
        fi
    done
fi

names=${PENSTOCK_SERVERS-}
if [ -z "${PENSTOCK_SERVERS+set}" ]; then
    for script in "$here"/*.sh; do
        name=$(basename "$script" .sh)
        [ "$name" = run ] || names="$names $name"
    done
fi

for name in $names; do
    mkdir "$base/$name"
    started+=("$name")
    # Redis crashes where its stdin is closed.
    if ! "$here/$name.sh" start "$base/$name" >"$base/$name.env" 2>"$base/$name.log" </dev/null; then
        echo "tests/servers: $name did not start:" >&2
        tail -n 20 "$base/$name.log" >&2
        exit 1
    fi
    while IFS= read -r line; do
        case $line in
        [A-Z]*=*) export "${line?}" ;;
        esac
    done <"$base/$name.env"
done

# Not exec: this shell has to live on to stop the servers. In the foreground, so that Ctrl-C reaches
# the command and `run.sh bash` gives a shell beside the servers.
"$@"
