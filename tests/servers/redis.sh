#!/bin/sh
# A private Redis for tests (run.sh beside this file says what a server is): its unix socket and its
# log lie in DIR; no TCP, nothing written to disk.
#
#   redis.sh start DIR   prints PENSTOCK_REDIS=address and PENSTOCK_REDIS_SOCKET=path
#   redis.sh stop DIR    stops it
#
# When no Redis is installed the answer is exit 77, with CI=true exit 1.
set -eu

missing() {
    echo "redis.sh: $1" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
}

answers() {
    [ "$(redis-cli -s "$1/redis.sock" ping 2>/dev/null)" = PONG ]
}

start() {
    command -v redis-server >/dev/null || missing "no Redis server is installed (Debian: redis-server)"
    command -v redis-cli >/dev/null || missing "no redis-cli is installed (Debian: redis-tools)"
    dir=$(cd "$1" && pwd)
    redis-server --port 0 --unixsocket "$dir/redis.sock" --unixsocketperm 777 --dir "$dir" \
        --save '' --appendonly no --daemonize yes --pidfile "$dir/redis.pid" \
        --logfile "$dir/redis.log" --databases 16 >/dev/null
    tries=0
    until answers "$dir"; do
        tries=$((tries + 1))
        [ "$tries" -lt 6000 ] || { cat "$dir/redis.log" >&2; exit 1; }
        sleep 0.05
    done
}

# Where nobody waits for orphans, one that has ended is still to be seen.
lives() {
    kill -0 "$1" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$1/status"
}

stop() {
    [ -s "$1/redis.pid" ] || exit 0
    pid=$(cat "$1/redis.pid")
    kill "$pid" 2>/dev/null || exit 0
    tries=0
    while lives "$pid"; do
        tries=$((tries + 1))
        [ "$tries" -ne 400 ] || kill -9 "$pid" 2>/dev/null || :
        sleep 0.05
    done
}

case ${1:-} in
start)
    start "${2:?redis.sh start DIR}"
    echo "PENSTOCK_REDIS=unix://$dir/redis.sock?db=0"
    echo "PENSTOCK_REDIS_SOCKET=$dir/redis.sock"
    ;;
stop)
    stop "${2:?redis.sh stop DIR}" >/dev/null
    ;;
*)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
