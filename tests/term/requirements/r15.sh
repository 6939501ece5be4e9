#!/usr/bin/env bash
# R15: the filter says what it does and fails closed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
fresh_states

rows() { cap | sed -n '/PIPELINE/,/───/p' | grep -c 'public\.'; }

has_rows() { [ "$(rows)" = "$1" ]; }

A1() {
    open_list 'penstock dev' 120 40
    filter_by 'public InvalidState'
    see 'tables  3 of 40 \[public InvalidState\]'
    until_true 60 has_rows 3 || fail "$(rows) rows"
    k j j
    see '3 of 40 \[public InvalidState\]'
}

A2() {
    open_list 'penstock dev' 120 40
    filter_by re:errored
    see 'tables  6 of 40'
    until_true 60 has_rows 6 || fail "$(rows) rows"
    k /
    lit '('
    see 'does not parse'
    keys_typed
    until_true 60 has_rows 6 || fail 'other rows'
    k Enter
    k x
    see 'does not parse: mend or clear'
    lacks 'rollback one step' || fail 'an action was offered'
}
# On the line that is typed: whatever was asked for has been drawn when this is.
keys_typed() {
    lit x
    see '^ /.*\(x'
    k BSpace
    see '^ /.*\( *$'
}

A3() {
    open_list 'penstock dev' 120 40
    k /
    lit inv
    see ' [0-9]+ of 40 \[inv\]' # while it is typed
    k C-u
    lit '!errored'
    see ' 34 of 40'
    k C-u
    lit '~ordrs'
    see ' [0-9]+ of 40 \[~ordrs\]'
    see 'public\.orders'
    k C-u
    lit 'phase=errored for>1h'
    see ' 5 of 40'
    k C-u
    lit 'phase=errored since>110m' # ages go on while this runs
    see ' 3 of 40'
    k Enter
    k /
    k C-u
    gone 'since>110m'
    k Up
    see '^ /phase=errored since>110m'
    k Escape
    k '?'
    see 'words, !word, ~fuzzy, column=value'
    open_list 'penstock states' 120 40
    see 'dev:tap'
    filter_by 'dev:tap'
    see ' 200 of 200 \[dev:tap\]' # a colon is literal
}

A4() {
    open_list 'penstock dev' 120 40
    filter_by errored
    see ' 6 of 40'
    k Enter
    see '› public\.[a-z]+ +[0-9.]+ k?B'
    k Escape
    see ' 6 of 40 \[errored\]'
    k /
    see '^ /errored'
    k Escape
    gone '^ /errored'
    see ' 6 of 40 \[errored\]'
    step_back 'tables  40'
}

check A1 'two words, both must be there; counts and text stay on the screen'
check A2 'a filter in error keeps the rows and forbids to act'
check A3 'live, fuzzy, negated, by column; history; a colon is literal'
check A4 'Esc goes one step; a view that is come back to has its filter'
report
