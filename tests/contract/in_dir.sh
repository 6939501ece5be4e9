#!/bin/sh
# Runs the contract on a store of files: in_dir.sh PROGRAM ADDRESS [FILE TEXT], where DIR in the
# address stands for a fresh directory, in which FILE has that text.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
[ $# = 2 ] || printf %s "$4" >"$dir/$3"
"$1" "$(printf %s "$2" | sed "s|DIR|$dir|")"
