#!/usr/bin/env bash
# The layering check: reads the include lines of every C file and compares them with the rules below
# (docs/architecture.md, Layers). Checks itself first: every planted violation must be found.
#
#   tests/layers.sh [ROOT]
set -euo pipefail

root=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}

# One rule a line: what must not be included | in files matching | except in files matching. All
# three are extended regular expressions, the last two on the path from the root.
rules='
^(tui|cli|backends)/       | ^core/            | ^$
^(cli|backends)/           | ^tui/             | ^$
^(tui|cli)/                | ^backends/        | ^$
^(tui|backends)/           | ^cli/             | ^cli/(main|demo[a-z_]*)\.c$
^core/store_driver\.h$     | ^(core|tui|cli)/  | ^core/(store[a-z_]*\.[ch]|config_probe\.c)$
^(curses|ncurses|panel|term\.h|ncursesw/) | .* | ^tui/term\.[ch]$
^(libpq|pg_config|postgres) | .*               | ^backends/postgres/
^hiredis                   | .*                | ^backends/redis/
^sqlite3                   | .*                | ^(backends/sqlite/|core/journal[a-z_]*\.[ch]$)
^jansson                   | ^(backends/|core/systems/|core/base/|core/(value|json|pickle|document)[a-z_]*\.[ch]$) | ^$
^yaml                      | .*                | ^core/(config|project)[a-z_]*\.[ch]$
'

# sources ROOT: the files that the rules speak of, zero bytes between them.
sources() {
    (cd "$1" && find . -name '*.[ch]' -regextype posix-extended \
        -regex './(core|tui|cli|backends)/.*' -printf '%P\0')
}

# violations ROOT: prints "file: must not include name" for each include that a rule forbids.
violations() {
    sources "$1" | sort -z | (
        cd "$1"
        RULES=$rules xargs -0 -r awk '
            BEGIN {
                lines = split(ENVIRON["RULES"], line, "\n")
                for (i = 1; i <= lines; i++) {
                    if (split(line[i], field, / +[|] +/) < 3)
                        continue
                    sub(/ +$/, "", field[3])
                    n++
                    what[n] = field[1]; where[n] = field[2]; but[n] = field[3]
                }
            }
            /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
                name = $0
                sub(/^[^<"]*[<"]/, "", name)
                sub(/[>"].*/, "", name)
                for (i = 1; i <= n; i++)
                    if (name ~ what[i] && FILENAME ~ where[i] && FILENAME !~ but[i])
                        print FILENAME ": must not include " name
            }'
    )
}

# self_check: one violation of every rule, and what the exceptions allow.
self_check() {
    local tree=$1 pair
    local -a bad=(
        'core/a.c tui/app.h' 'core/a.c cli/cli.h' 'core/systems/etl/a.c backends/file/plain.h'
        'tui/a.c cli/cli.h' 'tui/a.c backends/drivers.h' 'backends/file/a.c tui/app.h'
        'cli/a.c tui/app.h' 'cli/a.c backends/file/plain.h' 'tui/a.c core/store_driver.h'
        'core/plan.c core/store_driver.h'
        'core/a.c curses.h' 'tui/list.c ncursesw/curses.h' 'core/a.c libpq-fe.h'
        'backends/redis/a.c libpq-fe.h' 'tui/a.c hiredis/hiredis.h' 'core/plan.c sqlite3.h'
        'cli/demo.c sqlite3.h' 'backends/file/a.c jansson.h' 'core/json.c jansson.h'
        'cli/a.c yaml.h'
    )
    local -a good=(
        'cli/main.c tui/app.h' 'cli/main.c backends/drivers.h' 'tui/term.c curses.h'
        'backends/postgres/a.c libpq-fe.h' 'backends/redis/a.c hiredis/hiredis.h'
        'core/journal.c sqlite3.h' 'backends/sqlite/a.c sqlite3.h' 'core/plan.c jansson.h'
        'backends/file/a.c core/store_driver.h' 'core/config_probe.c core/store_driver.h'
        'core/config.c yaml.h'
    )
    for pair in "${bad[@]}"; do
        expect "$tree" "$pair" "${pair% *}: must not include ${pair#* }" || return 1
    done
    for pair in "${good[@]}"; do
        expect "$tree" "$pair" '' || return 1
    done
}

# expect TREE "FILE HEADER" ANSWER: what violations says of a tree with that one include.
expect() {
    local file=$1/${2% *} found
    mkdir -p "$(dirname "$file")"
    printf '#include <stdio.h>\n  #  include "%s"\n' "${2#* }" >"$file"
    found=$(violations "$1")
    rm "$file"
    [ "$found" = "$3" ] || {
        echo "layers: self-check: $2: expected '$3', found '$found'"
        return 1
    }
}

tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT
self_check "$tree"

found=$(violations "$root")
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    exit 1
fi
files=$(sources "$root" | tr -dc '\0' | wc -c)
[ "$files" -gt 20 ] || {
    echo "layers: only $files files found under $root"
    exit 1
}
