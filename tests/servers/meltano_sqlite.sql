-- Meltano's system database at revision c0efb3c314eb (formats/meltano.md 3.2): the tables that count.
PRAGMA journal_mode = WAL;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('c0efb3c314eb');
CREATE TABLE state (
    state_id VARCHAR(900) NOT NULL,
    partial_state VARCHAR,
    completed_state VARCHAR,
    updated_at DATETIME,
    PRIMARY KEY (state_id),
    UNIQUE (state_id)
);
CREATE TABLE runs (
    id INTEGER NOT NULL PRIMARY KEY,
    job_name VARCHAR,
    state VARCHAR(7),
    started_at DATETIME,
    ended_at DATETIME,
    payload VARCHAR,
    payload_flags INTEGER,
    run_id CHAR(32),
    "trigger" VARCHAR,
    last_heartbeat_at DATETIME
);
