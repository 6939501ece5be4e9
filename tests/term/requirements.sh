#!/usr/bin/env bash
# Checks what the screen must do, R1 to R12, one line a check, on a private Postgres and Redis:
#
#   tests/term/requirements.sh PENSTOCK [R3 R7 ...]
#
# PENSTOCK is the program. Exit 1 when any check failed; a failed one shows the screen at its end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PENSTOCK=$(realpath "${1:?the program}")
export PENSTOCK PENSTOCK_SERVERS="postgres redis"
shift
[ $# -gt 0 ] || set -- R1 R2 R3 R4 R5 R6 R7 R8 R9 R10 R11 R12
failed=0
for requirement in "$@"; do
    "$here/../servers/run.sh" "$here/requirements/${requirement,,}.sh" || failed=1
done
exit "$failed"
