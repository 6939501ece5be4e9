-- The table of Django's database cache, as createcachetable makes it on Postgres and SQLite
-- (formats/triggers.md 4.5), with a value that is no session and a session of another prefix.
CREATE TABLE django_cache (
    cache_key varchar(255) NOT NULL PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX django_cache_expires ON django_cache (expires);
INSERT INTO django_cache VALUES
    (':1:views.decorators.cache', 'gAWVAAAAAAAAAACMAWGULg==', '9999-12-31 23:59:59'),
    ('other:1:triggers.storages.cache:q-1', 'gAV9lC4=', '9999-12-31 23:59:59');
