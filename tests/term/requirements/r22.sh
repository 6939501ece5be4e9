#!/usr/bin/env bash
# R22: navigation: there and back, the mouse, and a plan that is not lost by leaving.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

# The screen without what time changes: the header, ages, and the marks of changed cells.
picture() { cap | sed -E '1d; s/[0-9]+[smhd]( [0-9]+[smh])?/T/g; s/ +/ /g'; }
message_is_gone() { # a key takes it away, but none in its first second
    local now
    k C-l
    now=$(cap) # drawn to its last line: while it is drawn anew the message is missing as well
    grep -q '[?] keys' <<<"$now" && ! grep -q '^ paused: ' <<<"$now"
}
same_picture() { [ "$(picture)" = "$1" ]; }

A1() {
    local steps=() i
    start 'penstock dev' 120 40
    see 'public\.orders'
    k P # nothing changes by itself
    see PAUSED
    see '^ paused: '
    until_true 60 message_is_gone || fail 'the message stays'
    k o
    see 'NEEDS ATTENTION'
    k Tab # to the stores
    gone '▸ [✖!]'
    steps[0]=$(picture)
    k Enter
    see 'tables  40'
    see '^  says'
    steps[1]=$(picture)
    k Enter
    see '▸ - states:'
    see '^ /states'
    steps[2]=$(picture)
    k H
    see '› phases  4'
    see 'finished_copy'
    steps[3]=$(picture)
    k =
    see 'nothing of it is in the journal'
    for i in 3 2 1 0; do
        k Escape
        until_true 60 same_picture "${steps[$i]}" ||
            { diff <(echo "${steps[$i]}") <(picture) >&2; fail "step $i is another picture"; }
    done
}

A2() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    see 'public\.refunds'
    local y
    y=$(cap | grep -n 'public\.refunds' | head -1 | cut -d: -f1)
    lit "$(printf '\033[<0;20;%dM\033[<0;20;%dm' "$y" "$y")"
    see '▸.*public\.refunds'
    y=$(cap | grep -n 'PIPELINE' | cut -d: -f1)
    lit "$(printf '\033[<0;18;%dM\033[<0;18;%dm' "$y" "$y")"
    see 'TABLE ↑'
}

A3() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    k x
    see 'rollback one step'
    k r
    see 'y applies|then Enter'
    k Escape
    see PARKED
    k q
    see 'discard|PARKED|parked'
    [ -n "$(program)" ] || fail 'it quit with a plan that waits'
    k Escape
    lit ':q'
    k Enter
    see 'discard|PARKED|parked'
    [ -n "$(program)" ] || fail 'it quit with a plan that waits'
    k Escape
    k C-c
    [ -n "$(program)" ] || fail 'C-c quit'
}

A4() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    lit ':916405'
    k Enter
    see '▸.*public\.refunds|public\.refunds .*916405|^ tables › public\.refunds'
    k -
    see 'tables  40'
    k -
    see 'public\.refunds'
}

check A1 'Esc brings back each view as it was'
check A2 'a click selects a row, a click on a heading sorts'
check A3 'with an unapplied plan q, :q and C-c ask first'
check A4 'an id is jumped to; - goes to the last view and back'
report
