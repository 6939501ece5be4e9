-- Load behind l5.sql: a label of an enum is good from the next transaction on.
update etl.destination_tables_metadata set schema_status = 'creating'
    where schema_status = 'applying' and previous_snapshot_id is null;
