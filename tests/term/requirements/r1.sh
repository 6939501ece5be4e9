#!/usr/bin/env bash
# R1: selection and marks belong to a row's identity, not to a line.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# older_rows COUNT FIRST: errored tables from before all others.
older_rows() {
    sql "insert into etl.replication_state (pipeline_id, table_id, state, metadata, is_current, created_at, updated_at)
        select 4, $2 + i, 'errored', '{\"type\":\"errored\",\"reason\":\"[X] y\",\"solution\":null,\"retry_policy\":{\"type\":\"no_retry\"}}', true,
               now() at time zone 'UTC' - interval '9 days', now() at time zone 'UTC' - interval '9 days' from generate_series(1, $1) i"
}

open_dev() {
    fresh_etl
    open_list 'penstock dev'
}

A1() {
    open_dev
    sort_by FOR
    cursor_to 'public\.orders'
    local line now
    line=$(cursor_line)
    older_rows 5 950000
    sees_refreshed 'tables +45'
    keys_done
    see '▸.*public\.orders'
    now=$(cursor_line)
    [ "$now" -le $((line + 1)) ] && [ "$now" -ge $((line - 1)) ] || fail "the cursor's line went from $line to $now"
}

A2() {
    open_dev
    cursor_to 'public\.items'
    local line
    line=$(cursor_line)
    delete_table 916402
    see '▸.*public\.items.*gone|▸.*gone.*public\.items'
    k x
    see 'row no longer exists'
    older_rows 1 952000
    sees_refreshed 'tables +40' # read anew: still nothing else slips under the cursor
    see '▸.*public\.items.*gone|▸.*gone.*public\.items'
    k j
    see '▸'
    keys_done
    [ "$(cursor_line)" -gt $((line - 2)) ] || fail 'the cursor jumped'
    ! cap | grep '▸' | grep -q 'orders' || fail 'the cursor is on the first row'
    gone 'public\.items'
}

A3() {
    open_dev
    cursor_to 'public\.payments'
    k x
    see 'rollback one step'
    delete_table 916401
    delete_table 916402
    delete_table 916403
    gone 'public\.orders' # those above it: it has moved
    k r
    see 'public\.payments +errored → finished_copy'
}

A4() {
    open_dev
    mark 'public\.orders'
    mark 'public\.payments'
    mark 'public\.customers'
    see '3 marked'
    sort_by FOR
    see '3 marked'
    filter_by 'payments'
    see '3 marked'
    see '● .*public\.payments'
    step_back 'tables +40 .*3 marked'
    for name in orders payments customers; do
        see "● .*public\.$name"
    done
    until_true 60 three_are_marked || fail 'not three rows are marked'
}

three_are_marked() { [ "$(cap | grep -c '●')" = 3 ]; }

check A1 'rows that come above leave the cursor on its row and line'
check A2 'a row that was deleted stays as a tombstone; the cursor goes to its neighbour'
check A3 'the plan names the row the menu was opened on'
check A4 'marks survive sort and filter'
report
