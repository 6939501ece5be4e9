#!/usr/bin/env bash
# Runs a command with private servers: tests/servers/run.sh COMMAND [ARGUMENT...]
#
# Every other NAME.sh beside this file is one server and understands
#
#   NAME.sh run COMMAND...  starts it in a temporary directory of its own, on a unix socket there or
#                           a free loopback port; runs COMMAND with the address in PENSTOCK_NAME (in
#                           capitals); then stops it and removes the directory, whatever happened;
#                           exits as COMMAND did
#
# so that several are one chain. PENSTOCK_SERVERS="redis" starts only some of them.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

[ $# -gt 0 ] || {
    sed -n '2s/^# //p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

if [ -z "${PENSTOCK_SERVERS+set}" ]; then
    PENSTOCK_SERVERS=
    for script in "$here"/*.sh; do
        name=$(basename "$script" .sh)
        [ "$name" = run ] || PENSTOCK_SERVERS="$name $PENSTOCK_SERVERS"
    done
fi
for name in $PENSTOCK_SERVERS; do
    [ -x "$here/$name.sh" ] || {
        echo "tests/servers: no server '$name'" >&2
        exit 2
    }
    set -- "$here/$name.sh" run "$@"
done
exec "$@"
