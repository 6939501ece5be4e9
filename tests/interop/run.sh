#!/usr/bin/env bash
# Runs a partner's test in its virtual environment: run.sh VENV SCRIPT [ARGUMENT...]
#
# Without the environment (install.sh says why) the test is skipped; with PENSTOCK_INTEROP=required
# it fails.
set -euo pipefail
venv=$1
shift
if [ ! -f "$venv/stamp" ]; then
    printf 'interop: SKIPPED %s: %s is not installed\n' "$*" "$(basename "$venv")" >&2
    [ "${PENSTOCK_INTEROP-}" != required ] || exit 1
    exit 77
fi
exec "$venv/bin/python" -B -W error::ResourceWarning "$@"
