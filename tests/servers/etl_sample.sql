-- The sample rows of formats/supabase-etl.md 8: pipeline 7 with eight tables, pipeline 8 that shares
-- one, pipeline 3 that left garbage. Load behind etl_schema.sql. Times are UTC.
set timezone = 'UTC';

insert into etl.replication_state
    (id, pipeline_id, table_id, state, metadata, prev, is_current, created_at, updated_at)
overriding system value values
(101, 7, 16401, 'init', '{"type":"init"}', null, false, '2026-07-20 08:00:00', '2026-07-20 08:00:05'),
(102, 7, 16411, 'init', '{"type":"init"}', null, false, '2026-07-20 08:00:00', '2026-07-20 08:00:05'),
(103, 7, 16421, 'init', '{"type":"init"}', null, false, '2026-07-20 08:00:00', '2026-07-20 08:00:05'),
(104, 7, 16431, 'init', '{"type":"init"}', null, false, '2026-07-20 08:00:00', '2026-07-20 08:00:06'),
(105, 7, 16441, 'init', '{"type":"init"}', null, true, '2026-07-24 09:10:00', '2026-07-24 09:10:00'),
(106, 7, 16451, 'init', '{"type":"init"}', null, false, '2026-07-20 08:00:00', '2026-07-20 08:01:00'),
(107, 7, 16461, 'init', '{"type":"init"}', null, false, '2026-07-20 08:00:00', '2026-07-20 08:01:10'),
(108, 7, 16471, 'ready', '{"type":"ready"}', null, false, '2025-12-01 10:00:00', '2026-02-11 03:12:44'),
(109, 7, 16401, 'data_sync', '{"type":"data_sync"}', 101, false, '2026-07-20 08:00:05', '2026-07-20 08:03:10'),
(110, 7, 16411, 'data_sync', '{"type":"data_sync"}', 102, false, '2026-07-20 08:00:05', '2026-07-20 08:09:30'),
(111, 7, 16421, 'data_sync', '{"type":"data_sync"}', 103, false, '2026-07-20 08:00:05', '2026-07-24 09:11:02'),
(112, 7, 16431, 'data_sync', '{"type":"data_sync"}', 104, false, '2026-07-20 08:00:06', '2026-07-24 09:10:20'),
(113, 7, 16401, 'finished_copy', '{"type":"finished_copy"}', 109, false, '2026-07-20 08:03:10', '2026-07-20 08:03:12'),
(114, 7, 16401, 'sync_done', '{"type":"sync_done","lsn":"0/4A0F3C8"}', 113, false, '2026-07-20 08:03:12', '2026-07-20 08:03:40'),
(115, 7, 16401, 'ready', '{"type":"ready"}', 114, true, '2026-07-20 08:03:40', '2026-07-20 08:03:40'),
(116, 7, 16411, 'finished_copy', '{"type":"finished_copy"}', 110, false, '2026-07-20 08:09:30', '2026-07-20 08:09:31'),
(117, 7, 16411, 'sync_done', '{"type":"sync_done","lsn":"1A/4C5A1B8"}', 116, true, '2026-07-20 08:09:31', '2026-07-20 08:09:31'),
(118, 7, 16471, 'errored', '{"type":"errored","reason":"ConnectionFailed: old format -> detail text","retry_policy":{"type":"no_retry"}}', 108, true, '2026-02-11 03:12:44', '2026-02-11 03:12:44'),
(119, 7, 16431, 'data_sync', '{"type":"data_sync"}', 112, true, '2026-07-24 09:10:20', '2026-07-24 09:10:20'),
(120, 7, 16421, 'finished_copy', '{"type":"finished_copy"}', 111, true, '2026-07-24 09:11:02', '2026-07-24 09:11:02'),
(121, 7, 16451, 'data_sync', '{"type":"data_sync"}', 106, false, '2026-07-24 09:00:00', '2026-07-24 09:12:00'),
(122, 7, 16451, 'errored', '{"type":"errored","reason":"[DestinationTimeout] ClickHouse call timed out: insert rows: timed out after 30s","solution":null,"retry_policy":{"type":"timed_retry","next_retry":"2026-07-24T09:12:10.482913006Z"}}', 121, true, '2026-07-24 09:12:00', '2026-07-24 09:12:00'),
(123, 7, 16461, 'data_sync', '{"type":"data_sync"}', 107, false, '2026-07-24 09:00:10', '2026-07-24 09:05:00'),
(124, 7, 16461, 'errored', '{"type":"errored","reason":"[SourceSchemaError] BigQuery requires a source primary key: Table ''public.products'' has none","solution":"Add a primary key to the table.","retry_policy":{"type":"manual_retry"}}', 123, true, '2026-07-24 09:05:00', '2026-07-24 09:05:00'),
(125, 8, 16401, 'ready', '{"type":"ready"}', null, true, '2026-07-21 00:00:00', '2026-07-21 00:00:00');
select setval(pg_get_serial_sequence('etl.replication_state', 'id'), 125);

