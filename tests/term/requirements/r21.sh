#!/usr/bin/env bash
# R21: readable by everyone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
colours='\e\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m'

# Through the views: `look NAME` looks at each.
tour() {
    see 'public\.orders'
    "$1" list
    k x
    see 'rollback one step'
    "$1" menu
    k r
    see 'y applies|then Enter'
    "$1" plan
    k C-x
    k Enter
    see 'states'
    "$1" detail
    k H
    see 'phases'
    "$1" history
    k o
    see 'NEEDS ATTENTION'
    "$1" overview
    k L
    see 'locks'
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

check A1 'NO_COLOR: no colour in any view'
check A2 'no more than the 16 colours of the terminal'
check A3 '--ascii: no byte beyond it'
report
