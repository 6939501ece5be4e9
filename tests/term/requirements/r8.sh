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
    see 'dev:tap-007-to-warehouse'
    see 'unknown'
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

check A1 'locks of all stores: holder, age, what frees them, verdict and evidence'
check A2 'looking changes nothing'
check A3 'a lock that was taken again after the plan is left alone'
check A5 'the result is read back; waiters are woken as the library does'
report
