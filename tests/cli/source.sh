#!/usr/bin/env bash
# VDK sources: one file a source, and VDK's own file with the properties of all jobs. What is not
# addressed stays byte for byte; damage is found, named with its command, and mended.
. "$(dirname "$0")/harness.sh"

# as Python itself writes what it reads
python_writes() {
    python3 - "$1" "$2" <<'PY' || fail "$1 is not as Python writes it"
import json, sys
text = open(sys.argv[1]).read()
sys.exit(text != json.dumps(json.loads(text), indent=int(sys.argv[2]) or None))
PY
}

# --- one file a source: json.dumps(indent=2), no newline at the end
mkdir d
printf '%s' '{
  "streams": {
    "orders": {
      "last_sync_time": "2025-03-04 10:11:12.345678",
      "big": 123456789012345678901234567890,
      "f": 1.10
    },
    "products": {}
  },
  "others": {
    "connection": {
      "at": "2025-03-04T10:05:00"
    }
  }
}' >d/crm_state.json
printf '{"streams": {"a": {"id": 1}, "b": {"id": 2' >d/torn_state.json
touch -d '1 hour ago' d/torn_state.json
cp -r d before
dir=vdk+file://$work/d
run 0 -t "$dir" source list --ids --sort id
out_is $'crm\ntorn'
run 0 -t "$dir" source get crm --stream orders --at /big
out_is 123456789012345678901234567890
run 0 -t "$dir" source get crm --other connection
out_is '{"at": "2025-03-04T10:05:00"}'
run 3 -t "$dir" source get crm --stream none
run 6 -t "$dir" source set crm --stream orders --at /f '"x"' --yes
err_has 'the type changes at'
err_has --retype
run 6 -t "$dir" source set crm --stream orders null --yes
run 2 -t "$dir" source set crm --stream orders 2025-01-01 --yes
same d before
run 0 -t "$dir" source set crm --stream orders --at /last_sync_time '"2025-03-01 00:00:00"' --yes
err_has 'goes back at /last_sync_time'
sed -i 's/2025-03-04 10:11:12.345678/2025-03-01 00:00:00/' before/crm_state.json
same d before
run 0 -t "$dir" source set crm --stream $'caf\xc3\xa9' '{}' --yes
run 0 -t "$dir" source set crm --other k $'{"t": "\xe2\x98\x83 \\u007f /", "n": 1e16, "list": [], "deep": {"er": [1, {}]}}' --yes
run 0 -t "$dir" source set crm --stream orders --at /f 1.5 --yes
python_writes d/crm_state.json 2
for i in 1 2 3; do run 0 -t "$dir" journal undo --yes; done
same d before
run 8 -t "$dir" source get torn
run 0 -t "$dir" check -o json
field_is code damaged
field_is fix "penstock -t $dir source repair torn"
run 0 -t "$dir" source repair torn --yes
err_has 'cut at /streams/b'
run 0 -t "$dir" source get torn
out_is '{"streams": {"a": {"id": 1}}}'
# nothing of it can be kept, and check does not advise what would be refused
mkdir cut
printf '{"streams": {"a": {"id": 1' >cut/torn_state.json
run 0 -t "vdk+file://$work/cut" check -o json
field_is fix "penstock -t vdk+file://$work/cut source clear torn"
run 6 -t "vdk+file://$work/cut" source repair torn --yes
run 0 -t "$dir" journal undo --yes
same d before
run 6 -t "$dir" source copy crm ../crm --yes

# --- the properties of all jobs in one file
jobs='{"sales_ingest-demo__": {"pw": "hunter2", "last_date": "2025-03-01", ".vdk.data_sources.state": {"auto": {"streams": {"stream_0": {"last_id": 42}, "stream_1": {"last_id": 40}}}}},  "None_scratch__":{ "f":1.10,"auto_x":[1,  2] }, "a_b_c__": {"on": true, "my name": 1, ".vdk.data_sources.state": "{\"auto\": {\"streams\": {}}}"}}'
printf '%s' "$jobs" >jobs.json
chmod 600 jobs.json
file=vdk+file://$work/jobs.json
run 0 -t "$file" source list -o name
out_is $'a_b_c\nsales_ingest-demo/auto'
run 0 -t "$file" source list -o json --job ingest-demo
field_is job ingest-demo
field_is team sales
field_is layout fs-properties
field_is streams 2
run 0 -t "$file" source list -o name --team a
out_is a_b_c
run 0 -t "$file" source streams auto -o json
[ "$(field behind | tr '\n' ' ')" = 'null 2 ' ] || fail 'stream_1 is 2 behind'
run 0 -t "$file" check -o json
[ "$(field code | tr '\n' ' ')" = 'blocked_boolean blocked_name string_key ' ] || fail 'three findings'
run 0 -t "$file" source get sales_ingest-demo
grep -q hunter2 out && fail 'a password was shown'

# other jobs and other properties stay byte for byte, spacing included
run 0 -t "$file" source set auto --stream stream_1 --at /last_id 41 --yes
err_has 'jumps ahead at /last_id'
[ "$(cat jobs.json)" = "${jobs/: 40/: 41}" ] || fail 'more than the value changed'
[ "$(stat -c %a jobs.json)" = 600 ] || fail 'the mode changed'
run 0 -t "$file" journal undo --yes
[ "$(cat jobs.json)" = "$jobs" ] || fail 'the undo is not exact'

# a job that cannot run is mended
run 0 -t "$file" source repair a_b_c --yes
grep -qF '"on": 1, "my_name": 1, ".vdk.data_sources.state": {"auto": {"streams": {}}}' jobs.json ||
    fail 'the job was not mended'
