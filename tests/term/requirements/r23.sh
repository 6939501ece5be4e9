#!/usr/bin/env bash
# R23: tables: typed order, columns that stay, widths that do not jump, the choice kept.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

ages() { cap | sed -n '/PIPELINE/,/───/p' | grep -oE '(errored|ready) +[0-9]+[a-z]( [0-9]+[a-z])?' | awk '{print $2, $3}'; }
seconds() { awk '{s = 0; for (i = 1; i <= NF; i++) {u = substr($i, length($i)); v = substr($i, 1, length($i) - 1); s += v * (u == "d" ? 86400 : u == "h" ? 3600 : u == "m" ? 60 : 1)} print s}'; }

A1() {
    start 'penstock dev' 120 60
    see 'public\.orders'
    see ' as of ' # every value is there
    sort_by FOR
    see 'FOR [↑↓]'
    ages | seconds >"$work/first"
    [ "$(wc -l <"$work/first")" -gt 10 ] || fail 'no ages'
    sort -n "$work/first" | cmp -s - "$work/first" || sort -rn "$work/first" | cmp -s - "$work/first" ||
        fail "not in order: $(tr '\n' ' ' <"$work/first")"
    k s
    until_true 60 turned || fail 'not turned round'
}
turned() { ages | seconds >"$work/second" && [ "$(head -1 "$work/first")" != "$(head -1 "$work/second")" ]; }

A2() {
    start 'penstock dev' 80 24
    see 'public\.orders +✖ errored'
    see '›$'
    k Right Right
    see 'public\.orders +✖ errored'
    see '^   ‹'
}

A3() {
    start 'penstock dev' 120 40
    see 'public\.orders'
    see ' as of ' # every value is there, and has had its say in the widths
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
    start 'penstock dev' 120 40
    see 'public\.orders'
    k C
    see 'whole text of the error|reason'
    cursor_to ' reason '
    k Space
    k Escape
    k q
    restored
    start 'penstock dev' 200 40
    see 'REASON|reason'
}

check A1 'ages sort by value, turned round by s'
check A2 '80 columns: identity and phase stay, the others scroll'
check A3 'widths do not jump'
check A4 'chosen columns are kept'
report
