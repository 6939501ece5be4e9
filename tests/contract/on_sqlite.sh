#!/bin/sh
# Runs the contract on a SQLite file of its own: on_sqlite.sh PROGRAM MAKE_SQLITE SYSTEM FILE.sql
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$2" "$dir/store.db" <"$4"
"$1" "$3+sqlite://$dir/store.db"
