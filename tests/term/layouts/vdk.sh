# shellcheck shell=bash disable=SC2034,SC2154
# VDK's stores for layouts.sh: a source with two streams. There are no locks, but in the plain layout.
document='{"streams": {"orders": {"last_id": 9007199254740993}, "users": {"last_id": 1.10}}, "others": {"etag": "W/5a"}}'

source_crm() { row='crm' inside='last_id: 9007199254740993' typed=crm; }
clear_source() { action='c clear the source' plan='from the start'; }
clear_stream() { action='t clear one stream' part='orders' plan='from the start'; }
set_stream() {
    action='s set the state of one stream' part='orders' asked='value' answer='{"last_id": 7}'
    plan='9007199254740993 → 7'
}

make_vdk_file() {
    mkdir "$work/vdk"
    printf %s "$document" >"$work/vdk/crm_state.json"
    target=vdk+file://$work/vdk
    source_crm
    clear_source
}
dump_vdk_file() { files "$work/vdk"; }

make_vdk_properties() {
    printf '{"sales_ingest__": {"api_token": "secret", ".vdk.data_sources.state":  {"crm": %s}}, "None_scratch__": {"on": true}}' \
        "$document" >"$work/vdk_data_jobs.json"
    target=vdk+file://$work/vdk_data_jobs.json
    source_crm
    row='sales_ingest/crm'
    set_stream
    plan='1  sales_ingest/crm +2 streams' typed=sales_ingest/crm # whose source it is
}
dump_vdk_properties() { cat "$work/vdk_data_jobs.json"; stat -c '%U:%G %a' "$work/vdk_data_jobs.json"; }

make_vdk_sqlite() {
    sqlite "$work/vdk.db" "$(cat "$servers/vdk.sql")
        INSERT INTO data_source_state VALUES ('crm', '$document', '2025-03-04 10:11:12');"
    target=vdk+sqlite://$work/vdk.db
    source_crm
    clear_stream
}
dump_vdk_sqlite() { sqlite "$work/vdk.db"; }

make_vdk_postgres() {
    postgres vdk
    sql "insert into data_source_state values ('crm', '$document', '2025-03-04 10:11:12.345678')"
    target=vdk+$address
    source_crm
    clear_source
}
dump_vdk_postgres() { rows data_source_state; }

make_vdk_job_properties() {
    postgres vdk_job_properties
    target="vdk+$address&layout=job_properties"
    row='ingest-demo/auto' inside='last_id: 42'
    action='t clear one stream' part='stream_0' plan='1  ingest-demo/auto +2 streams, '
}
dump_vdk_job_properties() { rows job_properties data_job data_job_execution; }

make_vdk_redis() {
    printf '{"document": %s}' "$document" | set_key penstock:vdk:crm PX 3600000
    target=vdk+$PENSTOCK_REDIS
    source_crm
    set_stream
    typed='' # writers are known by their locks
    left='crm.*ana@db1'
}
dump_vdk_redis() { keys; }
lock_vdk_redis() { plain_lock | set_key penstock:lock:vdk:crm PX 600000; }
