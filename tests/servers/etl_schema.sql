-- Schema `etl` at level L4 as the system's own migrations leave it (formats/supabase-etl.md 1.2),
-- written anew from that description.
create schema etl;
create type etl.table_state as enum
    ('init', 'data_sync', 'finished_copy', 'sync_done', 'ready', 'errored');
create type etl.destination_table_schema_status as enum ('applying', 'applied');
create type etl.replication_worker_type as enum ('apply', 'table_sync');

create table etl.replication_state (
    id bigint generated always as identity primary key,
    pipeline_id bigint not null,
    table_id oid not null,
    state etl.table_state not null,
    metadata jsonb,
    prev bigint references etl.replication_state (id),
    is_current boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index uq_replication_state_current_true
    on etl.replication_state (pipeline_id, table_id) where is_current = true;

create table etl.table_schemas (
    id bigint generated always as identity primary key,
    pipeline_id bigint not null,
    table_id oid not null,
    schema_name text not null,
    table_name text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    snapshot_id pg_lsn not null default '0/0',
    unique (pipeline_id, table_id, snapshot_id)
);

create table etl.table_columns (
    id bigint generated always as identity primary key,
    table_schema_id bigint not null references etl.table_schemas (id) on delete cascade,
    column_name text not null,
    column_type text not null,
    type_modifier integer not null,
    nullable boolean not null,
    ordinal_position integer not null,
    created_at timestamptz not null default now(),
    primary_key_ordinal_position integer,
    default_expression text,
    unique (table_schema_id, column_name),
    constraint table_columns_table_schema_id_column_order_key
        unique (table_schema_id, ordinal_position)
);

create table etl.destination_tables_metadata (
    id bigint generated always as identity primary key,
    pipeline_id bigint not null,
    table_id oid not null,
    destination_table_id text not null,
    snapshot_id pg_lsn not null,
    previous_snapshot_id pg_lsn,
    schema_status etl.destination_table_schema_status not null,
    replication_mask bytea not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (pipeline_id, table_id)
);

create table etl.replication_progress (
    id bigint generated always as identity primary key,
    pipeline_id bigint not null,
    worker_type etl.replication_worker_type not null,
    table_id oid,
    flush_lsn pg_lsn not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint replication_progress_worker_table_check check
        ((worker_type = 'apply' and table_id is null)
         or (worker_type = 'table_sync' and table_id is not null))
);
create unique index uq_replication_progress_pipeline_apply
    on etl.replication_progress (pipeline_id, worker_type) where table_id is null;
create unique index uq_replication_progress_pipeline_table_sync
    on etl.replication_progress (pipeline_id, worker_type, table_id) where table_id is not null;
