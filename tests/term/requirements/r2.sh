#!/usr/bin/env bash
# R2: every change is a plan first: frozen targets, old and new, consequences, then apply, then
# read-back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
fresh_sessions
fresh_states

# plan_and_leave MENU_KEY ENTRY ROW: the plan of that key, left with Esc.
plan_and_leave() {
    k x
    see "$2"
    k "$1"
    takes_keys
    see 'PLAN '
    see "$3"
    see '→'
    leave_plan
}

A1() {
    local before
    before=$(dump)
    open_list 'penstock dev'
    cursor_to 'public\.orders'
    plan_and_leave r 'rollback one step' 'public\.orders +errored → finished_copy'
    plan_and_leave t 'reset to init' 'public\.orders +errored → init'
    plan_and_leave c 'clear copy' 'public\.orders'
    [ "$(dump)" = "$before" ] || fail 'a plan that was left changed a row'

    before=$(redis_dump)
    replay_plan
    takes_keys
    see 'failed. → |→ .replayed'
    leave_plan
    [ "$(redis_dump)" = "$before" ] || fail 'a plan that was left changed Redis'
    break_plan
    see 'applicant:0017 +held by unknown \(16 bytes\) → free'
    leave_plan
    [ "$(redis_dump)" = "$before" ] || fail 'a break that was left changed Redis'

    before=$(sums "$work/states")
    open_list 'penstock states'
    cursor_to 'tap-003'
    plan_and_leave c 'clear' 'tap-003'
    [ "$(sums "$work/states")" = "$before" ] || fail 'a plan that was left changed a file'
}

A2() {
    local before
    before=$(phase 916420)
    [ "$before" = ready ] || fail "the seventh table is $before"
    open_list 'penstock dev'
    filter_by 'phase=errored'
    see '6 of 40'
    k '*'
    see '6 marked'
    k x
    see 'rollback one step'
    k r
    see 'PLAN .*6 tables'
    sql "update etl.replication_state set is_current = false where is_current and table_id = 916420"
    sql "insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
         select pipeline_id, table_id, 'errored', '{\"type\":\"errored\",\"reason\":\"[X] y\",\"solution\":null,\"retry_policy\":{\"type\":\"manual_retry\"}}', max(id), true
         from etl.replication_state where table_id = 916420 group by 1, 2"
    see 'type +rollback 6'
    type_in 'rollback 6'
    see 'RESULT .*6 of 6'
    [ "$(phase 916420)" = errored ] || fail 'the seventh table was rolled back too'
    [ "$(sql "select count(*) from etl.replication_state where is_current and state = 'errored'")" = 1 ] ||
        fail 'not exactly the six were rolled back'
}

A3() {
    fresh_etl
    rollback_plan orders
    accept
    see 'RESULT'
    see 'public\.orders .*applied.*verified'
    [ "$(phase 916401)" = finished_copy ] || fail 'Postgres does not agree'
}

A4() {
    fresh_etl
    open_list 'penstock dev' 80 24
    k '*'
    see '40 marked'
    k x
    see 'rollback'
    k t
    see 'PLAN .*40 tables'
    see 'then Enter: '
    see 'of 40 ─'
    lacks 't40' || fail 'the plan fits: nothing to scroll'
    k Tab
    see 'Tab goes back to typing'
    local tries=0 before
    until shows 't40|916440'; do
        [ "$tries" -lt 200 ] || fail 'scrolling does not reach the last row'
        tries=$((tries + 1))
        before=$(cap)
        k PageDown
        until_true 60 has_changed "$before" || fail 'nothing is drawn any more'
    done
}

has_changed() { [ "$(cap)" != "$1" ]; }

check A1 'a change shows its plan, old and new value; left, nothing has changed'
check A2 'all errored means the names of that moment'
check A3 'after apply: verified, and the store agrees'
check A4 'a long plan scrolls under its true total'
report
