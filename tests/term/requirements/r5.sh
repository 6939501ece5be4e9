#!/usr/bin/env bash
# R5: read-only is one gate below the screen; production starts read-only.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl
databases+=("${database}_prod")
fresh_sessions 200

A1() {
    open_list 'penstock --read-only dev'
    see 'DEV READ-ONLY'
    cursor_to 'public\.orders'
    k x
    see 'rollback one step'
    see 'READ-ONLY: '
    k r
    see '^ rollback one step: READ-ONLY: '
    lacks 'PLAN' || fail 'the menu makes a plan'
    k Escape
    gone 'each choice makes a plan first'
    k z
    see '^ READ-ONLY: '
    lacks 'PLAN' || fail 'z makes a plan'
    k :
    lit resume
    k Enter
    see '^ resume: READ-ONLY: '
    lacks 'PLAN' || fail 'the palette makes a plan'
    k '?'
    see 'keys +[0-9]+$'
    for words in 'what can be done, and what it would do' 'undo the newest change' 'redo what was undone'; do
        k /
        k C-u
        lit "${words%% it would*}"
        k Enter
        see "$words.*: NOT AVAILABLE,"
        see 'READ-ONLY: opened read-only'
    done
}

A2() {
    local before plan=$work/p.json rc=0
    before=$(dump)
    penstock -t dev plan table rollback 4/public.orders -o json >"$plan" 2>/dev/null
    penstock -t dev --read-only apply "$plan" --yes >/dev/null 2>"$work/err" </dev/null || rc=$?
    [ "$rc" = 6 ] || fail "apply: exit $rc"
    grep -q 'read-only' "$work/err" || fail 'apply does not say why'
    rc=0
    EDITOR=true penstock -t dev --read-only table edit 4/public.orders --yes >/dev/null 2>&1 </dev/null || rc=$?
    [ "$rc" = 6 ] || fail "edit: exit $rc"
    [ "$(dump)" = "$before" ] || fail 'something was written'
}

# every key that is bound, but those that leave, over and over, for a while
press_everything() {
    local key end=$((SECONDS + $1))
    while [ "$SECONDS" -lt "$end" ]; do
        for key in j k g G l h Space v u '*' '>' '<' s T w ! x r t c p a s l e n m f b w Escape z Z R H E = \
            Enter d Escape Escape L x b Escape Escape J z Z R Enter A ? Escape o C y Escape P C-r P -; do
            t send-keys -t o "$key" 2>/dev/null || return 0
            sleep .03
        done
        no_program && break
    done
    return 0
}

# A policy on what the role of the session may see tells what the session is: by its name, which others
# can read. Writers are no matter of this role.
viewer=${database}_viewer
read_by_viewer() {
    server -o /dev/null "$(address_of "$database")" <<SQL
create role $viewer login;
grant usage on schema etl to $viewer;
grant select on all tables in schema etl to $viewer;
create function public.witness() returns boolean language plpgsql as \$\$ begin
    perform set_config('application_name', 'default ' || current_setting('default_transaction_read_only')
        || ', transaction ' || current_setting('transaction_read_only'), false);
    return true;
end \$\$;
create policy witness on etl.replication_state using (public.witness());
alter table etl.replication_state enable row level security;
SQL
    start "penstock --read-only 'etl+$(address_of "$database" | sed "s|//[^/]*/|//$viewer@/|")'"
    see 'public\.orders +✖ errored'
    see ' as of '
    [ "$(sql "select distinct application_name from pg_stat_activity where usename = '$viewer'")" = \
        'default on, transaction on' ] || fail 'the session of the program is not read-only'
    k q
    until_true 60 no_program || fail 'it does not end'
    server -o /dev/null -c "drop policy witness on etl.replication_state" -c "alter table etl.replication_state disable row level security" \
        -c "drop owned by $viewer" -c "drop role $viewer" "$(address_of "$database")"
}

A3() {
    local before file
    before=$(redis_dump)
    open_list 'penstock --read-only cache'
    redis-cli -s "$PENSTOCK_REDIS_SOCKET" monitor >"$work/monitor" 2>&1 &
    local monitor=$!
    until_true 60 test -s "$work/monitor"
    press_everything 10
    kill "$monitor"
    wait "$monitor" 2>/dev/null || :
    awk -F'"' 'NR > 1 { print toupper($2) }' "$work/monitor" | sort -u >"$work/commands"
    [ -s "$work/commands" ] || fail 'the monitor saw nothing'
    ! grep -vxE 'SCAN|GET|MGET|STRLEN|GETRANGE|PTTL|TTL|PEXPIRETIME|EXISTS|TYPE|INFO|PING|TIME|SELECT|CLIENT|HELLO|AUTH|LLEN|ROLE|CONFIG|MULTI|EXEC|ECHO' "$work/commands" >"$work/other" ||
        fail "sent to Redis: $(tr '\n' ' ' <"$work/other")"
    [ "$(redis_dump)" = "$before" ] || fail 'Redis changed'

    read_by_viewer
    open_list 'penstock --read-only dev'
    before=$(dump)
    press_everything 5
    [ "$(dump)" = "$before" ] || fail 'Postgres changed'

    fresh_states
    before=$(sums "$work/states")
    open_list "strace -f -qq -o $work/trace -e trace=openat,rename,renameat2,unlink,unlinkat,mkdir,mkdirat,linkat penstock --read-only states"
    press_everything 5
    t kill-server
    ! grep -F "$work/states" "$work/trace" | grep -vE '= -1 ' | grep -E 'O_WRONLY|O_RDWR|O_CREAT|^[0-9]+ +(rename|unlink|mkdir|link)' >"$work/writes" ||
        fail "written: $(head -2 "$work/writes")"
    [ "$(sums "$work/states")" = "$before" ] || fail 'a file changed'
}

A4() {
    make_database "${database}_prod"
    open_list 'penstock prod'
    see 'PROD READ-ONLY'
    cursor_to 'public\.orders'
    k x
    see 'READ-ONLY: '
    k Escape
    gone 'READ-ONLY: '
    k :
    lit write
    k Enter
    see 'type +prod'
    type_in 'dev'
    see "is not 'prod'"
    k C-u
    type_in 'prod'
    gone 'READ-ONLY'
    see 'PROD'
    cursor_to 'public\.orders'
    k x
    see 'rollback one step'
    k r
    see 'PLAN .*1 table'
    see 'type +[^ ].* then Enter: '
}

# It is read-only again when nobody is there; what was being done then waits in its box.
A4_idle() {
    make_database "${database}_prod"
    sed -i '1i write_idle: 1s' "$XDG_CONFIG_HOME/penstock/config.yaml"
    start 'penstock prod'
    see '^ prod +PROD READ-ONLY'
    see 'public\.orders'
    k :
    lit write
    k Enter
    see 'read-only again after 1s without a key'
    see 'type +prod'
    lit prod
    k Enter
    see '^ prod is read-only again'
    see '^ prod +PROD READ-ONLY'
    sed -i 1d "$XDG_CONFIG_HOME/penstock/config.yaml"
}

check A1 'the header says so; entries are there, with the reason; palette and keys are refused alike'
check A2 'apply and edit are refused with their code, and write nothing'
check A3 'seen from the stores: a read-only session, only reading commands, no write'
check A4 'production opens read-only; :write asks for its name'
check A4_idle 'and is read-only again after the configured time without a key'
report
