#!/usr/bin/env bash
# R4: undo and redo from a durable journal, honest about what cannot be undone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

rollback_orders() {
    rollback_plan orders
    see 'until restart'
    accept
    see 'RESULT .*1 of 1 applied'
}

A1() {
    fresh_etl
    local before
    before=$(dump)
    rollback_orders
    [ "$(dump)" != "$before" ] || fail 'nothing was written'
    k z
    see 'PLAN .*undo'
    see 'finished_copy → errored'
    accept
    see 'RESULT .*1 of 1 applied'
    [ "$(dump)" = "$before" ] || fail 'the rows are not those of before'
}

A2() {
    fresh_etl
    local before after
    before=$(dump)
    rollback_orders
    after=$(dump | cut -d'|' -f 1-7)
    kill -9 "$(program)"
    open_list 'penstock dev'
    k z
    see 'PLAN .*undo'
    accept
    see 'RESULT .*1 of 1 applied'
    [ "$(dump)" = "$before" ] || fail 'the rows are not those of before'
    k Escape
    gone 'RESULT'
    k Z
    see 'PLAN .*redo|PLAN .*undo'
    accept
    see 'RESULT .*1 of 1 applied'
    [ "$(dump | cut -d'|' -f 1-7)" = "$after" ] || fail 'redo left something else'
}

A3() {
    fresh_etl
    rollback_orders
    k Escape
    gone 'RESULT'
    sql "update etl.replication_state set updated_at = now() at time zone 'UTC' where is_current and table_id = 916401"
    local now
    now=$(dump)
    k z
    see 'y applies|then Enter: |changed since'
    lacks 'y applies|then Enter: ' || accept
    see 'changed since'
    [ "$(dump)" = "$now" ] || fail 'the undo overwrote what came from outside'
}

A4() {
    fresh_etl
    rollback_orders
    k Escape
    gone 'RESULT'
    k J
    see '▸.*rollback.*until restart'
    k Enter
    see 'public\.orders +errored +finished_copy'

    fresh_sessions 20
    break_plan
    see 'NOT UNDOABLE'
}

A5() {
    fresh_etl
    mkdir -p "$XDG_STATE_HOME/penstock"
    local before
    before=$(dump)
    # root may write anywhere: there a file stands where the folder should be
    rm -rf "$XDG_STATE_HOME/penstock"
    : >"$XDG_STATE_HOME/penstock"
    rollback_plan orders
    accept
    see 'nothing was written: .*journal'
    [ "$(dump)" = "$before" ] || fail 'written without a journal'
    rm -f "$XDG_STATE_HOME/penstock"
    k Escape
    gone 'RESULT'
    cursor_to 'public\.t20'
}

check A1 'z restores the row, and the history row that the rollback removed'
check A2 'killed after the change: z is still offered, Z redoes'
check A3 'a row that changed since is not undone'
check A4 'every plan says what undo covers; the journal lists it'
check A5 'no journal, no change; browsing goes on'
report
