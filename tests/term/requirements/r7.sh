#!/usr/bin/env bash
# R7: a writer that this edit would collide with blocks it; one that it would not does not.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The replicator of pipeline 4, as the server sees one: a session with its application name.
replicator() { # SUFFIX
    PGAPPNAME="supabase_etl$1" "$PENSTOCK_POSTGRES_BIN/psql" -qX -c 'select pg_sleep(600)' "$(address_of "$database")" >/dev/null 2>&1 &
    until_true 60 seen_by_server "supabase_etl$1" || fail 'the replicator did not start'
}
seen_by_server() { [ "$(sql "select count(*) from pg_stat_activity where application_name = '$1'")" -gt 0 ]; }
stop_replicators() {
    sql "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'supabase_etl:%'" >/dev/null
    until_true 60 no_replicators || fail 'a replicator does not stop'
}
no_replicators() { [ "$(sql "select count(*) from pg_stat_activity where application_name like 'supabase_etl:%'")" = 0 ]; }

A1() {
    fresh_etl
    rollback_plan orders
    see 'WRITER +none seen'
    replicator :apply:4
    rollback_plan orders
    see 'WRITER .*safe'
    takes_keys
    replicator :table_sync:4:916401
    rollback_plan orders
    see 'public.orders +running, BLOCKS: '
    see 'nothing can be applied'
    next_picture
    lacks 'y applies|then Enter: ' || fail 'a blocked plan can be applied'
    stop_replicators
}

A2() {
    fresh_etl
    rollback_plan orders
    takes_keys
    replicator :table_sync:4:916401
    accept
    see 'RESULT'
    see 'locked|writer|BLOCKS|works on'
    [ "$(phase 916401)" = errored ] || fail 'written under a live writer'
    stop_replicators
}

A3() {
    fresh_etl
    replicator :table_sync:4:916401
    rollback_plan orders
    see 'BLOCKS'
    see 'nothing can be applied'
    next_picture
    k f
    see 'reason, then Enter: '
    type_in 'the worker hangs since noon'
    see 'type +public\.orders'
    [ "$(phase 916401)" = errored ] || fail 'written without being confirmed'
    type_in 'public.orders'
    see 'RESULT .*1 of 1 applied'
    [ "$(phase 916401)" = finished_copy ] || fail 'the override did nothing'
    grep -q '"forced":true' "$XDG_STATE_HOME/penstock/audit.jsonl" || fail 'the override is not in the audit'
    grep -q 'hangs since noon' "$XDG_STATE_HOME/penstock/audit.jsonl" || fail 'nor its reason'
    stop_replicators
}

A4() {
    fresh_etl
    rollback_plan orders
    accept
    see 'NOT IN EFFECT until'
    see 'restart'
    fresh_sessions 200
    replay_plan
    accept
    see 'RESULT .*1 of 1 applied'
    see 'NOT RUNNING until|NOT IN EFFECT until'
}

check A1 'the plan says of each row: none seen, safe, or BLOCKS and why'
check A2 'a writer that starts between plan and apply is caught'
check A3 'an override is explicit, typed, with a reason, and audited'
check A4 'afterwards: what has to happen before it is in effect'
report
