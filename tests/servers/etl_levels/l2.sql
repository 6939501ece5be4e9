-- Versions and destination rows, no durable progress, no default expressions. From the sample of L4
-- (formats/supabase-etl.md 1.3).
drop table etl.replication_progress;
drop type etl.replication_worker_type;
alter table etl.table_columns drop default_expression;
