#!/usr/bin/env bash
# R3: a plan that has gone stale is refused, row by row, with both values shown.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# advance TABLE: what a replicator would do meanwhile: one more attempt.
advance() {
    sql "with old as (update etl.replication_state set is_current = false where is_current and table_id = $1 returning *)
         insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
         select pipeline_id, table_id, 'data_sync', '{\"type\":\"data_sync\"}', id, true from old"
}

A1() {
    fresh_etl
    rollback_plan orders
    takes_keys
    advance 916401
    accept
    see 'changed since preview'
    see 'errored'
    see 'data_sync'
    see 'finished_copy'
    [ "$(phase 916401)" = data_sync ] || fail 'the value from outside was overwritten'
}

A2_A4() {
    fresh_etl
    open_list 'penstock dev'
    for name in orders items payments; do
        mark "public\\.$name"
    done
    see '3 marked'
    k x
    see 'rollback one step'
    k r
    see 'type +rollback 3'
    advance 916402
    type_in 'rollback 3'
    see 'RESULT'
    see '2 of 3'
    see 'public\.items .*refused: changed|changed since preview'
    [ "$(phase 916401)$(phase 916404)" = finished_copyfinished_copy ] || fail 'the others were not applied'
    [ "$(phase 916402)" = data_sync ] || fail 'the value from outside was overwritten'
    k r
    see 'PLAN .*1 table'
    see 'public\.items +data_sync →'
    [ "$(phase 916402)" = data_sync ] || fail 'it was tried again silently'
}

A3() {
    fresh_sessions 200
    fresh_states
    local key=:1:triggers.storages.cache:applicant:0117 other
    replay_plan
    takes_keys
    # another session's value under this key, as a worker that got there first would leave one
    other=$(redis get :1:triggers.storages.cache:applicant:0017 | sha256sum)
    redis eval "return redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]), 'KEEPTTL')" 2 \
        "$key" :1:triggers.storages.cache:applicant:0017 >/dev/null
    accept
    see 'changed since preview'
    [ "$(redis get "$key" | sha256sum)" = "$other" ] || fail 'the value from outside was overwritten'

    local file=$work/states/dev:tap-003-to-warehouse/state.json how
    for how in edit rename; do
        open_list 'penstock states'
        cursor_to 'tap-003'
        k x
        see 'clear'
        k c
        takes_keys
        if [ $how = edit ]; then
            printf '{"completed": {"edited": 1}, "partial": {}}' >"$file"
        else
            printf '{"completed": {"renamed": 1}, "partial": {}}' >"$work/new"
            mv "$work/new" "$file"
        fi
        accept
        see 'changed since preview'
        grep -q "$how" "$file" || fail "the file from outside ($how) was overwritten"
    done
}

check A1 'changed between plan and confirmation: refused, three values shown'
check A2_A4 'of three rows one changed: 2 applied, 1 refused; r plans it afresh'
check A3 'the same for Redis and for files, edited or replaced'
report
