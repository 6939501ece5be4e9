-- Meltano's system database at revision c0efb3c314eb (formats/meltano.md 3.2): the tables that count,
-- with the sequence that keeps the old name of `runs`.
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO alembic_version VALUES ('c0efb3c314eb');
CREATE TABLE state (
    state_id VARCHAR(900) NOT NULL PRIMARY KEY,
    partial_state VARCHAR,
    completed_state VARCHAR,
    updated_at TIMESTAMP WITHOUT TIME ZONE
);
CREATE TABLE job (
    id SERIAL PRIMARY KEY,
    job_name VARCHAR,
    state VARCHAR,
    started_at TIMESTAMP WITHOUT TIME ZONE,
    ended_at TIMESTAMP WITHOUT TIME ZONE,
    payload VARCHAR,
    payload_flags INTEGER,
    run_id UUID,
    "trigger" VARCHAR,
    last_heartbeat_at TIMESTAMP WITHOUT TIME ZONE
);
ALTER TABLE job RENAME TO runs;
