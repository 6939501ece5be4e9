-- As VDK's users make it, in SQLite and on Postgres alike.
CREATE TABLE data_source_state (
    source_name TEXT PRIMARY KEY,
    state_data TEXT,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
