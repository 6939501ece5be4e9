#!/usr/bin/env bash
# R22: navigation: there and back, the mouse, and a plan that is not lost by leaving.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

# The screen without what time changes: the header, ages, and the marks of changed cells.
picture() { cap | sed -E '1d; s/[0-9]+[smhd]( [0-9]+[smh])?/T/g; s/ +/ /g'; }
same_picture() { [ "$(picture)" = "$1" ]; }

A1() {
    local steps=() i
    open_list 'penstock dev' 120 40
    see '^  slot' # the preview, to its end
    k P # nothing changes by itself
    see PAUSED
    see '^ paused: '
    until_true 60 message_is_gone || fail 'the message stays'
    k o
    see 'NEEDS ATTENTION'
    see '▸ ✖ dev'
    k Tab # to the stores
    see '▸   dev'
    gone '^  dev ' # what was said of the finding
    steps[0]=$(picture)
    k Enter
    see 'tables  40'
    see '▸.*public\.orders'
    see '^  slot'
    steps[1]=$(picture)
    k Enter
    see '▸ - states:'
    see '^ /states'
    steps[2]=$(picture)
    k H
    see '› phases  4'
    see '▸.*errored'
    see '^  reason '
    see 'H versions'
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
    open_list 'penstock dev' 120 40
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
    open_list 'penstock dev' 120 40
    k x
    see 'rollback one step'
    k r
    see 'y applies|then Enter'
    k Escape
    see PARKED
    k q
    see 'Not applied yet: plan '
    [ -n "$(program)" ] || fail 'it quit with a plan that waits'
    k Escape
    gone 'Not applied yet'
    lit ':q'
    k Enter
    see 'Not applied yet: plan '
    [ -n "$(program)" ] || fail 'it quit with a plan that waits'
    k Escape
    gone 'Not applied yet'
    k C-c
    see 'q goes back and at the top quits'
    see PARKED
    [ -n "$(program)" ] || fail 'C-c quit'
}

A4() {
    open_list 'penstock dev' 120 40
    lit ':916405'
    k Enter
    see '^ tables › public\.refunds'
    k -
    see 'tables  40'
    k -
    see '^ tables › public\.refunds'
}

check A1 'Esc brings back each view as it was'
check A2 'a click selects a row, a click on a heading sorts'
check A3 'with an unapplied plan q, :q and C-c ask first'
check A4 'an id is jumped to; - goes to the last view and back'
report