run 2 -t "$file" source get auto
err_has 'means 2 records'
run 0 -t "$file" source get auto --job c
out_is '{"streams": {}}'
run 0 -t "$file" check -o json
lines_are 0

# between jobs, and between stores
run 0 -t "$file" source copy sales_ingest-demo/auto a_b_c/auto --yes
err_has 'the state of a_b_c/auto is replaced'
run 0 -t "$file" source copy sales_ingest-demo/auto mart_new/auto --yes
err_has 'nothing is stored under that job yet'
run 0 -t "$dir" source copy crm sales_ingest-demo/crm --to "$file" --yes
run 0 -t "$file" source get sales_ingest-demo/crm --stream orders --at /f
out_is 1.10
run 0 -t "$file" source copy sales_ingest-demo/auto back --to "$dir" --yes
run 0 -t "$dir" source get back --stream stream_0
out_is '{"last_id": 42}'
run 6 -t "$dir" source copy crm nowhere --to "$file" --yes
err_has 'JOB/SOURCE'

# out of one store and into another, as text
run 0 -t "$dir" source export crm back
cp out export.json
mkdir d2
run 0 -t "vdk+file://$work/d2" source import export.json --yes
run 0 -t "vdk+file://$work/d2" source get crm --stream orders --at /big
out_is 123456789012345678901234567890
run 0 -t "vdk+file://$work/d2" source get back --stream stream_1
out_is '{"last_id": 40}'
run 0 -t "vdk+file://$work/d2" journal undo --yes
[ "$(ls d2)" = '' ] || fail 'an undo of an import leaves files'

# a plan of a copy between stores, saved and applied: stale once the source changed
run 0 -t "$dir" -o json plan source copy crm mart_new/crm --to "$file"
cp out plan.json
run 0 -t "$dir" -t "$file" apply plan.json --yes
run 0 -t "$file" source get mart_new/crm --stream products
run 0 -t "$dir" source set crm --stream products '{"x": 1}' --yes
run 4 -t "$dir" -t "$file" apply plan.json --yes

# two of us at once: nobody's change is lost, neither in one file nor in one directory
printf '%s' "$jobs" >jobs.json
for i in 1 2 3 4 5 6; do
    for stream in stream_0 stream_1; do
        "$penstock" -t "$file" --lock-wait 600 source set sales_ingest-demo/auto --stream $stream "{\"last_id\": $i}" --yes \
            >/dev/null 2>$stream.err &
        "$penstock" -t "$dir" --lock-wait 600 source set $stream --stream x "{\"last_id\": $i}" --yes >/dev/null 2>$stream.dir.err &
    done
    wait
done
for stream in stream_0 stream_1; do
    run 0 -t "$dir" source get $stream --stream x
    out_is '{"last_id": 6}'
done
python3 -c 'import json; json.load(open("jobs.json"))' || fail 'two writers tore the file'
[ "$(sed 's/"last_id": [0-9]*/N/g' jobs.json)" = "$(sed 's/"last_id": [0-9]*/N/g' <<<"$jobs")" ] || fail 'two writers lost something'

# the first source of a job, and of a job that is not there: the undo takes away what was made for it
printf '%s' '{"a_x__": {"p": 1}, "b_y__":  {"q": "z", ".vdk.data_sources.state": {"s": {"streams": {}}}}}' >jobs.json
cp jobs.json first.json
for id in a_x/t c_new/t; do
    run 0 -t "$file" source copy b_y/s "$id" --yes
    cmp -s jobs.json first.json && fail 'nothing was copied'
    cp jobs.json copied.json
    run 0 -t "$file" journal undo --yes
    cmp jobs.json first.json || fail 'the undo is not exact'
    run 0 -t "$file" journal redo --yes
    cmp jobs.json copied.json || fail 'the redo is not exact'
    run 0 -t "$file" journal undo --yes
    cmp jobs.json first.json || fail 'the undo of a redo is not exact'
done
# what came to stand there since stays
run 0 -t "$file" source copy b_y/s c_new/t --yes -o json
entry=$(field journal_id)
run 0 -t "$file" source copy b_y/s c_new/u --yes
run 0 -t "$file" journal undo "$entry" --yes
run 0 -t "$file" source get c_new/u
run 3 -t "$file" source get c_new/t

# cut: no job shows as empty; what is whole is kept; the undo brings the cut file back
printf '%s' "${jobs%% 40*}" >jobs.json
cp jobs.json cut.json
touch -d '1 hour ago' jobs.json
run 0 -t "$file" source list -o name
out_is jobs.json
run 8 -t "$file" source get sales_ingest-demo/auto
run 8 -t "$file" source set sales_ingest-demo/auto --stream stream_0 '{}' --yes
cmp -s jobs.json cut.json || fail 'a damaged file was written'
run 0 -t "$file" check -o json
field_is code damaged
run 0 -t "$file" source repair jobs.json --yes
grep -q hunter2 err out && fail 'a password was shown'
[ "$(cat jobs.json)" = '{"sales_ingest-demo__": {"pw": "hunter2", "last_date": "2025-03-01", ".vdk.data_sources.state": {"auto": {"streams": {"stream_0": {"last_id": 42}}}}}}' ] ||
    fail 'not what was whole'
run 0 -t "$file" journal undo --yes
cmp -s jobs.json cut.json || fail 'the undo is not exact'
: >jobs.json
touch -d '1 hour ago' jobs.json
run 0 -t "$file" source list -o name
out_is jobs.json
run 6 -t "$file" source repair jobs.json --yes
finish
