#!/usr/bin/env bash
# VDK's control service table job_properties on a real server ($PENSTOCK_POSTGRES): compared by
# value, other properties untouched, a job under way in the way.
. "$(dirname "$0")/postgres.sh"
sql -f "$servers/vdk_job_properties.sql"
target=vdk+$(address)
text() { sql -c "select properties_json from job_properties where job_name = '$1'"; }

run 0 -t "$target" source list -o name --sort id
out_is $'deleted/auto\ningest-demo/auto\nold_client'
run 0 -t "$target" source list -o json --job ingest-demo
field_is job ingest-demo
field_is team sales
field_is layout job_properties
run 0 -t "$target" source list -o name --team sales
out_is ingest-demo/auto
run 0 -t "$target" source get auto --team sales --stream stream_0
out_is '{"last_id": 42}'
run 0 -t "$target" source list -o name --team mart --job old_client
out_is old_client
run 0 -t "$target" source list -o name --team nobody
lines_are 0
run 0 -t "$target" check -o json
[ "$(field code | sort | tr '\n' ' ')" = 'blocked_boolean orphan string_key ' ] || fail 'three findings'
run 2 -t "$target" source get auto
err_has 'means 2 records'
run 0 -t "$target" source get auto --job ingest-demo --stream stream_1
out_is '{"last_id": 40}'

# only the bytes of the source change
before=$(text ingest-demo)
run 0 -t "$target" source set ingest-demo/auto --stream stream_1 --at /last_id 39 --yes
out_has verified
[ "$(text ingest-demo)" = "${before/:40/:39}" ] || fail "more than the value changed: $(text ingest-demo)"
run 0 -t "$target" journal undo --yes
[ "$(text ingest-demo)" = "$before" ] || fail 'the undo is not exact'

# the service respells the text between plan and change: nothing has changed
run 0 -t "$target" -o json plan source set ingest-demo/auto --stream stream_1 --at /last_id 38
cp out plan.json
sql -c "update job_properties set properties_json = '{\".vdk.data_sources.state\": {\"auto\": {\"streams\": {\"stream_0\": {\"last_id\": 42.0, \"gone\": null}, \"stream_1\": {\"last_id\": 4.0E1}}}}, \"last_date\": \"2025-03-01\", \"api_uri\": \"https:\\/\\/api.example.test\"}' where job_name = 'ingest-demo'"
run 0 -t "$target" source set ingest-demo/auto --stream stream_0 --at /last_id 41.0 --yes
sql -c "update job_properties set properties_json = '{\"x\":1,\".vdk.data_sources.state\":{\"auto\":{\"streams\":{\"stream_1\":{\"last_id\":40},\"stream_0\":{\"last_id\":41}}}}}' where job_name = 'ingest-demo'"
run 0 -t "$target" journal undo --yes
run 0 -t "$target" source get ingest-demo/auto --stream stream_0
out_is '{"last_id": 42.0, "gone": null}'
grep -q '"x":1' <<<"$(text ingest-demo)" || fail 'another property is gone'
sql -c "update job_properties set properties_json = '$before' where job_name = 'ingest-demo'"
run 0 -t "$target" apply plan.json --yes
run 4 -t "$target" apply plan.json --yes

# what the service cannot keep
run 6 -t "$target" source set ingest-demo/auto --stream s '{"x": NaN}' --dry-run
err_has 'the control service cannot read it'
run 0 -t "$target" source set ingest-demo/auto --stream s '{"x": null}' --dry-run
out_has 'vanish when VDK next writes'

# a job under way is in the way; forced, it is said what for
sql -c "insert into data_job_execution values ('e1', 'ingest-demo', 1), ('e0', 'old_client', 2)"
run 5 -t "$target" source clear ingest-demo/auto --stream stream_0 --yes
err_has 'execution e1 of job ingest-demo is under way'
run 0 -t "$target" source repair old_client --yes
[ "$(text old_client)" = '{"on":1,".vdk.data_sources.state":{"auto":{}}}' ] || fail "mended: $(text old_client)"
run 0 -t "$target" journal undo --yes
[ "$(text old_client)" = '{"on":true,".vdk.data_sources.state":"{\"auto\": {}}"}' ] || fail 'the undo is not exact'

# a row that is NULL, a job without a row, a job that the service does not know
run 0 -t "$target" source copy deleted/auto scratch/auto --yes
[ "$(text scratch)" = '{".vdk.data_sources.state":{"auto":{"streams":{"s":{"id":1.7471401615E9}}}}}' ] ||
    fail "copied: $(text scratch)"
run 0 -t "$target" journal undo --yes
[ "$(sql -c "select properties_json is null from job_properties where job_name = 'scratch'")" = t ] ||
    fail "what was NULL is not again: $(text scratch)"
run 0 -t "$target" journal redo --yes
[ "$(text scratch)" = '{".vdk.data_sources.state":{"auto":{"streams":{"s":{"id":1.7471401615E9}}}}}' ] ||
    fail "copied again: $(text scratch)"
run 0 -t "$target" source copy deleted/auto mistyped/auto --yes
err_has 'the control service knows no job of that name'
err_has 'nothing is stored under that job yet'
run 0 -t "$target" journal undo --yes
[ "$(sql -c "select count(*) from job_properties where job_name = 'mistyped'")" = 0 ] || fail 'the row stayed'

# between the service and a directory
mkdir d
run 0 -t "$target" source copy deleted/auto auto --to "vdk+file://$work/d" --yes
run 0 -t "vdk+file://$work/d" source get auto
out_is '{"streams": {"s": {"id": 1.7471401615E9}}}'
printf '{"streams": {"a": {"x": Infinity}}}' >d/inf_state.json
run 6 -t "vdk+file://$work/d" source copy inf scratch/inf --to "$target" --yes
err_has 'the control service cannot read it'

# what a trigger alters is taken back
before=$(text deleted)
sql -c "create function meddle() returns trigger language plpgsql as
        \$\$ begin new.properties_json = '{}'; return new; end \$\$" \
    -c "create trigger meddler before update on job_properties for each row execute function meddle()"
run 6 -t "$target" source set deleted/auto --stream s '{"id": 9}' --yes
err_has 'nothing was kept'
[ "$(text deleted)" = "$before" ] || fail "$(text deleted)"
sql -c 'drop trigger meddler on job_properties'

# one place per database: beside the other table both are found
sql -f "$servers/vdk.sql"
run 0 -t "$(address)" probe -o json
[ "$(field layout | sort | tr '\n' ' ')" = 'data_source_state job_properties ' ] || fail 'two stores'

# a column of another type: nothing is guessed, and no SQL of ours is shown
for column in 'job_name bytea' 'properties_json json' 'properties_json jsonb' 'properties_json bytea'; do
    sql -c 'drop table job_properties; create table job_properties (job_name varchar, properties_json varchar)' \
        -c "alter table job_properties drop column ${column% *}, add column $column"
    run 6 -t "$target&layout=job_properties" source list
    err_has "the table job_properties is none of this layout: ${column/ / is }, not text"
done
finish
