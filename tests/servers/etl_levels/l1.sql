-- The first numbered level: columns counted from 0, no versions, mappings instead of destination rows.
-- From the sample of L4 (formats/supabase-etl.md 1.3).
drop table etl.replication_progress;
drop type etl.replication_worker_type;
create table etl.table_mappings (
    id bigint generated always as identity primary key,
    pipeline_id bigint not null,
    source_table_id oid not null,
    destination_table_id text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (pipeline_id, source_table_id)
);
insert into etl.table_mappings (pipeline_id, source_table_id, destination_table_id, created_at, updated_at)
    select pipeline_id, table_id, destination_table_id, created_at, updated_at
    from etl.destination_tables_metadata where table_id <> 16471 order by id;
drop table etl.destination_tables_metadata;
drop type etl.destination_table_schema_status;
delete from etl.table_schemas where snapshot_id <> '0/0';
alter table etl.table_schemas drop snapshot_id, add unique (pipeline_id, table_id);
alter table etl.table_columns drop default_expression, drop constraint table_columns_table_schema_id_column_order_key,
    add primary_key boolean not null default false;
alter table etl.table_columns rename ordinal_position to column_order;
update etl.table_columns set column_order = column_order - 1, primary_key = primary_key_ordinal_position is not null;
alter table etl.table_columns drop primary_key_ordinal_position, add unique (table_schema_id, column_order);
