#!/usr/bin/env bash
# R21: readable by everyone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
colours='\e\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m'

# Through the views: `look NAME` looks at each.
tour() {
    see 'public\.orders'
    see ' as of '
    "$1" list
    k x
    see 'rollback one step'
    "$1" menu
    k r
    see 'y applies|then Enter'
    "$1" plan
    k C-x
    k Enter
    see 'states:'
    "$1" detail
    k H
    see '› phases  [0-9]|> phases  [0-9]'
    "$1" history
    k o
    see 'NEEDS ATTENTION'
    "$1" overview
    k L
    see 'FREES ITSELF'
    "$1" locks
}

without_colour() { ! capc | grep -qP "$colours" || fail "a colour in the $1"; }
without_more_than_16() { ! capc | grep -qP '\e\[[\d;]*[34]8;' || fail "more than 16 colours in the $1"; }
plain_bytes() { ! cap | LC_ALL=C grep -qP '[^\x20-\x7e]' || fail "a byte beyond ASCII in the $1: $(cap | LC_ALL=C grep -P '[^\x20-\x7e]' | head -1)"; }

A1() {
    start 'NO_COLOR=1 penstock dev' 120 40
    tour without_colour
    capc | grep -qP '\e\[[\d;]*[17]m' || fail 'neither bold nor reverse'
}

A2() {
    start 'penstock dev' 120 40
    tour without_more_than_16
}

A3() {
    start 'penstock dev --ascii' 120 40
    tour plain_bytes
}

# Each row of a list begins its second column in the same cell.
aligned() {
    cap | python3 -c '
import re, sys, unicodedata
def width(text):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
at = {}
for line in sys.stdin:
    row = re.match(r"(.*tap-\S*-to-wh +)(yes|no)  ", line)
    if row:
        at[line.rstrip()] = width(row[1])
if len(at) != 4 or len(set(at.values())) != 1:
    sys.exit("\n".join(f"{n}: {line}" for line, n in at.items()))'
}

A4() {
    local name
    rm -rf "$work/states"
    for name in plain 日本語のテーブル "cafe$(printf '\u0301')s" "🚰🚰"; do
        mkdir -p "$work/states/dev:tap-$name-to-wh"
        printf '{"completed": {"singer_state": {}}, "partial": {}}' >"$work/states/dev:tap-$name-to-wh/state.json"
    done
    open_list 'penstock states' 120 40
    see 'tap-plain-to-wh +yes'
    see 'states  4'
    until_true 60 aligned || fail 'the columns are not aligned'
    resize 50 20 # names are cut, none within a character
    see 'dev:.*….*yes'
    ! cap | grep -q '�' || fail 'half a character'
}

check A1 'NO_COLOR: no colour in any view'
check A2 'no more than the 16 colours of the terminal'
check A3 '--ascii: no byte beyond it'
check A4 'wide, combining and emoji names: columns stay where they are'
report
