#!/usr/bin/env bash
# The ids of a table of many pages on a real server ($PENSTOCK_POSTGRES): all of them, in order, and
# nothing is open on the server while nobody reads them.
. "$(dirname "$0")/postgres.sh"
rows=100000
target=$(address)
sql -f "$servers/meltano_postgres.sql"
sql -c "insert into state (state_id) select 'state-' || i from generate_series(1, $rows) i"
sql -c 'select state_id from state order by state_id' >all

run 0 -t "meltano+$target" state list --ids
cmp -s out all || fail 'these are not all ids in order'
run 0 -t "meltano+$target" state list --ids --limit 40200
head -n 40200 all | cmp -s - out || fail 'these are not the first 40200'
run 0 -t "meltano+$target" state list --ids --pattern 'state-9*9'
grep '^state-9.*9$' all | cmp -s - out || fail 'these are not all that match'

# Who reads one line and goes away.
"$penstock" -t "meltano+$target" state list --ids 2>err | head -n 1 >out
status=${PIPESTATUS[0]}
[ "$status" = 0 ] || fail "exit $status when the reader has gone"
out_is "$(head -n 1 all)"

# Who reads one line and rests: no transaction waits for that, and the rest still comes, even when
# the server ended the idle connection.
sessions="from pg_stat_activity where datname = current_database() and application_name = 'penstock'"
# rests PID: neither the program nor its session on the server has anything left to do.
rests() {
    local session
    session=$(sql -c "select pid $sessions and state = 'idle'
                      and clock_timestamp() - state_change > interval '1 second'")
    [[ $session =~ ^[0-9]+$ ]] && ! grep -qs '^State:.[^S]' /proc/$1/task/*/status "/proc/$session/status"
}
for treat in 'select 1' 'select pg_terminate_backend(pid)'; do
    mkfifo slow
    "$penstock" -t "meltano+$target" state list --ids 2>err >slow &
    exec 7<slow
    read -r first <&7
    until_true rests $! || fail "the server still has: $(sql -c "select state, query $sessions")"
    sql -c "$treat $sessions" >/dev/null
    { echo "$first"; cat <&7; } >out
    exec 7<&-
    wait $! || fail "exit $? after a rest"
    cmp -s out all || fail 'these are not all ids after a rest'
    rm slow
done

# Who gives up while a page is waited for.
mkfifo slow
"$penstock" -t "meltano+$target" state list --ids 2>err >slow &
listing=$!
exec 7<slow
read -r first <&7
until_true rests $listing || fail 'no rest'
sql -c 'begin; lock table state; select pg_sleep(600)' >/dev/null 2>&1 &
sleepers="from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
somebody_sleeps() { [ "$(sql -c "select count(*) $sleepers")" = 1 ]; }
until_true somebody_sleeps || fail 'nobody has the table'
{ echo "$first"; cat; } <&7 >out &
exec 7<&-
waits() { [ "$(sql -c "select count(*) $sessions and wait_event_type = 'Lock'")" = 1 ]; }
until_true waits || fail 'nobody waits for the table'
kill -INT $listing
wait $listing
status=$?
[ "$status" = 1 ] || fail "exit $status after giving up"
err_has ': listing ids: cancelled'
sql -c "select pg_terminate_backend(pid) $sleepers" >/dev/null
wait
head -n "$(wc -l <out)" all | cmp -s - out || fail 'what came before giving up is not the beginning'
rm slow

# A table that is taken away in the middle: what came is printed, and that it was not all is said.
mkfifo slow
"$penstock" -t "meltano+$target" state list --ids 2>err >slow &
exec 7<slow
read -r first <&7
until_true rests $! || fail 'no rest'
sql -c 'alter table state rename to elsewhere'
{ echo "$first"; cat <&7; } >out
exec 7<&-
wait $!
status=$?
[ "$status" = 6 ] || fail "exit $status when the table has gone"
err_has 'relation "state" does not exist'
head -n "$(wc -l <out)" all | cmp -s - out || fail 'what came before is not the beginning'

finish
