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

# Meltano's runs tell who writes: one under way blocks its state, one without a heartbeat for longer
# than its limit raises the confirmation, one that ended is none.
runs=${database}_runs
databases+=("$runs")
cat >>"$XDG_CONFIG_HOME/penstock/config.yaml" <<YAML
  - {name: runs, address: "meltano+$(address_of "$runs")", env: dev, refresh: 1s}
YAML
make_runs() {
    empty_database "$runs"
    server -o /dev/null -f "$servers/meltano_postgres.sql" "$(address_of "$runs")"
    server -o /dev/null "$(address_of "$runs")" <<'SQL'
insert into state select id, '{}', '{"singer_state": {"bookmarks": {"orders": {"id": 5}}}}', now()
    from unnest(array['dev:tap-live', 'dev:tap-killed', 'dev:tap-done']) id;
insert into runs (job_name, state, started_at, last_heartbeat_at, payload, payload_flags, run_id, trigger)
    select 'dev:tap-' || name, state, at - interval '1 hour', at, '{}', 0, gen_random_uuid(), 'cli' from (values
        ('live', 'RUNNING', now() at time zone 'UTC' + interval '1 hour'),
        ('killed', 'RUNNING', now() at time zone 'UTC' - interval '12 minutes'),
        ('done', 'SUCCESS', now() at time zone 'UTC')) r (name, state, at);
SQL
}
clear_plan() { # STATE
    open_list 'penstock runs'
    cursor_to "dev:tap-$1"
    k x
    see 'clear'
    k c
    see 'PLAN .*clear'
}

A1_meltano() {
    make_runs
    clear_plan live
    see 'dev:tap-live +running, BLOCKS: run .* is under way'
    see 'nothing can be applied'
    clear_plan killed
    see 'WRITER +cannot see: run .* is marked RUNNING'
    see 'last heartbeat 12m ago'
    see 'type +dev:tap-killed +then Enter: '
    clear_plan done
    see 'WRITER +none seen'
    see 'y applies'
}

# An instance of a session blocks what is done to itself, and nothing else.
A1_triggers() {
    penstock demo --no-tui --dir "$work/demo" >/dev/null
    open_list "penstock -t 'triggers+file://$work/demo/plain'"
    filter_by uid=order:88019
    see '▸.*order:88019'
    k H
    see 't_charge#0 +○ running'
    cursor_to 't_charge#0'
    k x
    see '│.*h +set to failed +BLOCKED: '
    k h
    see 'running, BLOCKS: t_charge#0 is running'
    see 'nothing can be applied'
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
    see 'NOT RUNNING until '

    # beside a writer that does not collide what was written is read again, and again
    fresh_etl
    replicator :apply:4
    rollback_plan orders
    accept
    see 'RESULT .*1 of 1 applied'
    see 'still as written at '
    sql "update etl.replication_state set state = 'data_sync', metadata = '{\"type\":\"data_sync\"}' where is_current and table_id = 916401"
    see '^ OVERWRITTEN .*public\.orders: it is data_sync now' 120
    stop_replicators
}

check A1 'the plan says of each row: none seen, safe, or BLOCKS and why'
check A1_meltano 'a run under way blocks, one that was killed raises the confirmation, one that ended is none'
check A1_triggers 'an instance that is running blocks what is done to it'
check A2 'a writer that starts between plan and apply is caught'
check A3 'an override is explicit, typed, with a reason, and audited'
check A4 'afterwards: what has to happen before it is in effect'
report
