-- The table of VDK's control service (its migration V20213107120000), and what of its other tables
-- tells teams and executions.
create table job_properties (job_name varchar primary key, properties_json varchar);
create table data_job (name varchar primary key, team varchar);
create table data_job_execution (id varchar primary key, job_name varchar, status smallint);
insert into data_job values ('ingest-demo', 'sales'), ('scratch', 'sales'), ('old_client', 'mart');
insert into job_properties values
    ('ingest-demo', '{"api_uri":"https://api.example.test",".vdk.data_sources.state":{"auto":{"streams":{"stream_1":{"last_id":40},"stream_0":{"last_id":42}}}},"last_date":"2025-03-01"}'),
    ('scratch', null),
    ('deleted', '{".vdk.data_sources.state":{"auto":{"streams":{"s":{"id":1.7471401615E9}}}}}'),
    ('old_client', '{"on":true,".vdk.data_sources.state":"{\"auto\": {}}"}');
