#!/usr/bin/env bash
# R8: the lock view, and a guarded break.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_sessions 20
fresh_states

open_locks() {
    start "penstock $*"
    see 'applicant:|STORE'
    k L
    see 'FREES ITSELF'
    see 'applicant:0017'
}
lock=lock:triggers:applicant:0017:lock

A1() {
    printf '%s' "$(($(date +%s) - 7200))" >"$work/states/dev:tap-007-to-warehouse/lock"
    open_locks cache states
    see 'HOLDER'
    see 'FREES ITSELF'
    see 'VERDICT'
    see 'applicant:0500'
    see 'gone +.*never'
    see 'dev:tap-007-to-warehouse .* stale|dev:tap-007-to-warehouse .* unknown'
    cursor_to 'applicant:0017'
    see 'HOLDER|unknown \(16 bytes\)'
    see 'EVIDENCE .*normally held for milliseconds'
    cursor_to 'dev:tap-007-to-warehouse'
    see 'EVIDENCE .*left over'
}

A2() {
    local file="$work/states/dev:tap-007-to-warehouse/lock" inode
    printf '%s' "$(($(date +%s) - 7200))" >"$file"
    inode=$(stat -c %i "$file")
    open_locks cache states
    local ttl now i
    ttl=$(redis pttl "$lock")
    for i in 1 2 3 4 5 6; do
        k C-r
        sleep 1
        now=$(redis pttl "$lock")
        [ "$now" -le "$ttl" ] || fail 'a TTL rose by looking'
        ttl=$now
    done
    [ "$(stat -c %i "$file")" = "$inode" ] || fail 'the lock file was touched by looking'
}

break_plan() {
    cursor_to "$1"
    k x
    see 'is held by .* and frees itself' # what speaks for waiting
    k b
    see 'PLAN .*break'
    see "$1 +held by"
    see 'NOT UNDOABLE'
    see 'reason, then Enter: '
    type_in 'its worker died'
    see "type +$1"
}

A3() {
    fresh_sessions 20
    open_locks cache
    break_plan applicant:0017
    redis set "$lock" 'somebody else here' PX 500000 >/dev/null
    type_in applicant:0017
    see 'RESULT'
    see 'changed hands|taken by|held by another|changed'
    [ "$(redis get "$lock")" = 'somebody else here' ] || fail 'a lock that was taken again was broken'
}

A5() {
    fresh_sessions 20
    open_locks cache
    break_plan applicant:0017
    type_in applicant:0017
    see 'RESULT .*1 of 1 applied'
    [ "$(redis exists "$lock")" = 0 ] || fail 'the lock is still there'
    [ "$(redis llen lock-signal:triggers:applicant:0017:lock)" = 1 ] || fail 'waiters are not woken'
    k Escape
    gone 'RESULT'
    see '▸.*applicant:0017.*gone' # it was under the cursor
    cursor_to 'applicant:0500'
    gone 'applicant:0017'
}

# The plug-in's lock on dev:tap-a-to-b is a session's of the server, which does nothing but hold it.
plugin=${database}_plugin
databases+=("$plugin")
cat >>"$XDG_CONFIG_HOME/penstock/config.yaml" <<YAML
  - {name: plugin, address: "meltano+$(address_of "$plugin")&layout=plugin", env: dev, refresh: 1s}
YAML
make_plugin() {
    empty_database "$plugin"
    server -o /dev/null -f "$servers/meltano_plugin.sql" -c "insert into state values
        ('dev:tap-a-to-b', null, '{\"singer_state\": {\"bookmarks\": {\"orders\": {\"id\": 5}}}}', now())" \
        "$(address_of "$plugin")"
    PGAPPNAME=meltano "$PENSTOCK_POSTGRES_BIN/psql" -qX -c "select pg_advisory_lock((
        'x' || left(md5('dev:tap-a-to-b'), 16))::bit(64)::bigint)" -c 'select pg_sleep(600)' \
        "$(address_of "$plugin")" >/dev/null 2>&1 &
    until_true 60 is_held || fail 'nobody holds the lock'
    until_true 60 is_asleep || fail 'its holder does not do what the plan is to show'
}
is_asleep() { [ "$(server -c "select count(*) from pg_stat_activity where application_name = 'meltano' and query ~ 'pg_sleep'" "$(address_of "$plugin")")" = 1 ]; }
is_held() { server -c "select 1 from pg_locks where locktype = 'advisory' and granted" "$(address_of "$plugin")" | grep -q 1; }
is_free() { ! is_held; }

break_session() {
    open_list 'penstock plugin'
    k L
    see '▸ +meltano +dev:tap-a-to-b +session [0-9]+: .*○ live'
    see 'HOLDER session [0-9]+: meltano as [^ ]+ +FREES ITSELF when its session ends'
    k x
    see '│ b +break it'
    k b
    see 'nothing can be applied'
    see 'dev:tap-a-to-b +running, BLOCKS: the lock is live'
    see 'session [0-9]+ \(meltano as [^ ]+\) is ended: what it has'
    see 'pooler'
    see 'select pg_sleep\(600\)'
    next_picture
    lacks 'y applies' || fail 'a live lock can be broken by a key'
    k f
    see 'reason, then Enter: '
    type_in 'the worker hangs'
    see 'type +dev:tap-a-to-b +then Enter: '
    type_in 'dev:tap-b-to-a'
    see "not applied: 'dev:tap-b-to-a' is not 'dev:tap-a-to-b'"
    is_held || fail 'a wrong name was taken'
    k C-u
    type_in 'dev:tap-a-to-b'
}

A4() {
    make_plugin
    break_session
    see 'RESULT .*1 of 1 applied'
    see 'held by session [0-9]+: meltano as .* → free'
    is_free || fail 'the lock is still held'
    # nothing was written that could be read again
    ! until_true 7 shows 'still as written' || fail 'it reads the record again after a break'
}

A5_refused() {
    make_plugin
    # a server that answers no
    server -c "create function public.pg_terminate_backend(integer) returns boolean language sql as 'select false'" \
        -c "alter database $plugin set search_path = public, pg_catalog" "$(address_of "$plugin")"
    break_session
    see 'RESULT .*0 of 1 applied'
    see 'the session was not terminated'
    is_held || fail 'the session was ended'
}

check A1 'locks of all stores: holder, age, what frees them, verdict and evidence'
check A2 'looking changes nothing'
check A3 'a lock that was taken again after the plan is left alone'
check A4 'a live lock is broken by an override alone; the plan says whose session ends, and its query'
check A5 'the result is read back; waiters are woken as the library does'
check A5_refused 'a session that was not ended is said (R10 A2)'
report
