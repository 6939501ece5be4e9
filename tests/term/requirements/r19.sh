#!/usr/bin/env bash
# R19: what differs, and what a record went through.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
fresh_sessions 5

A1() {
    open_list 'penstock dev' 120 40
    cursor_to 'public\.orders'
    k H
    see 'phases  4'
    see 'errored .*manual_retry'
    see 'finished_copy'
    see 'init'
}

A2() {
    local before
    before=$(dump)
    rollback_plan orders
    accept
    see 'RESULT .*1 of 1 applied'
    see 'verified'
    k Enter
    gone RESULT
    cursor_to 'public\.orders'
    k =
    see '^ *- /states/3.*"state": "errored"'
    see 'public\.orders before the rollback'
    k Escape
    gone 'public\.orders before the rollback'
    k H H H
    see 'changes made from here in public\.orders  1'
    see 'rollback +errored +finished_copy +applied'
    k z
    see 'undoes the rollback'
    accept
    see 'RESULT .*undo .*1 of 1 applied'
    see 'verified'
    [ "$(dump)" = "$before" ] || fail 'not what was there before'
}

A3() {
    open_list 'penstock cache' 120 40
    k H H H
    see 'changes made from here'
    see 'this record was never changed from here'
}

A4() {
    open_list 'NO_COLOR=1 penstock dev' 120 40
    mark 'public\.orders'
    mark 'public\.t40'
    k =
    see '^ *[+~] /'
    see '^ *- '
}

check A1 'the phases of a table, newest first'
check A2 'what differs from before; undone from the history of the record'
check A3 'where a system keeps no history, the journal is offered'
check A4 'a diff is read without colour'
report
