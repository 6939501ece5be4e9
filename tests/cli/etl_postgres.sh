#!/usr/bin/env bash
# The sample pipeline on a real Postgres: found, rolled back, undone to the last column, refused.
# Run it with tests/servers/run.sh.
. "$(dirname "$0")/postgres.sh"
sql -o /dev/null -f "$servers/etl_schema.sql" -f "$servers/etl_sample.sql" || exit 1
etl=etl+$(address)
dump() { sql -c 'select * from etl.replication_state order by id'; }
phase() { sql -c "select state from etl.replication_state where is_current and pipeline_id = $1 and table_id = $2"; }
dump >before

run 0 -t "$etl" table list -o json --pipeline 7
lines_are 8
run 0 -t "$etl" table pipelines -o json
field_is pipeline_id $'7\n8\n3'
field_is tables $'8\n1\n0'
field_is errored $'3\n0\n0'
run 0 -t "$etl" table list --errored --pipeline 7 -o name
errored=$(wc -l <out)
[ "$errored" -gt 0 ] || fail 'nothing is errored'
run 0 -t "$etl" table rollback --errored --pipeline 7 --dry-run
run 6 -t "$etl" table rollback --errored --pipeline 7
dump | diff -q - before >/dev/null || fail 'written without being confirmed'
run 0 -t "$etl" table rollback --errored --pipeline 7 --yes -o json
field results | grep -o '"outcome": "applied"' | wc -l | grep -qx "$errored" || fail 'not all were applied'
dump | diff -q - before >/dev/null && fail 'nothing was written'
run 0 -t "$etl" journal undo --yes
dump | diff - before >diff || fail "undo: $(head -3 diff)"
run 0 -t "$etl" journal redo --yes -o name
run 0 -t "$etl" journal undo --yes -o name
dump | diff - before >diff || fail "second undo: $(head -3 diff)"

# a batch that the server stopped in the middle goes on where it was, with all checks made anew
sql <<'SQL'
create function public.stop() returns trigger language plpgsql as
    $$ begin raise exception 'stopped by a trigger'; end $$;
create trigger stop before delete on etl.replication_state for each row
    when (old.table_id = 16461) execute function public.stop();
SQL
run 9 -t "$etl" table rollback --errored --pipeline 7 --yes -o json
out_has 'stopped by a trigger'
broken=$(field journal_id)
sql -c 'drop trigger stop on etl.replication_state'
dump >stopped
run 6 -t "$etl" journal resume "$broken"
dump | diff -q - stopped >/dev/null || fail 'resumed without being confirmed'
run 0 -t "$etl" journal resume "$broken" --yes -o json
python3 -c '
import json
print([(r["id"], r["outcome"]) for r in json.load(open("out"))["results"]])' >resumed
grep -qF "[('7/16461', 'applied')]" resumed || fail "resumed: $(cat resumed)"
[ "$(phase 7 16461)" = data_sync ] || fail 'what was left is not rolled back'
run 4 -t "$etl" journal resume "$broken" --yes
err_has 'changed since the batch'
[ "$(phase 7 16461)" = data_sync ] || fail 'a batch was resumed twice'
run 0 -t "$etl" journal undo --yes
run 0 -t "$etl" journal undo "$broken" --yes
dump | diff - before >diff || fail "undo of both: $(head -3 diff)"
run 0 -t "$etl" journal list -o json
run 3 -t "$etl" journal resume abcdef012345

# all tables, one step: the one that is at init is refused, the others go on
run 9 -t "$etl" table rollback --all --pipeline 7 --yes --reason test -o json
python3 -c '
import json
for r in json.load(open("out"))["results"]:
    print(r["id"], r["outcome"])' >outcomes
grep -qx '7/16441 refused' outcomes || fail '16441 is not refused'
grep -v ^7/16441 outcomes | grep -qv ' applied$' && fail "not all others were applied: $(cat outcomes)"
run 0 -t "$etl" journal undo --yes
dump | diff - before >diff || fail "third undo: $(head -3 diff)"
run 6 -t "$etl" table rollback 7/16441 --yes

# an oid that is another table's here: the stored name stands, unless this database is the source
sql <<'SQL'
create table public.other (id int);
insert into etl.replication_state (pipeline_id, table_id, state, metadata, is_current)
    select 9, 'public.other'::regclass::oid, 'ready', '{"type":"ready"}', true;
