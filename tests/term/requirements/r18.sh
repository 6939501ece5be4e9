#!/usr/bin/env bash
# R18: a detail view that can be trusted.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

mkdir -p "$work/states/odd"
printf '%s' '{"completed": {"singer_state": {"bookmarks": {"orders": {"replication_key_value": 9007199254740993, "rate": 1e400, "list": [1, 2, 3]}, "items": {"v": "orders"}}}}, "partial": {}}' \
    >"$work/states/odd/state.json"
mkdir -p "$work/states/hostile"
printf '%s' '{"completed": {"singer_state": {"bookmarks": {"x": {"v": "\u001b]0;pwn\u0007\u001b[2J\u0000\u009b31m"}}}}, "partial": {}}' \
    >"$work/states/hostile/state.json"
sum() { sha256sum <"$work/states/$1/state.json"; }

open_state() {
    open_list 'penstock states' 120 40
    cursor_to "$1"
    k Enter
    see '^ ▸?.* - completed:' # read, so that something can be found
}

A1() {
    local before
    before=$(sum odd)
    open_state odd
    k / ; lit orders; k Enter
    see '1/2 '
    see '/completed/singer_state/bookmarks/orders'
    see '9007199254740993'
    see '1e400'
    k n
    see '2/2 '
    k n
    see '1/2 '
    k h
    gone 9007199254740993
    k l
    see 9007199254740993
    [ "$(sum odd)" = "$before" ] || fail 'looking changed it'
}

A2() {
    open_state hostile
    k / ; lit pwn; k Enter
    see '0;pwn'
    k Enter # the value alone
    see '› value'
    see '0;pwn'
    [ "$(value '#{pane_title}')" != pwn ] || fail 'the title of the window changed'
    see 'as of'
    ! cap | grep -qP '[\x{80}-\x{9f}]' || fail 'a control character'
}

check A1 'folds, finds, counts, says where; numbers are as they are stored'
check A2 'what a terminal would obey is shown as text'
report
