#!/bin/sh
# on_redis.sh TEST_CONTRACT SYSTEM: runs it on a private Redis, the one already running or a new one.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -n "${PENSTOCK_REDIS:-}" ] || {
    PENSTOCK_SERVERS=redis exec "$here/../servers/run.sh" "$here/on_redis.sh" "$@"
}
exec "$1" "$2+$PENSTOCK_REDIS&prefix=contract"
