-- The table of meltano-state-backend-postgresql, as it makes it at every start (formats/meltano.md 6.1),
-- with a state whose empty half is NULL.
CREATE TABLE state (
    state_id VARCHAR(900) PRIMARY KEY,
    partial_state TEXT,
    completed_state TEXT,
    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO state VALUES
    ('dev:tap-gitlab-to-target-postgres', NULL, '{"singer_state": {"bookmarks": {}}}', '2026-03-05 14:07:37.25');
