-- The plain layout on SQLite (docs/stores.md).
CREATE TABLE penstock_records (key TEXT PRIMARY KEY NOT NULL, record TEXT NOT NULL, updated_at TEXT);
CREATE TABLE penstock_locks (key TEXT PRIMARY KEY NOT NULL, lock TEXT NOT NULL);
INSERT INTO penstock_records VALUES ('other:1', '{"label": "x", "document": {}}', NULL);
