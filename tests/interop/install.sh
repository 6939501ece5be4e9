#!/usr/bin/env bash
# Makes the virtual environment NAME of NAME.txt beside this file: install.sh NAME DIR
#
# DIR/NAME is reused while the requirements and the Python are those it was made for, so a second
# run takes no time and needs no network. What cannot be had is exit 77, a skip; with
# PENSTOCK_INTEROP=required, as in continuous integration, it is a failure.
set -euo pipefail
name=$1 dir=$2
wanted=$(dirname "${BASH_SOURCE[0]}")/$name.txt
venv=$dir/$name log=$dir/$name.log

# Debian's own: the one whose venv module ./dev installs.
python=/usr/bin/python3
[ -x "$python" ] || python=python3

stamp() {
    "$python" --version
    cat "$wanted"
}

missing() {
    printf 'interop: %s cannot be installed: %s\n' "$name" "$1" >&2
    [ ! -f "$log" ] || tail -n 15 "$log" >&2
    [ "${PENSTOCK_INTEROP-}" != required ] || exit 1
    exit 77
}

mkdir -p "$dir"
if [ -f "$venv/stamp" ] && [ "$(stamp)" = "$(cat "$venv/stamp")" ]; then
    exit 0
fi
rm -rf -- "$venv" "$log"
"$python" -m venv "$venv" >"$log" 2>&1 || missing "no virtual environment (Debian: python3-venv)"
pip_install() {
    "$venv/bin/pip" install --no-input --disable-pip-version-check --retries 10 --timeout 60 --no-deps \
        -r "$wanted" >>"$log" 2>&1
}

# A network has bad moments. Where it must be had those are waited out.
pauses=()
[ "${PENSTOCK_INTEROP-}" != required ] || pauses=(15 60 240)
until pip_install; do
    [ ${#pauses[@]} -gt 0 ] || missing "pip could not get it"
    sleep "${pauses[0]}"
    pauses=("${pauses[@]:1}")
done
"$venv/bin/pip" check >>"$log" 2>&1 || missing "its parts do not fit together"
stamp >"$venv/stamp"
