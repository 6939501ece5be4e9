#!/usr/bin/env bash
# R9: bulk works on exactly what is shown, and hidden marks are never silent.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

A1() {
    fresh_etl
    open_list 'penstock dev'
    for name in orders items payments customers; do
        mark "public\\.$name"
    done
    see '4 marked'
    filter_by orders
    see '4 marked, 3 hidden by filter'
    k x
    see 'rollback one step'
    k r
    see 'PLAN .*4 tables'
    see '3 hidden by filter'
    see 'type +rollback 4'
    k Tab
    k v
    see 'PLAN .*1 table'
    [ "$(phase 916402)" = errored ] || fail 'written'
}

A2() {
    fresh_etl
    open_list 'penstock dev'
    filter_by 'phase=errored'
    see '6 of 40'
    cursor_to 'public\.orders'
    k x
    see 'rollback one step'
    k r
    see 'PLAN .*1 table'
    takes_keys
    leave_plan
    k '*'
    see '6 marked'
    k x
    see 'rollback one step'
    k r
    see 'PLAN .*6 tables'
}

A3() {
    fresh_sessions 200
    # a Redis of its own, that is killed in the middle
    local dir=$work/redis socket
    mkdir -p "$dir"
    redis-server --port 0 --unixsocket "$dir/r.sock" --dir "$dir" --save '' --appendonly yes \
        --daemonize yes --pidfile "$dir/pid" --logfile "$dir/log" >/dev/null
    socket=$dir/r.sock
    until_true 60 test -S "$socket"
    python3 "$here/fixture.py" failed "$socket" 1000
    open_list "penstock 'triggers+unix://$socket?db=0'"
    k '*'
    see '1000 marked'
    k x
    see 'nothing is written yet'
    k c
    see 'type +.*1000 +then Enter: '
    local pid
    pid=$(cat "$dir/pid")
    # killed by the fiftieth session that goes; of so many that a busy machine is in time
    redis-cli -s "$socket" monitor 2>/dev/null |
        awk -v pid="$pid" '/"DEL" ":1:/ && ++n == 50 { system("kill -9 " pid); exit }' >/dev/null 2>&1 &
    until_true 60 is_watched "$socket"
    accept
    wait
    see_result
    see 'not tried|failed'
    redis-server --port 0 --unixsocket "$socket" --dir "$dir" --save '' --appendonly yes \
        --daemonize yes --pidfile "$dir/pid" --logfile "$dir/log" >/dev/null
    until_true 60 test -S "$socket"
    until_true 60 redis-cli -s "$socket" ping >/dev/null
    local left
    left=$(sessions_in "$socket")
    [ "$left" -gt 0 ] && [ "$left" -lt 1000 ] || fail "$left sessions are left"
    read_anew
    k R
    accept
    see_result
    # the one under way when the server died has failed; it is nobody's to try again but by r
    until_true 60 has_at_most 1 "$socket" || fail "$(sessions_in "$socket") sessions are left at the end"
    kill "$(cat "$dir/pid")"
}
# As long as one record after the other is applied.
see_result() {
    local before
    until shows 'RESULT'; do
        before=$(applied)
        until_true 60 has_gone_on "$before" || fail 'nothing goes on'
    done
}
applied() { cap | grep -oE 'applied [0-9]+ of' || :; }
has_gone_on() { shows 'RESULT' || [ "$(applied)" != "$1" ]; }
# What the header says was read after now.
read_anew() {
    local now
    now=$(date +%s)
    until_true 60 is_read_since "$now" || fail 'the store is not read again'
}
is_read_since() {
    local at
    at=$(cap | sed -nE '1s/.* as of ([0-9:]+)Z .*/\1/p')
    [ -n "$at" ] && [ $(((($(date -u -d "1970-01-01 $at" +%s) - $1) % 86400 + 86400) % 86400)) -lt 43200 ]
}
sessions_in() { redis-cli -s "$1" --scan --pattern ':1:*' | wc -l; }
has_at_most() { [ "$(sessions_in "$2")" -le "$1" ]; }
is_watched() { redis-cli -s "$1" client list | grep -q 'cmd=monitor'; }

A4() {
    fresh_etl
    open_list 'penstock dev'
    mark 'public\.items'
    mark 'public\.payments'
    k g
    delete_table 916402
    see '1 mark dropped: gone'
    see '1 marked'
}

check A1 'hidden marks are counted in the plan; one key leaves them out'
check A2 'without marks: the row under the cursor alone; all that is shown has a key of its own'
check A3 'the server dies in the middle of 1000: applied, failed, not tried; R goes on with the rest'
check A4 'marks on rows that vanished are dropped and counted'
report
