#!/usr/bin/env bash
# R16: what can be done here is found without a manual.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

A1() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    [ "$(cap | tail -1 | grep -oE '(Enter|Space|[^ ]) [a-z]+' | wc -l)" -ge 5 ] || fail 'no footer'
    k '?'
    see 'what can be done, and what it would do'
    k /
    lit 'uncut'
    k Enter
    see '1 of '
    k Enter
    see 'InvalidState'
}

A2() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    filter_by ready
    see '34 of 40'
    k x
    see 'rollback one step'
    see 'not possible: '
    k Escape
    k X
    see 'X does nothing here'
}

A3() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    k :
    lit lo
    see 'locks .*of all stores'
    k C-u
    lit orders
    see 'public\.orders'
    k C-u
    lit lokcs
    k Enter
    see "did you mean|locks"
}

A4() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    k x
    see 'rollback one step'
    k r
    see 'y applies|then Enter'
    see 'Esc parks'
    k Escape
    see 'PARKED .*:plan'
}

A5() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    see 'q quit'
    k C-c
    see 'q goes back and at the top quits'
    k q
    restored
}

check A1 'the footer names the keys; ? lists, filters and presses them'
check A2 'what is not possible says why'
check A3 'the palette completes with descriptions, and suggests'
check A4 'a plan says how to apply and how to leave it'
check A5 'quitting is found'
report
