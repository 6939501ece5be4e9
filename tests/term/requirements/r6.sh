#!/usr/bin/env bash
# R6: confirmation is graded, harmless by default, and cannot be hit by accident.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
before=$(dump)

open_plan() {
    rollback_plan orders
    see 'y applies'
}

A1() {
    # each key, and what shows that it was handled
    while read -r key answer; do
        open_plan
        quiet
        k "$key"
        see "$answer"
        [ "$(dump)" = "$before" ] || fail "$key wrote"
    done <<'KEYS'
Enter Enter does not accept: y applies
Space this is the only record
r r does nothing here
q Plan .* is not applied
Escape parked
C-c Plan .* is not applied
KEYS
}

# The same where words are typed: nothing but the words does it.
A1_typed() {
    fresh_sessions 20
    break_plan
    see 'reason, then Enter: '
    quiet
    k Enter
    see 'a reason is needed'
    type_in 'b y q'
    see 'type +applicant:0017 +then Enter: '
    quiet
    k Enter
    see 'Enter alone does not accept'
    k Space b y q Enter
    see "not applied: ' byq' is not 'applicant:0017'"
    k C-c
    see 'Plan .* is not applied: break 1'
    k d
    gone 'PLAN .*break'
    [ "$(redis exists lock:triggers:applicant:0017:lock)" = 1 ] || fail 'the lock was broken'
}

A2() {
    open_list 'penstock dev'
    cursor_to 'public\.orders'
    t send-keys -t o x r y y y Enter Enter
    see 'y applies' # all of them are behind it
    k C-x
    see 'nothing was written'
    [ "$(dump)" = "$before" ] || fail 'a burst of keys was taken for a confirmation'
}

A3() {
    open_plan
    leave_plan
    mark 'public\.items'
    mark 'public\.payments'
    k x
    see 'rollback one step'
    k r
    see 'type +rollback 2'
    type_in 'rollback 3'
    see "is not 'rollback 2'"
    see 'type +rollback 2'
    [ "$(dump)" = "$before" ] || fail 'a wrong text was taken'
    k C-u
    quiet
    k Enter
    see 'Enter alone does not accept'
    [ "$(dump)" = "$before" ] || fail 'Enter alone was taken'

    fresh_sessions 20
    break_plan
    see 'reason, then Enter: '
    type_in 'stuck since noon'
    see 'type +applicant:0017'
}

A4() {
    penstock keys -o tsv >"$work/keys"
    grep -q . "$work/keys" || fail 'no keys are printed'
    ! grep -iE $'^[a-z]\t.*(writes|applies|deletes|removes|changes data)' "$work/keys" || fail 'a bare letter changes data'
}

A5() {
    open_plan
    see 'PLAN .*rollback one step .*1 table'
    see 'DEV dev'
    see 'public\.orders'
}

check A1 'Enter, Space, the trigger key, Esc, ^C and q leave the store as it is'
check A1_typed 'nor do they where a reason and a name are typed'
check A2 'keys typed ahead are not taken'
check A3 'one key, a typed count, a typed name: as the risk asks for'
check A4 'no bare letter changes data'
check A5 'the box names context, verb, count and targets'
report
