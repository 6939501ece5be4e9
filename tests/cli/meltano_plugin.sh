#!/usr/bin/env bash
# States in the table of meltano-state-backend-postgresql: NULL for an empty half, the plug-in's own lock
# held by another session, and undo. Run it with tests/servers/run.sh.
. "$(dirname "$0")/postgres.sh"
sql -o /dev/null -f "$servers/meltano_plugin.sql" || exit 1
# advisory_locks N WHICH: so many there are in this database; others have locks in theirs.
advisory_locks() {
    [ "$(sql -c "select count(*) from pg_locks join pg_database d on d.oid = database
              where locktype = 'advisory' and datname = current_database() and $2")" = "$1" ]
}
id=dev:tap-gitlab-to-target-postgres
plugin="meltano+$(address)&layout=plugin"

# found without being named, and called by what it is
run 0 -t "$(address)" probe -o json
field_is layout plugin

# an empty half reads as {}, and is written as NULL
run 0 -t "$plugin" state get "$id"
out_is '{"singer_state":{"bookmarks":{}}}'
sql -c "select * from state" >before
run 0 -t "$plugin" state set "$id" '{"singer_state": {"bookmarks": {"a": 1}}}' --yes
[ "$(sql -c "select partial_state is null, completed_state from state")" = 't|{"singer_state": {"bookmarks": {"a": 1}}}' ] ||
    fail 'the row is not as the plug-in writes it'
[ "$(sql -c "select abs(extract(epoch from localtimestamp - updated_at)) < 600 from state")" = t ] || fail 'updated_at'
run 0 -t "$plugin" journal undo --yes
[ "$(sql -c 'select * from state')" = "$(cat before)" ] || fail 'the undo left something'

