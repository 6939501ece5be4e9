#!/usr/bin/env bash
# R16: what can be done here is found without a manual.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

names_keys() { [ "$(cap | tail -1 | grep -oE '(Enter|Space|[^ ]) [a-z]+' | wc -l)" -ge 5 ]; }

A1() {
    open_list 'penstock dev' 120 40
    until_true 60 names_keys || fail 'no footer'
    k '?'
    see 'what can be done, and what it would do'
    k /
    lit 'uncut'
    k Enter
    see ' 1 of '
    k Enter
    see '^ tables › public\.orders'
    see 'InvalidState'
}

A2() {
    open_list 'penstock dev' 120 40
    filter_by ready
    see '34 of 40'
    k x
    see 'rollback one step'
    see 'not possible: '
    k Escape
    gone 'rollback one step'
    k X
    see 'X does nothing here'
}

A3() {
    open_list 'penstock dev' 120 40
    k :
    lit lo
    see 'locks .*of all stores'
    k C-u
    lit orders
    see 'public\.orders +table of dev'
    k C-u
    lit lokcs
    k Enter
    see "did you mean|locks"
}

A4() {
    open_list 'penstock dev' 120 40
    k x
    see 'rollback one step'
    k r
    see 'y applies|then Enter'
    see 'Esc parks'
    k Escape
    see 'PARKED .*:plan'
}

A5() {
    open_list 'penstock dev' 120 40
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
