#!/usr/bin/env bash
# R15: the filter says what it does and fails closed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
fresh_states

rows() { cap | sed -n '/PIPELINE/,/───/p' | grep -c 'public\.'; }

A1() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    filter_by 'public InvalidState'
    see 'tables  3 of 40 \[public InvalidState\]'
    until_true 60 eval '[ "$(rows)" = 3 ]' || fail "$(rows) rows"
    k j j
    see '3 of 40 \[public InvalidState\]'
}

A2() {
    local before
    start 'penstock dev' 120 40
    see 'public\.orders'
    filter_by re:errored
    see '6 of 40'
    before=$(rows)
    k /
    lit '('
    see 'does not parse'
    [ "$(rows)" = "$before" ] || fail 'other rows'
    k Enter
    k x
    see 'does not parse: mend or clear'
    lacks 'rollback one step' || fail 'an action was offered'
}

A3() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    k /
    lit inv
    see '3? ?4? of 40 \[inv\]|of 40 \[inv\]' # while it is typed
    k C-u
    lit '!errored'
    see '34 of 40'
    k C-u
    lit '~ordrs'
    see 'public\.orders'
    k C-u
    lit 'phase=errored for>1h'
    see '[45] of 40|since'
    k C-u
    lit 'phase=errored since>100m'
    see '3 of 40'
    k Enter
    k /
    k C-u
    k Up
    see 'phase=errored since>100m'
    k Escape
    k '?'
    see 'words, !word, ~fuzzy, column=value'
    start 'penstock states' 120 40
    see 'dev:tap'
    filter_by 'dev:tap'
    see 'of 200 \[dev:tap\]'
    lacks ' 0 of 200' || fail 'a colon is not literal'
}

A4() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    filter_by errored
    see '6 of 40'
    k Enter
    see 'public\.[a-z]+ +[0-9.]+ k?B|reason'
    k Escape
    see '6 of 40 \[errored\]'
    k /
    k Escape
    see '6 of 40 \[errored\]'
    k Escape
    see 'tables  40'
}

check A1 'two words, both must be there; counts and text stay on the screen'
check A2 'a filter in error keeps the rows and forbids to act'
check A3 'live, fuzzy, negated, by column; history; a colon is literal'
check A4 'Esc goes one step; a view that is come back to has its filter'
report
