#!/usr/bin/env bash
# What somebody else changed between the plan and its confirmation is refused, row by row, with all
# three values, on Postgres, on Redis and in files; and a row the server refuses says so in the
# server's words. Run it with tests/servers/run.sh. (ux.md R3, R5 A1, R10 A1)
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"
: "${PENSTOCK_POSTGRES:?run this with tests/servers/run.sh}" "${PENSTOCK_REDIS:?}"
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")/../servers" && pwd)
psql=$PENSTOCK_POSTGRES_BIN/psql

# open_plan KEY WORDS: the plan of an entry of the action menu, on the row under the cursor.
open_plan() {
    k x
    see "$2"
    k "$1"
    see 'PLAN '
    see 'y applies'
}

refused_with_all_three() {
    see 'RESULT .*0 of 1 applied'
    see 'refused: changed since preview'
    see "planned from +$1"
    see "planned to +$2"
    see "now +$3"
}

# --- files: written anew in place, and by a rename

sums() { (cd "$work/demo/plain" && find . -type f -exec sha256sum {} + | sort -k 2); }
start_demo 120 40
file=$work/demo/plain/etl/7%2F16411.json
for how in in-place rename; do
    open_store orders
    see 'public\.'
    k /
    lit 'public.orders'
    k Enter
    see '▸.*public\.orders +✖ errored'
    open_plan r 'rollback one step'
    python3 - "$file" $how <<'PYTHON'
import json, os, sys
path, how = sys.argv[1:]
whole = json.load(open(path))
states = whole["document"]["states"]
states[-1]["metadata"]["reason"] = "[SourceIoError] somebody else was here " + how
target = path if how == "in-place" else path + ".by-another"
with open(target, "w") as f:
    json.dump(whole, f)
if target != path:
    os.rename(target, path)
PYTHON
    before=$(sums)
    k y
    refused_with_all_three errored finished_copy errored
    see 'SourceIoError\] somebody'
    [ "$(sums)" = "$before" ] || fail "the file was written ($how)"
    k r
    see 'PLAN .*rollback one step'
    see 'y applies'
    k C-x
    gone 'PLAN '
    step_back '^ overview › tables  [0-9]+ *$'
    step_back '^ overview +6 stores'
done
k q
restored

# --- Postgres: one row of three, one that a trigger refuses, and read-only

"$psql" -qXc 'create database term_stale' "$PENSTOCK_POSTGRES"
address=$(printf %s "$PENSTOCK_POSTGRES" | sed 's|/postgres?|/term_stale?|')
for sql in etl_schema etl_sample; do
    "$psql" -qX -v ON_ERROR_STOP=1 -o /dev/null -f "$servers/$sql.sql" "$address"
done
query() { "$psql" -qXAtc "$1" "$address"; }
phases() { query 'select table_id, state from etl.replication_state where is_current and pipeline_id = 7 and table_id in (16451, 16461, 16471) order by 1'; }

start "penstock -t 'etl+$address'" 120 40
see 'public\.products'
k /
lit 'phase=errored'
k Enter
see '3 of [0-9]+ \[phase=errored\]'
k '*' x
see 'reset to init'
k t
see 'PLAN .*3 tables'
query "update etl.replication_state set metadata = jsonb_set(metadata, '{reason}', '\"changed outside\"'), updated_at = now() where id = 124"
see 'type  reset 3'
lit 'reset 3'
k Enter
see 'RESULT .*2 of 3 applied'
see 'applied 2, refused 1'
see 'refused: changed since preview'
see 'changed outside'
[ "$(phases)" = $'16451|init\n16461|errored\n16471|init' ] || fail "phases: $(phases)"
[ "$(query "select metadata->>'reason' from etl.replication_state where id = 124")" = 'changed outside' ] ||
    fail 'the value from outside is gone'
k r
see 'PLAN .*1 table'
see 'WRITER +cannot see' # which asks for the name
see 'type  public.products'
[ "$(phases)" = $'16451|init\n16461|errored\n16471|init' ] || fail 'tried again without being asked'

# the server refuses this one: its own words, until it is dismissed
query "create function public.stop() returns trigger language plpgsql as \$\$ begin raise exception 'not on my watch'; end \$\$"
query 'create trigger stop before insert or update or delete on etl.replication_state for each row execute function public.stop()'
lit 'public.products'
k Enter
see 'RESULT .*0 of 1 applied'
see 'public\.products +refused: '
see 'not on my watch'
k Down Up
see 'not on my watch'
query 'drop trigger stop on etl.replication_state'
k r
see 'type  public.products'
lit 'public.products'
k Enter
see 'RESULT .*1 of 1 applied'
see 'public\.products +applied, verified'
[ "$(phases)" = $'16451|init\n16461|init\n16471|init' ] || fail "phases: $(phases)"
k Enter
gone RESULT
k q
restored

start "penstock --read-only -t 'etl+$address'" 120 40
see 'READ-ONLY'
cursor_to 'public\.users'
k x
see 'rollback one step +READ-ONLY'
see 'forget.* +READ-ONLY'
k r
see 'rollback one step: READ-ONLY'
k Escape
gone 'rollback one step +READ-ONLY'
k z
see 'READ-ONLY: '
gone 'PLAN '
k q
restored

# --- Redis: another program stores another session under the key

demo=triggers+file://$work/demo/plain
redis() { redis-cli -s "$PENSTOCK_REDIS_SOCKET" "$@"; }
for uid in applicant:1017 order:88003; do
    penstock -t "$demo" session copy $uid $uid --to "triggers+$PENSTOCK_REDIS" --yes >/dev/null 2>&1 ||
        fail "cannot copy $uid to Redis"
done
key=$(redis keys '*storages.cache:applicant:1017')
other=$(redis keys '*storages.cache:order:88003')
start "penstock -t 'triggers+$PENSTOCK_REDIS'" 120 40
see 'applicant:1017'
k /
lit applicant
k Enter
see '1 of 2'
open_plan r 'replay of every failed'
[ "$(redis copy "$other" "$key" replace)" = 1 ] || fail 'cannot change the key'
sum=$(redis --no-raw get "$key" | sha256sum)
k y
refused_with_all_three 't_importSubject#0 failed' 'replayed, clone' done
[ "$(redis --no-raw get "$key" | sha256sum)" = "$sum" ] || fail 'the value from outside is gone'
k Enter
gone RESULT
k q
restored
