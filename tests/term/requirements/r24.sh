#!/usr/bin/env bash
# R24: one screen that says what needs attention in every store, and what each holds.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
fresh_states
fresh_sessions 20

A1() {
    start 'penstock dev states cache' 160 40
    see 'NEEDS ATTENTION'
    see '[^0-9]40 tables  6 errored  34 ready'
    [ "$(sql "select count(*) from etl.replication_state where is_current and state = 'errored'")" = 6 ]
    see '[^0-9]200 states'
    [ "$(ls "$work/states" | wc -l)" = 200 ]
    see '[^0-9]20 sessions'
    see '3 locks (held|left over)|[12] locks? held'
}

A2() {
    start 'penstock dev states' 140 40
    see '6 tables .*errored'
    gone 'not read to the end' # what is found later may stand above
    cursor_to '6 tables'
    k Enter
    see 'tables  6 of 40 \[attention=errored\]'
    until_true 60 shows_six || fail 'not the six'
}
shows_six() { [ "$(cap | sed -n '/PIPELINE/,/───/p' | grep -c '✖ errored')" = 6 ]; }

# A store of its own, since the others are shared with the rest of the checks.
A3() {
    mkdir "$work/second"
    "$servers/redis.sh" start "$work/second" >"$work/second.env"
    (
        . "$work/second.env"
        python3 "$here/fixture.py" sessions "$PENSTOCK_REDIS_SOCKET" 5
        printf '  - {name: second, address: "triggers+unix://%s?db=0", env: dev, refresh: 1s}\n' \
            "$PENSTOCK_REDIS_SOCKET" >>"$XDG_CONFIG_HOME/penstock/config.yaml"
    )
    start 'penstock dev second' 140 40
    see 'second .*[^0-9]5 sessions'
    "$servers/redis.sh" stop "$work/second"
    see 'second .*DISCONNECTED'
    see 'dev .*40 tables'
    sql "update etl.replication_state set updated_at = now() where id = 1" >/dev/null
    until_true 60 dev_lives || fail 'the other store is not read any more'
}
dev_lives() { cap | grep 'dev ' | grep -vq DISCONNECTED; }

check A1 'counts are those of the stores'
check A2 'Enter opens the six rows, the filter is on the screen'
check A3 'a store that is down says so; the others stay live'
report
