# shellcheck shell=bash
# What the requirements share: the fixtures, the contexts of their configuration, and the report.
# Sourced by r1.sh, r2.sh, ...; each holds the checks of one requirement of the screen, a function a
# check, run one after the other in a subshell, reported by number. Needs tests/servers/run.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../harness.sh"

: "${PENSTOCK_POSTGRES:?run this with tests/servers/run.sh}" "${PENSTOCK_REDIS_SOCKET:?}"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
servers=$here/../../servers
requirement=$(basename "$0" .sh)
requirement=${requirement^^}
database=${requirement,,}_$$
databases=("$database")
failures=0

address_of() { printf %s "$PENSTOCK_POSTGRES" | sed "s|/postgres?|/$1?|"; }
server() { "$PENSTOCK_POSTGRES_BIN/psql" -qXAt -v ON_ERROR_STOP=1 "$@"; }
sql() { server -c "$1" "$(address_of "$database")"; }
redis() { redis-cli -s "$PENSTOCK_REDIS_SOCKET" "$@"; }
dump() { sql 'select * from etl.replication_state order by id'; }
redis_dump() { redis --scan | LC_ALL=C sort | while read -r key; do printf '%s ' "$key"; redis get "$key" | sha256sum; done; }
sums() { (cd "$1" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2); }
# delete_table OID: nothing is left of it, as after a publication lost it and somebody cleaned up.
delete_table() {
    local table
    for table in replication_state table_schemas destination_tables_metadata; do
        sql "delete from etl.$table where table_id = $1"
    done
}
phase() { sql "select state from etl.replication_state where is_current and table_id = $1"; }

clean_up() {
    local status=$? name
    trap '' EXIT
    drop_slot 2>/dev/null || :
    for name in "${databases[@]}"; do
        server -c "drop database if exists $name with (force)" "$PENSTOCK_POSTGRES" >/dev/null 2>&1 || :
    done
    redis flushall >/dev/null 2>&1 || :
    finish "$status"
}

# The slot of pipeline 4's apply worker shows that this server is the source; nobody reads it.
slot=supabase_etl_apply_4
drop_slot() {
    server -o /dev/null -c "select pg_drop_replication_slot(slot_name) from pg_replication_slots
        where slot_name = '$slot' and not active" "$PENSTOCK_POSTGRES"
}

# empty_database NAME: anew.
empty_database() {
    PGOPTIONS='-c client_min_messages=warning' server -c "drop database if exists $1 with (force)" \
        -c "create database $1" "$PENSTOCK_POSTGRES"
}

# make_database NAME: the Postgres fixture, 40 tables, 6 errored.
make_database() {
    drop_slot
    empty_database "$1"
    server -o /dev/null -f "$servers/etl_schema.sql" "$(address_of "$1")"
    python3 "$here/fixture.py" etl | server -o /dev/null "$(address_of "$1")"
    server -o /dev/null -c "select pg_create_logical_replication_slot('$slot', 'pgoutput')" "$(address_of "$1")"
}

fresh_etl() { make_database "$database"; }
fresh_sessions() { python3 "$here/fixture.py" sessions "$PENSTOCK_REDIS_SOCKET" "${1:-1000}"; }
fresh_states() {
    rm -rf "$work/states"
    python3 "$here/fixture.py" states "$work/states" 200
}

# The contexts: dev and prod are Postgres, the others what their names say.
configure() {
    mkdir -p "$XDG_CONFIG_HOME/penstock"
    cat >"$XDG_CONFIG_HOME/penstock/config.yaml" <<YAML
contexts:
  - {name: dev, address: "etl+$(address_of "$database")", env: dev, refresh: 1s}
  - {name: prod, address: "etl+$(address_of "${database}_prod")", env: prod, refresh: 1s}
  - {name: cache, address: "triggers+unix://$PENSTOCK_REDIS_SOCKET?db=0", env: dev, refresh: 1s}
  - {name: states, address: "meltano+file://$work/states", env: dev, refresh: 1s}
YAML
}

