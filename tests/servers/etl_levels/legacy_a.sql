-- Before August 2025: one row a table, no history. From the sample of L4 (formats/supabase-etl.md 1.3).
drop table etl.replication_progress, etl.destination_tables_metadata, etl.table_columns, etl.table_schemas;
alter type etl.table_state add value 'skipped';
create table kept as select pipeline_id, table_id, state from etl.replication_state where is_current;
drop table etl.replication_state;
create table etl.replication_state (
    pipeline_id bigint not null,
    table_id oid not null,
    state etl.table_state not null,
    sync_done_lsn text,
    primary key (pipeline_id, table_id)
);
insert into etl.replication_state
    select pipeline_id, table_id, state, case state when 'sync_done' then '1A/4C5A1B8' end from kept;
drop table kept;
