#!/usr/bin/env bash
# R10: results are true, complete and stay until read.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

A1() {
    fresh_etl
    sql "create function public.stop() returns trigger language plpgsql as \$\$ begin raise exception 'quota of tenant 7 exceeded' using errcode = '42501'; end \$\$"
    sql "create trigger stop before delete on etl.replication_state for each row when (old.table_id = 916402) execute function public.stop()"
    open_list 'penstock dev'
    for name in orders items payments; do
        mark "public\\.$name"
    done
    k x
    see 'rollback one step'
    k r
    accept
    see '2 of 3'
    see 'quota of tenant 7 exceeded'
    sleep 7
    see 'quota of tenant 7 exceeded'
    [ "$(phase 916401) $(phase 916402) $(phase 916404)" = 'finished_copy errored finished_copy' ] || fail 'not as the result says'
    k Escape
    gone 'RESULT'
    k :
    lit messages
    k Enter
    see '› messages'
    see 'quota of tenant 7 exceeded'
}

A2() {
    # the statement finds no row: a rule throws the delete away
    fresh_etl
    sql "create rule nothing as on delete to etl.replication_state where old.table_id = 916401 do instead nothing"
    rollback_plan orders
    accept
    see 'RESULT .*0 of 1'
    see 'conflict|changed|failed'
    [ "$(phase 916401)" = errored ] || fail 'something was written'
}

A3() {
    fresh_etl
    open_list 'penstock dev'
    local i
    for i in 1 2 3 4 5 6 7 8 9 0; do
        t send-keys -t o : "nonsense$i" Enter
    done
    k :
    lit messages
    k Enter
    see '› messages'
    for i in 1 2 3 4 5 6 7 8 9 0; do
        see "unknown command 'nonsense$i'"
    done
}

A4() {
    local rc=0
    fresh_etl
    cp "$XDG_CONFIG_HOME/penstock/config.yaml" "$work/good.yaml"
    sed -i 's/refresh: 1s/refrsh: 1s/' "$XDG_CONFIG_HOME/penstock/config.yaml"
    start 'penstock dev'
    see 'config.yaml:2.*refrsh'
    see 'refresh'
    cp "$work/good.yaml" "$XDG_CONFIG_HOME/penstock/config.yaml"
}

check A1 'one of three refused by the server: its own text, until dismissed, and in :messages'
check A2 'a statement that finds no row is no success'
check A3 'ten errors in a second: ten messages'
check A4 'a mistake in the configuration is on the screen, with file and line'
report
