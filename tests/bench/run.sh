#!/usr/bin/env bash
# How fast penstock is: one JSON line per figure, beside what the raw client needs in the same run.
# docs/performance.md says what the figures mean.
#
#   tests/bench/run.sh [PENSTOCK] [--scale F] [--only GROUP]
#
# Starts private servers, makes the data and measures PENSTOCK, a program in a build directory;
# without it the release preset is built first. --scale 0.1 makes every fixture a tenth as large;
# --only measures one group: start, postgres, redis, files, etl, screen.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)

if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
    PENSTOCK=$(realpath "$1")
    shift
else
    PENSTOCK=$root/build/release/cli/penstock
    (cd "$root" && cmake --preset release && cmake --build --preset release) >&2
fi
PENSTOCK_BENCH_SCAN=$(dirname "$PENSTOCK")/../tests/bench/bench_redis_scan
export PENSTOCK PENSTOCK_BENCH_SCAN
exec "$root/tests/servers/run.sh" "$here/figures.py" "$@"