# mark REGEX: the row that matches.
mark() {
    cursor_to "$1"
    k Space
    see "●.*$1"
}

# cursor_line: the line of the screen that the cursor stands on.
cursor_line() { cap | grep -n '▸' | head -1 | cut -d: -f1; }

# sort_by TITLE: until the heading carries the glyph of the order.
sort_by() {
    until is_sorted_by "$1" && keys_done && is_sorted_by "$1"; do
        turn_to "$1"
    done
}
is_sorted_by() { shows "$1 ?[↑↓]"; }
turn_to() {
    local tries=0 before
    until is_sorted_by "$1"; do
        [ "$tries" -lt 30 ] || fail "cannot sort by $1"
        tries=$((tries + 1))
        before=$(order)
        k '>'
        until_true 10 has_turned "$before" || :
    done
}
order() { cap | grep -oE '[A-Z]+ ?[↑↓]' || :; }
has_turned() { [ "$(order)" != "$1" ]; }

filter_by() {
    k /
    k C-u
    lit "$1"
    k Enter
}

# open_list COMMAND [COLUMNS ROWS]: the list of one store, all its values read: nothing moves any more
# by what is still on its way.
open_list() {
    start "$@"
    see ' as of '
}

# Where most checks begin: the plan to roll one table back a step, to replay a task of one session,
# to break the lock of another.
rollback_plan() { # TABLE
    open_list 'penstock dev'
    cursor_to "public\\.$1"
    k x
    see 'rollback one step'
    k r
}
replay_plan() {
    open_list 'penstock cache'
    filter_by 'uid=applicant:0117'
    cursor_to 'applicant:0117'
    k H
    see '▸.*t_import#0'
    k x
    see '│.*prepare a replay'
    k a
}
break_plan() {
    open_list 'penstock cache'
    k L
    see 'FREES ITSELF'
    see 'applicant:0017'
    cursor_to 'applicant:0017'
    k x
    see 'break it: a plan comes first'
    k b
}

# takes_keys: the plan box is complete and confirmable, and what is typed from now on counts.
takes_keys() { see 'y applies|then Enter: '; }
leave_plan() {
    k Escape
    gone 'PLAN'
}

# quiet: a confirmation counts only after a silence (confirm_quiet_ms), which is measured here.
quiet() { sleep .8; }

# accept: as the plan asks for it, by the one key or by the text that it names.
accept() {
    see 'y applies|type  *[^ ].* +then Enter: '
    quiet
    if shows 'y applies'; then
        k y
    else
        lit "$(cap | sed -n 's/.*type  *\([^ ].*[^ ]\)  *then Enter.*/\1/p')"
        k Enter
    fi
}
type_in() {
    quiet
    lit "$1"
    k Enter
}

# end_check: what the screen shows when a check fails; each has a terminal of its own.
end_check() {
    local status=$?
    trap - EXIT
    [ "$status" -eq 0 ] || cap 2>/dev/null | sed '/^ *$/d; s/^/| /' || :
    t kill-server 2>/dev/null || :
    exit "$status"
}

# check NUMBER TEXT: runs the function NUMBER in a subshell and reports it. CHECKS="A1 A3" runs
# only some.
check() {
    local number=$1 out status
    [[ " ${CHECKS:-$number} " == *" $number "* ]] || return 0
    starts=$((starts + 100))
    set +e # a condition would switch it off inside as well
    out=$( (trap end_check EXIT; set -e; "$number") 2>&1)
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        printf '%-4s %-3s ok      %s\n' "$requirement" "$number" "$2"
    else
        printf '%-4s %-3s FAILED  %s\n' "$requirement" "$number" "$2"
        printf '%s\n' "$out" | sed 's/^/           /'
        failures=$((failures + 1))
    fi
}

report() { [ "$failures" -eq 0 ]; }

trap clean_up EXIT
configure
