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

# A table that errored right behind sync_done: what came since is copied by no rollback.
loses_changes() { # TABLE
    sql "delete from etl.replication_state where table_id = $1 and state = 'ready'"
    sql "insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
         select pipeline_id, table_id, 'errored', '{\"type\":\"errored\",\"reason\":\"[X] y\",\"solution\":null,\"retry_policy\":{\"type\":\"manual_retry\"}}', id, true
         from etl.replication_state where table_id = $1 and state = 'sync_done'"
}

A4() {
    fresh_etl
    loses_changes 916420
    rollback_plan t20
    see '✖ LOSES all changes'
    see 'undo: rows only, lost changes stay lost'
    rollback_orders
    see 'undo: until restart'
    k Escape
    gone 'RESULT'
    k J
    see 'ID +AGE +WHO +TARGET +VERB +OBJECT +OUTCOME +UNDO'
    see "▸ +[0-9a-f]{12} +[0-9]+s +[^ ]+@[^ ]+ +dev +rollback +public\.orders +applied +until restart"
    k Enter
    see 'public\.orders +errored +finished_copy'

    fresh_states
    start 'penstock states'
    see 'dev:tap-'
    see ' as of '
    cursor_to 'tap-003'
    k x
    see 'clear'
    k c
    see 'undo: full'

    fresh_sessions 200
    replay_plan
    see 'undo: until a worker takes it'

    break_plan
    see 'undo: NOT UNDOABLE'
    see 'reason, then Enter: '
    type_in 'its worker died'
    see 'type +applicant:0017 +then Enter: '
    type_in applicant:0017
    see 'RESULT .*1 of 1 applied'
    k z
    see '^ this cannot be undone'
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
