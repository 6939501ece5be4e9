-- All of formats/supabase-etl.md 12: snapshots as text "commit:message", a mask for the previous
-- version, generated columns, deferrable keys. From the sample of L4.
create function public.pair(lsn pg_lsn) returns text language sql as
    $$ select (lsn - '0/0')::text || ':' || (lsn - '0/0')::text $$;
alter table etl.table_schemas alter snapshot_id drop default;
alter table etl.table_schemas alter snapshot_id type text using public.pair(snapshot_id),
    alter snapshot_id set default '0:0', add primary_key_deferrable boolean not null default false;
alter type etl.destination_table_schema_status add value 'creating' before 'applying';
alter table etl.destination_tables_metadata alter snapshot_id type text using public.pair(snapshot_id),
    alter previous_snapshot_id type text using public.pair(previous_snapshot_id),
    add previous_replication_mask bytea;
update etl.destination_tables_metadata set previous_replication_mask = '\x010101'
    where previous_snapshot_id is not null;
alter table etl.table_columns add generated boolean not null default false;
update etl.table_columns set generated = true where column_name = 'price';
drop function public.pair(pg_lsn);
