#!/usr/bin/env bash
# The server dies in the middle of a batch: what was applied, what is not known and what was not
# tried are told apart, and the rest goes on after a new check. Run it with tests/servers/run.sh: its
# server is stopped and started again. (ux.md R9 A3)
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"
: "${PENSTOCK_POSTGRES:?run this with tests/servers/run.sh}"
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")/../servers" && pwd)
rows=60
pace=1 # seconds that the deletion of a row takes, until the server was stopped in the middle
psql() { "$PENSTOCK_POSTGRES_BIN/psql" -qXAt -v ON_ERROR_STOP=1 "$@"; }

server() { "$servers/postgres.sh" "$1" "$PENSTOCK_POSTGRES_DIR" >/dev/null; }

psql -c 'create database resume' "$PENSTOCK_POSTGRES"
address=$(printf %s "$PENSTOCK_POSTGRES" | sed 's|/postgres?|/resume?|')
psql -o /dev/null -f "$servers/etl_schema.sql" "$address"
psql "$address" <<SQL
insert into etl.replication_state (id, pipeline_id, table_id, state, metadata, prev, is_current)
    overriding system value
    select 1000 + g, 7, 20000 + g, 'finished_copy', '{"type":"finished_copy"}', null, false
        from generate_series(1, $rows) g;
insert into etl.replication_state (id, pipeline_id, table_id, state, metadata, prev, is_current)
    overriding system value
    select 2000 + g, 7, 20000 + g, 'errored',
        '{"type":"errored","reason":"[X] y","retry_policy":{"type":"manual_retry"}}', 1000 + g, true
        from generate_series(1, $rows) g;
create table public.pace as select $pace as seconds;
create function public.slow() returns trigger language plpgsql as
    \$\$ begin perform pg_sleep(seconds) from public.pace; return old; end \$\$;
create trigger slow before delete on etl.replication_state for each row
    execute function public.slow();
SQL
errored() { psql -c "select count(*) from etl.replication_state where is_current and state = 'errored'" "$address"; }

start "penstock -t 'etl+$address'" 120 40
see '20001 +✖ errored'
see "tables  $rows"
k '*' x
see 'rollback one step'
k r
see "PLAN .*$rows tables"
see "type  rollback $rows"
lit "rollback $rows"
k Enter
see 'applied ([2-9]|[1-5][0-9]) of '
server stop || fail 'the server does not stop'
see 'RESULT .* of 60 applied'
see 'applied [0-9]+, failed 1, not tried [0-9]+'
see 'failed: .*connection lost'
see 'not tried: stopped: the store was lost'
left=$(cap | grep -oE 'not tried [0-9]+' | head -1 | grep -oE '[0-9]+')
server again || fail 'the server does not start'
psql -c 'update public.pace set seconds = 0' "$address"
see 'as of'
k R
see "PLAN .*$left tables"
see "type  rollback $left"
[ "$(errored)" -ge "$left" ] || fail 'tried again without being asked'
lit "rollback $left"
k Enter
see "RESULT .*$left of $left applied" 300
[ "$(errored)" -le 1 ] || fail "$(errored) are still errored"
psql -c 'select table_id from etl.replication_state where is_current group by 1 having count(*) <> 1' "$address" |
    grep . && fail 'a table lost its current row, or has two'
k Enter
gone RESULT
k q
restored
