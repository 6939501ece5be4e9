#!/usr/bin/env bash
# R23: tables: typed order, columns that stay, widths that do not jump, the choice kept.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

ages() { cap | sed -n '/PIPELINE/,/───/p' | grep -oE '(errored|ready) +[0-9]+[a-z]( [0-9]+[a-z])?' | awk '{print $2, $3}'; }
seconds() { awk '{s = 0; for (i = 1; i <= NF; i++) {u = substr($i, length($i)); v = substr($i, 1, length($i) - 1); s += v * (u == "d" ? 86400 : u == "h" ? 3600 : u == "m" ? 60 : 1)} print s}'; }

A1() {
    open_list 'penstock dev' 120 60
    sort_by FOR
    until_true 60 in_order -rn || fail "not in order: $(ages | seconds | tr '\n' ' ')"
    k s
    until_true 60 in_order -n || fail "not turned round: $(ages | seconds | tr '\n' ' ')"
}
in_order() { # by sort's option
    ages | seconds >"$work/ages"
    [ "$(wc -l <"$work/ages")" -gt 10 ] && sort "$1" "$work/ages" | cmp -s - "$work/ages"
}

A2() {
    start 'penstock dev' 80 24
    see 'public\.orders +✖ errored'
    see '›$'
    k Right Right
    see 'public\.orders +✖ errored'
    see '^   ‹'
}

# What tells two pipelines apart is at the ends of their ids, as of any id.
A2_ids() {
    sql "insert into etl.replication_state (pipeline_id, table_id, state, metadata, is_current)
        select 9223372036854775000 + i, 916450, 'ready', '{\"type\":\"ready\"}', true from unnest(array[806, 807]) i"
    start 'penstock dev' 80 24
    see ' as of '
    filter_by 916450 # no schema names it
    see '^  *[▸ ]* +9[0-9]*…[0-9]*806 '
    see '^  *[▸ ]* +9[0-9]*…[0-9]*807 '
    sql 'delete from etl.replication_state where table_id = 916450'
}

A3() {
    open_list 'penstock dev' 120 40 # every value has had its say in the widths
    see '^  says'
    local before
    before=$(cap | grep PIPELINE)
    sql "update etl.replication_state set created_at = now() - interval '9 days' where is_current and table_id < 916403" >/dev/null
    see 'public\.orders +✖ errored +9d'
    see 'public\.items +✖ errored +9d'
    see ' as of ' # read to its end
    [ "$(cap | grep PIPELINE)" = "$before" ] || fail "$(cap | grep PIPELINE) was $before"
}

A4() {
    open_list 'penstock dev' 120 40
    k C
    see ' reason '
    cursor_to ' reason '
    k Space
    k Escape
    k q
    restored
    start 'penstock dev' 200 40
    see 'PIPELINE.* reason '
}

check A1 'ages sort by value, turned round by s'
check A2 '80 columns: identity and phase stay, the others scroll'
check A2_ids 'an id that is too long is cut in the middle'
check A3 'widths do not jump'
check A4 'chosen columns are kept'
report
