#!/usr/bin/env bash
# R2: every change is a plan first: frozen targets, old and new, consequences, then apply, then
# read-back.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
fresh_sessions
fresh_states

# leaves_all_as_it_is MENU_KEY WHAT: the plan of that key, left with Esc.
plan_and_leave() {
    k x
    see "$2"
    k "$1"
    see 'PLAN'
    see "$3"
    see '→'
    sleep .6
    k Escape
    gone 'PLAN'
}

A1() {
    local before
    before=$(dump)
    start 'penstock dev'
    see 'public\.orders'
    cursor_to 'public\.orders'
    plan_and_leave r 'rollback one step' 'public\.orders +errored → finished_copy'
    plan_and_leave t 'reset to init' 'public\.orders +errored → init'
    plan_and_leave c 'clear copy' 'public\.orders'
    [ "$(dump)" = "$before" ] || fail 'a plan that was left changed a row'

    before=$(redis_dump)
    replay_plan
    see 'failed. → |→ .replayed'
    sleep .6
    k Escape
    gone 'PLAN'
    [ "$(redis_dump)" = "$before" ] || fail 'a plan that was left changed Redis'

    before=$(sums "$work/states")
    start 'penstock states'
    see 'dev:tap-'
    cursor_to 'tap-003'
    plan_and_leave c 'clear' 'tap-003'
    [ "$(sums "$work/states")" = "$before" ] || fail 'a plan that was left changed a file'
}

A2() {
    local before
    before=$(phase 916420)
    [ "$before" = ready ] || fail "the seventh table is $before"
    start 'penstock dev'
    see 'public\.orders'
    filter_by 'phase=errored'
    see '6 of 40'
    k '*'
    see '6 marked'
    k x
    see 'rollback one step'
    k r
    see 'PLAN'
    see '6 tables'
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
    start 'penstock dev' 80 24
    see 'tables  40'
    k '*'
    see '40 marked'
    k x
    see 'rollback'
    k t
    see 'PLAN .*40 tables'
    see '40|of [0-9]+ lines'
    cap | grep -q 't40' && fail 'the plan fits: nothing to scroll'
    sleep .6
    k Tab
    local tries=0
    until shows 't40|916440'; do
        [ "$tries" -lt 200 ] || fail 'scrolling does not reach the last row'
        tries=$((tries + 1))
        k PageDown
    done
}

check A1 'a change shows its plan, old and new value; left, nothing has changed'
check A2 'all errored means the names of that moment'
check A3 'after apply: verified, and the store agrees'
check A4 'a long plan scrolls under its true total'
report
