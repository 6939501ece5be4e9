-- Durable progress, no default expressions. From the sample of L4 (formats/supabase-etl.md 1.3).
alter table etl.table_columns drop default_expression;
