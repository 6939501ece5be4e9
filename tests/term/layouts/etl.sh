# shellcheck shell=bash disable=SC2034,SC2154
# The replicator's stores for layouts.sh: a table that errored on its way from finished_copy.

# orders FILE: the sample that the demo has, in the plain layout.
orders() {
    penstock demo --no-tui --dir "$work/demo" >/dev/null 2>&1 || fail 'no demo'
    mv "$work/demo/plain/etl/7%2F16411.json" "$1"
}
table_orders() {
    row='public\.orders +✖ errored' inside='replication slot is active'
}
rollback_table() { action='r rollback one step' plan='errored → finished_copy'; }
reset_table() { action='t reset to init' plan='errored → init'; }

make_etl_postgres() {
    postgres etl_schema etl_sample
    target=etl+$address
    row='public\.products +✖ errored' inside='requires a source primary key' typed=public.products
    action='r rollback one step' plan='errored → data_sync'
}
dump_etl_postgres() {
    rows etl.replication_state etl.replication_progress etl.table_schemas etl.table_columns \
        etl.destination_tables_metadata
}

make_etl_file() {
    mkdir -p "$work/plain/etl"
    orders "$work/plain/etl/7%2F16411.json"
    target=etl+file://$work/plain
    table_orders
    rollback_table
    left='public\.orders.*ana@db1|7/16411.*ana@db1'
}
dump_etl_file() { files "$work/plain"; }
lock_etl_file() { plain_lock >"$work/plain/etl/7%2F16411.lock"; }

make_etl_sqlite() {
    orders "$work/orders"
    sqlite "$work/plain.db" "$(cat "$servers/plain_sqlite.sql")
        INSERT INTO penstock_records VALUES ('etl:7/16411', '$(sed "s/'/''/g" "$work/orders")',
            '2026-03-05T14:07:37.250000Z');"
    target=etl+sqlite://$work/plain.db
    table_orders
    reset_table
    left='7/16411.*ana@db1'
}
dump_etl_sqlite() { sqlite "$work/plain.db"; }
lock_etl_sqlite() { sqlite "$work/plain.db" "INSERT INTO penstock_locks VALUES ('etl:7/16411', '$(plain_lock)')"; }

make_etl_redis() {
    orders "$work/orders"
    set_key penstock:etl:7/16411 PX 3600000 <"$work/orders"
    target=etl+$PENSTOCK_REDIS
    table_orders
    rollback_table
    left='7/16411.*ana@db1'
}
dump_etl_redis() { keys; }
lock_etl_redis() { plain_lock | set_key penstock:lock:etl:7/16411 PX 600000; }