insert into etl.table_schemas (pipeline_id, table_id, schema_name, table_name, snapshot_id)
    select 9, 'public.other'::regclass::oid, 'public', 'kept', '0/0';
SQL
run 0 -t "$etl" table list --pipeline 9 -o json
field_is table public.kept
sql -c "select pg_create_logical_replication_slot('supabase_etl_apply_9', 'pgoutput')" >/dev/null
run 0 -t "$etl" table list --pipeline 9 -o json
field_is table public.other
sql -c "select pg_drop_replication_slot('supabase_etl_apply_9')" >/dev/null
sql <<'SQL'
delete from etl.replication_state where pipeline_id = 9;
delete from etl.table_schemas where pipeline_id = 9;
SQL

# versions of the schema: what came, and what the destination has
run 0 -t "$etl" table versions 7/16401 -o json
field_is snapshot_id $'1A/4C00000\n0/0'
field_is changes $'+ status TEXT default \'new\'::text\nnull'
field_is destination $'applied\nnull'
run 0 -t "$etl" table versions 7/16461 -o json
field_is columns 2

# what a deleted pipeline left behind is listed, found, forgotten and brought back
run 0 -t "$etl" table list -o json --pipeline 3
field_is verdict 'left over'
field_is position 0/9F00AB8
run 0 -t "$etl" table list -o json --pipeline 7
[ "$(field position | sort -u | tr '\n' ' ')" = '1A/4C5F0A0 1A/4C60F28 ' ] || fail "positions: $(field position)"
run 0 -t "$etl" check -o json
grep '"orphan"' out | grep -q 'table forget 3/0' || fail 'the orphan is not found'
run 0 -t "$etl" table show 7/16421
out_has 'schema    1A/4C10000 applying, before it 0/0'
out_has 'copied    1A/4C5F0A0 since 2026-07-24T09:12:20Z'
out_has 'applied   1A/4C60F28 since 2026-07-24T09:12:31Z'
positions() { sql -c 'select * from etl.replication_progress order by id'; }
positions >positions.before
run 6 -t "$etl" table clear-copy 3/0 --reason test --confirm 3/0 --yes
run 0 -t "$etl" table forget 3/0 --reason test --confirm 3/0 --yes
grep -v '^3|3|' positions.before >positions.left
positions | diff - positions.left >diff || fail "forgotten: $(head -3 diff)"
run 0 -t "$etl" journal undo --yes
positions | diff - positions.before >diff || fail "undo of forget: $(head -3 diff)"

# the plan goes stale when somebody else writes
one=$("$penstock" -t "$etl" table list --errored --pipeline 7 -o name | sed -n 1p)
run 0 -t "$etl" plan table rollback "$one" -o json
cp out plan.json
sql -c "update etl.replication_state set updated_at = now() where is_current and pipeline_id = 7 and table_id = ${one#7/}"
dump >changed
run 4 -t "$etl" apply plan.json --yes
dump | diff - changed >diff || fail "a stale plan wrote: $(head -3 diff)"

# a pipeline id above 2^63 is what the replicator means by its negative bigint
dump >unsigned
sql <<'SQL'
with old as (insert into etl.replication_state (pipeline_id, table_id, state, metadata, is_current)
    values (-1, 16451, 'init', '{"type": "init"}', false) returning id)
insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
    select -1, 16451, 'errored', '{"type": "errored", "reason": "x", "retry_policy": {"type": "no_retry"}}', id, true from old;
SQL
big=18446744073709551615
run 0 -t "$etl" table list --pipeline "$big" -o json
field_is pipeline_id "$big"
run 0 -t "$etl" table rollback "$big/16451" --yes
[ "$(phase -1 16451)" = init ] || fail 'a pipeline above 2^63 was not rolled back'
run 0 -t "$etl" journal undo --yes
[ "$(phase -1 16451)" = errored ] || fail 'nor undone'
sql -c 'delete from etl.replication_state where pipeline_id = -1'
dump | diff - unsigned >diff || fail "another pipeline was touched: $(head -3 diff)"

# read-only from the first byte: the server itself would refuse
run 6 -t "$etl" --read-only table rollback "$one" --yes
dump | diff - changed >diff || fail 'read-only wrote'
finish
