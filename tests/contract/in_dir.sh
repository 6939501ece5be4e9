#!/bin/sh
# Runs the contract on a store of files: in_dir.sh PROGRAM ADDRESS, where DIR in the address stands
# for a fresh directory.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" "$(printf %s "$2" | sed "s|DIR|$dir|")"