insert into etl.replication_progress (pipeline_id, worker_type, table_id, flush_lsn, created_at, updated_at) values
(7, 'apply', null, '1A/4C60F28', '2026-07-20 08:00:00', '2026-07-24 09:12:31'),
(7, 'table_sync', 16421, '1A/4C5F0A0', '2026-07-24 09:11:02', '2026-07-24 09:12:20'),
(3, 'apply', null, '0/9F00AB8', '2026-05-01 00:00:00', '2026-06-02 00:00:00');

insert into etl.table_schemas (id, pipeline_id, table_id, schema_name, table_name, snapshot_id, created_at, updated_at)
overriding system value values
(1, 7, 16401, 'public', 'users', '0/0', '2026-07-20 08:00:05', '2026-07-20 08:00:05'),
(2, 7, 16401, 'public', 'users', '1A/4C00000', '2026-07-23 12:00:00', '2026-07-23 12:00:00'),
(3, 7, 16461, 'public', 'products', '0/0', '2026-07-24 09:00:10', '2026-07-24 09:00:10'),
(4, 7, 16471, 'public', 'legacy_prefs', '0/0', '2025-12-01 09:00:00', '2025-12-01 09:00:00');
select setval(pg_get_serial_sequence('etl.table_schemas', 'id'), 4);

insert into etl.table_columns (table_schema_id, column_name, column_type, type_modifier, nullable, ordinal_position, primary_key_ordinal_position, default_expression, created_at) values
(1, 'id', 'INT8', -1, false, 1, 1, null, '2026-07-20 08:00:05'),
(1, 'email', 'TEXT', -1, true, 2, null, null, '2026-07-20 08:00:05'),
(2, 'id', 'INT8', -1, false, 1, 1, null, '2026-07-23 12:00:00'),
(2, 'email', 'TEXT', -1, true, 2, null, null, '2026-07-23 12:00:00'),
(2, 'status', 'TEXT', -1, true, 3, null, '''new''::text', '2026-07-23 12:00:00'),
(3, 'sku', 'VARCHAR', 68, false, 1, null, null, '2026-07-24 09:00:10'),
(3, 'price', 'NUMERIC', 655366, true, 2, null, null, '2026-07-24 09:00:10');

insert into etl.destination_tables_metadata (pipeline_id, table_id, destination_table_id, snapshot_id, previous_snapshot_id, schema_status, replication_mask, created_at, updated_at) values
(7, 16401, 'public_users_0', '1A/4C00000', null, 'applied', '\x010101', '2026-07-20 08:00:05', '2026-07-23 12:00:00'),
(7, 16411, 'public_orders_2', '0/0', null, 'applied', '\x0101010001', '2026-07-20 08:00:05', '2026-07-20 08:00:05'),
(7, 16421, 'public_events_0', '1A/4C10000', '0/0', 'applying', '\x01010101', '2026-07-24 09:11:02', '2026-07-24 09:12:00'),
(7, 16451, 'public_payments_0', '0/0', null, 'applying', '\x010101', '2026-07-24 09:00:00', '2026-07-24 09:00:00'),
(7, 16471, 'public_legacy__prefs_0', '0/0', null, 'applied', '\x0101', '2025-12-01 09:00:00', '2025-12-01 09:00:00');
