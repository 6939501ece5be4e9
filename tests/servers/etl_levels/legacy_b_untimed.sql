-- August 2025, its first half: chained rows without times. Load behind legacy_b.sql.
alter table etl.replication_state drop created_at, drop updated_at;
