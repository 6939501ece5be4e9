#!/usr/bin/env bash
# Meltano's system database on a real server ($PENSTOCK_POSTGRES) under a role that may not do
# everything: what it may not is said, and nothing is half done.
. "$(dirname "$0")/postgres.sh"
old='{"singer_state": {"bookmarks": {"u": {"v": 1}}}}'
new='{"singer_state":{"bookmarks":{"u":{"v":2}}}}'
role=operator_$$
also+=(-c "drop role $role")
target=$(address "$role")
sql -f "$servers/meltano_postgres.sql"
sql -c "insert into state (state_id, completed_state) values ('a', '$old')" -c "create role $role login" \
    -c "grant select, insert, update, delete on state, runs, alembic_version to $role" \
    -c "grant usage on sequence job_id_seq to $role"
same_row() {
    local row
    row=$(sql -c "select completed_state from state")
    [ "$row" = "$old" ] || fail "the table holds $row"
}

# A row that a policy shows but does not let change: locking it finds nothing.
sql -c 'alter table state enable row level security' -c 'create policy see on state for select using (true)'
run 6 -t "$target" -y state set a "$new"
err_has 'a row-level policy keeps this role from changing a'
run 6 -t "$target" -y state clear a
err_has 'a row-level policy keeps this role from changing a'
run 6 -t "$target" -y state set b "$new"
err_has 'row-level security policy'
same_row
sql -c 'alter table state disable row level security'

# A default of reading only is not overridden unasked.
sql -c "alter role $role set default_transaction_read_only = on"
run 6 -t "$target" -y state set a "$new"
err_has 'default_transaction_read_only is on'
same_row
sql -c "alter role $role reset all"

# A row that somebody else has locked: the message names it.
sleepers="from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
sql -c "begin; select 1 from state for update; select pg_sleep(600)" >/dev/null 2>&1 &
somebody_sleeps() { [ "$(sql -c "select count(*) $sleepers")" = 1 ]; }
until_true somebody_sleeps || fail 'nobody has the row'
run 5 -t "$target" -y --lock-wait 1 state set a "$new"
err_has 'penstock: a: canceling statement due to lock timeout'
same_row
sql -c "select pg_terminate_backend(pid) $sleepers" >/dev/null
wait
run 0 -t "$target" -y state set a "$new"

# A trigger that waits for the COMMIT does not alter the row behind our back.
sql -c "create function alter_later() returns trigger language plpgsql as
        'begin update state set completed_state = ''{}'' where state_id = new.state_id; return null; end'" \
    -c "create constraint trigger meddler after update on state deferrable initially deferred for each row
        when (new.completed_state <> '{}') execute function alter_later()"
before=$(sql -c 'select * from state')
run 6 -t "$target" -y state set a "$old"
err_has 'nothing was kept'
[ "$(sql -c 'select * from state')" = "$before" ] || fail 'the row was altered'
sql -c 'drop trigger meddler on state'

# Who reads is not kept waiting by a table that a listing has no need of, and needs no right to the
# revision.
state=meltano+$target"&layout=systemdb"
sql -c "begin; lock table runs; select pg_sleep(600)" >/dev/null 2>&1 &
until_true somebody_sleeps || fail 'nobody has the table'
run 0 -t "$state" --timeout 60 state list --ids
out_is a
sql -c "select pg_terminate_backend(pid) $sleepers" >/dev/null
wait
sql -c "revoke select on alembic_version from $role"
run 0 -t "$state" state list --ids
out_is a
sql -c "grant select on alembic_version to $role"

# What only looks like the tables is none.
for table in state runs alembic_version; do
    for kind in view 'materialized view'; do
        sql -c "alter table $table rename to kept" -c "create $kind $table as select * from kept" \
            -c "grant select on $table to $role"
        run 6 -t "$state" state list --ids
        err_has 'there is no system database of Meltano in this database'
        sql -c "drop $kind $table" -c "alter table kept rename to $table"
    done
done

# A database that checks no encoding may hold what is no text: damaged, not asked for wrongly.
ascii=${database}_ascii
server -c "create database $ascii encoding 'SQL_ASCII' template template0
    lc_collate 'C' lc_ctype 'C'"
target=${PENSTOCK_POSTGRES/\/\/postgres@\/postgres/\/\/postgres@\/$ascii}
"$psql" -qXAt -d "$target" -f "$servers/meltano_postgres.sql" \
    -c "set client_encoding = 'SQL_ASCII'" -c "insert into state (state_id) values (E'bad\\377')"
run 8 -t "$target" state list
err_has 'invalid byte sequence'
server -c "drop database $ascii (force)"

finish
