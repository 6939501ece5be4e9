# shellcheck shell=bash disable=SC2034,SC2154
# Meltano's stores for layouts.sh.
completed='{"singer_state": {"bookmarks": {"orders": {"id": 9007199254740993}, "users": {"id": 1.10}}}}'

# state: one with two streams.
state() {
    row='dev:tap-a-to-b' inside='id: 9007199254740993' typed=dev:tap-a-to-b
}
# No lock is a fact there: nothing is still to be read.
without_locks() { row='dev:tap-a-to-b.* - +-'; }
clear_state() { action='c clear' plan='imports everything'; }
reset_stream() { action='t reset one stream' part='orders' plan='imported from the start'; }
rewind_stream() {
    action='w rewind one stream' part='orders' asked='value' answer='7' plan='9007199254740993 → 7'
}

# make_states DIRECTORY: state files with the one state in a directory of this name
make_states() {
    mkdir -p "$work/states/$1"
    printf '{"completed": %s, "partial": {}}' "$completed" >"$work/states/$1/state.json"
    target="meltano+file://$work/states?lock_timeout=600"
    state
    left='dev:tap-a-to-b.*unknown'
}

make_meltano_file() {
    make_states dev:tap-a-to-b
    reset_stream
}
dump_meltano_file() { files "$work/states"; }
lock_meltano_file() { printf '%s.25' "$(date +%s)" >"$work/states/dev:tap-a-to-b/lock"; }

# as Windows names it
encoded=$(printf dev:tap-a-to-b | base64)
make_meltano_windows() {
    make_states "$encoded"
    clear_state
}
dump_meltano_windows() { files "$work/states"; }
lock_meltano_windows() { printf '%s.25' "$(date +%s)" >"$work/states/$encoded/lock"; }

make_meltano_sqlite() {
    sqlite "$work/meltano.db" "$(cat "$servers/meltano_sqlite.sql")
        INSERT INTO state VALUES ('dev:tap-a-to-b', '{}', '$completed', '2026-03-05 14:07:37.250000');
        INSERT INTO runs VALUES (4, 'dev:tap-a-to-b', 'SUCCESS', '2026-03-05 14:00:00', '2026-03-05 14:07:37',
            '$completed', 1, '00000000000000000000000000000001', 'cli', '2026-03-05 14:07:36');"
    target=meltano+sqlite://$work/meltano.db
    state
    rewind_stream
    without_locks
    typed='' # the table says who is running
}
dump_meltano_sqlite() { sqlite "$work/meltano.db"; }

make_meltano_postgres() {
    postgres meltano_postgres
    sql "insert into state values ('dev:tap-a-to-b', '{}', '$completed', '2026-03-05 14:07:37.25')"
    sql "insert into runs (job_name, state, started_at, ended_at, payload, payload_flags, run_id, trigger)
         values ('dev:tap-a-to-b', 'SUCCESS', '2026-03-05 14:00:00', '2026-03-05 14:07:37', '$completed', 1,
             '00000000-0000-0000-0000-000000000001', 'cli')"
    target=meltano+$address
    state
    clear_state
    without_locks
    typed=''
}
dump_meltano_postgres() { rows state runs alembic_version; }

make_meltano_plugin() {
    postgres meltano_plugin
    sql "insert into state values ('dev:tap-a-to-b', null, '$completed', '2026-03-05 14:07:37.25')"
    target="meltano+$address&layout=plugin"
    state
    reset_stream
    left='HOLDER session [0-9]+: meltano as'
}
dump_meltano_plugin() { rows state; }
# the plug-in's key: the first 8 bytes of the MD5 of the id
lock_meltano_plugin() {
    PGAPPNAME=meltano psql "$address" -c "select pg_advisory_lock(('x' || left(md5('dev:tap-a-to-b'), 16))::bit(64)::bigint)" \
        -c 'select pg_sleep(600)' >"$work/holder" 2>&1 </dev/null &
    holder=$!
    until_true 60 is_granted || fail "no lock: $(cat "$work/holder")"
}
is_granted() { sql "select 1 from pg_locks where locktype = 'advisory' and granted" | grep -q 1; }

make_meltano_redis() {
    printf '{"document": {"completed": %s, "partial": {}}}' "$completed" |
        set_key penstock:meltano:dev:tap-a-to-b PX 3600000
    target=meltano+$PENSTOCK_REDIS
    state
    rewind_stream
    left='dev:tap-a-to-b.*ana@db1'
}
dump_meltano_redis() { keys; }
lock_meltano_redis() { plain_lock | set_key penstock:lock:meltano:dev:tap-a-to-b PX 600000; }
