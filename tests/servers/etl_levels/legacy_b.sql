-- August 2025, its second half: chained rows, with times; other names of keys and indexes. From the
-- sample of L4 (formats/supabase-etl.md 1.3).
drop table etl.replication_progress, etl.destination_tables_metadata, etl.table_columns, etl.table_schemas;
alter type etl.table_state add value 'skipped';
alter table etl.replication_state rename constraint replication_state_prev_fkey to fk_replication_state_prev;
create index idx_replication_state_is_current on etl.replication_state (is_current);
create index idx_replication_state_prev on etl.replication_state (prev);