# runs= keeps the note of it, and the undo takes that away; without runs= it says that it does not
python3 -c 'import sqlite3, sys
sqlite3.connect("meltano.db").executescript(open(sys.argv[1]).read())' "$servers/meltano_sqlite.sql"
runs() { python3 -c 'import sqlite3
print(*(row[0] for row in sqlite3.connect("meltano.db").execute("SELECT state FROM runs")))'; }
noted="$plugin&runs=meltano%2Bsqlite://$work/meltano.db"
run 0 -t "$noted" state set "$id" '{"singer_state": {"bookmarks": {"a": 1}}}' --yes
[ "$(runs)" = STATE_EDIT ] || fail "noted: $(runs)"
run 0 -t "$noted" journal undo --yes
[ "$(sql -c 'select * from state')$(runs)" = "$(cat before)" ] || fail 'the undo left the note'
run 0 -t "$noted" state set "$id" '{"singer_state": {"bookmarks": {"a": 1}}}' --yes
run 0 -t "$plugin" journal undo --yes
out_has 'not taken back in the history of runs'
[ "$(sql -c 'select * from state')$(runs)" = "$(cat before)STATE_EDIT" ] || fail 'undone without runs='

# a lock that the plug-in's session holds is shown with its session, and stops us; key from 6.1
coproc holder { PGAPPNAME=meltano exec "$psql" -qXAt "$(address)"; }
holding=$holder_PID # bash unsets holder_PID as soon as it has seen the end
echo 'select pg_advisory_lock(-3640580012071500087);' >&"${holder[1]}"
until_true advisory_locks 1 granted || fail 'the plug-in has no lock'
run 0 -t "$plugin" lock list -o json
field_is object "$id"
field holder | grep -q ': meltano as ' || fail "the holder is $(field holder)"
run 5 -t "$plugin" state set "$id" '{"singer_state": {"a": 1}}' --yes --lock-wait 1
[ "$(sql -c 'select * from state')" = "$(cat before)" ] || fail 'written while the lock was held'
# the plug-in holds it for each write alone, so it is waited for
"$penstock" -t "$plugin" state set "$id" '{"singer_state": {"a": 1}}' --yes --lock-wait 600 >out 2>err &
waiting=$!
until_true advisory_locks 1 'not granted' || fail 'it does not wait for the lock'
echo '\q' >&"${holder[1]}"
wait "$holding"
ran='state set beside a held lock'
wait "$waiting" || fail 'it did not wait for the lock'
run 0 -t "$plugin" state set new '{"singer_state": {"a": 1}}' --yes
[ "$(sql -c "select partial_state is null, updated_at is null from state where state_id = 'new'")" = 't|f' ] ||
    fail 'a new row is not as the plug-in writes it'
run 0 -t "$plugin" state clear new --yes
[ "$(sql -c "select count(*) from state where state_id = 'new'")" = 0 ] || fail 'not cleared'

# a lock is held for a command, in a session of ours; it ends with its time
run 0 -t "$plugin" lock hold "$id" --for 600 -- "$penstock" -t "$plugin" lock list -o json
field_is object "$id"
field holder | grep -q ': penstock as ' || fail "held by $(field holder)"
run 5 -t "$plugin" lock hold "$id" -- "$penstock" -t "$plugin" state clear "$id" --yes --lock-wait 0
run 0 -t "$plugin" lock list -o json
lines_are 0
run 4 -t "$plugin" lock hold "$id" --for 1 -- bash -c 'until "$@" | grep -qx 0; do sleep .05; done' bash \
    "$psql" -qXAt "$(address)" -c "select count(*) from pg_locks join pg_database d on d.oid = database
        where locktype = 'advisory' and datname = current_database() and granted"
err_has 'the lock ended before it was given back'

# breaking one ends the session, says so, and asks for more than a --yes; another session's lock stays
PGAPPNAME=meltano "$psql" -qXAt -c 'select pg_advisory_lock(-3640580012071500087)' \
    -c 'select pg_sleep(600)' "$(address)" >victim 2>&1 </dev/null &
victim=$!
until_true advisory_locks 1 granted || fail "the lock is not taken: $(cat victim)"
run 5 -t "$plugin" lock break "$id" --yes --confirm "$id" --reason test
advisory_locks 1 granted || fail 'a live lock was broken'
run 0 -t "$plugin" lock break "$id" --force --reason test --dry-run -o json
cp out broken.json
field consequences | grep -q 'meltano as postgres) is ended' || fail 'the plan does not say whose session ends'
run 0 -t "$plugin" lock break "$id" --force --yes --confirm "$id" --reason test -o json
field_is results.0.outcome applied
advisory_locks 0 granted || fail 'the lock is still held'
wait "$victim" && fail 'its session lives'

# a row that holds more than we know, or takes rows of other tables with it, is not removed; one that we
# made is, whatever its other columns got by default
sql -c "alter table state add column owner text default 'ops'; update state set owner = 'ana'"
sql -c 'select * from state order by 1' >before
run 6 -t "$plugin" state clear "$id" --yes
err_has 'no undo could bring back: owner'
run 0 -t "$plugin" state set other '{"singer_state": {"a": 1}}' --yes
run 0 -t "$plugin" journal undo --yes
sql -c "alter table state drop column owner; create table notes (state_id varchar references state on delete cascade)"
run 6 -t "$plugin" state clear "$id" --yes
err_has 'no undo could bring back: rows of notes'
sql -c "drop table notes; alter table state add column owner text; update state set owner = 'ana'"
sql -c 'select * from state order by 1' | cmp -s - before || fail 'a row was touched'

# a column of another type: nothing is guessed, and no SQL of ours is shown
for column in 'state_id bytea' 'completed_state jsonb' 'partial_state json' 'partial_state bytea'; do
    sql -c 'create schema if not exists odd; drop table if exists odd.state;
        create table odd.state (state_id text, completed_state text, partial_state text, updated_at timestamp)' \
        -c "alter table odd.state drop column ${column% *}, add column $column"
    run 6 -t "meltano+$(address)&layout=plugin&schema=odd" state list
    err_has "the table odd.state is none of this layout: ${column/ / is }, not text"
done
finish
