#!/usr/bin/env bash
# Checks what the screen must do, one line a check, on a private Postgres and Redis:
#
#   tests/term/requirements.sh PENSTOCK [R3 R7 ...]
#
# PENSTOCK is the program. Exit 1 when any check failed; a failed one shows the screen at its end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PENSTOCK=$(realpath "${1:?the program}")
export PENSTOCK PENSTOCK_SERVERS="postgres redis"
shift
[ $# -gt 0 ] || set -- R{1..12} R15 R16 R18 R19 R21 R22 R23 R24 R25
failed=0
for requirement in "$@"; do
    "$here/../servers/run.sh" "$here/requirements/${requirement,,}.sh" || failed=1
done
exit "$failed"
