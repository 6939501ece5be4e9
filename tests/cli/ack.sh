#!/usr/bin/env bash
# Acknowledged findings: left out of check for a while, kept in a file of ours that is never lost.
. "$(dirname "$0")/harness.sh"
mkdir -p s/torn s/fine
printf '{"completed": {"singer' >s/torn/state.json
printf '{"completed": {"singer_state": {"bookmarks": {"a": {"v": 1}}}}, "partial": {}}' >s/fine/state.json
target=meltano+file://$work/s

run 10 -t "$target" check --exit-code -o json
field_is object torn
id=$(field id)
field_is acknowledged_until null

run 2 -t "$target" check ack "$id"
run 2 -t "$target" check ack "$id" --for soon
run 3 -t "$target" check ack 000000000000 --for 7d
[ -e state/penstock/acks.json ] && fail 'something was acknowledged'

run 0 -t "$target" check ack "$id" --for 7d --reason 'INC-9'
err_has 'acknowledged until'
[ "$(stat -c %a state/penstock/acks.json)" = 600 ] || fail 'others may read it'
run 0 -t "$target" check --exit-code
out_is ''
err_has '1 acknowledged; check --all shows it'
run 0 -t "$target" check --exit-code --all -o json
field_is object torn
[ "$(field acknowledged_until)" != null ] || fail 'no time'
run 0 audit list -o json
field_is reason INC-9
field_is step acknowledged

# its time over, it is found again
sed -i 's/"until": "[^"]*"/"until": "2020-01-01T00:00:00Z"/' state/penstock/acks.json
run 10 -t "$target" check --exit-code
out_has torn

# two at once: neither is lost
printf '{"completed": {"singer' >s/fine/state.json
ids=$("$penstock" -t "$target" check -o name)
acknowledge() {
    until "$penstock" -t "$target" check ack "$1" --for 1d 2>/dev/null; do
        [ $? = 5 ] || break # the other holds the file for longer than is waited for
    done
}
for one in $ids; do
    acknowledge "$one" &
done
wait
run 0 -t "$target" check --exit-code
out_is ''

# a file that is none of ours stays as it is
printf 'not json' >state/penstock/acks.json
run 8 -t "$target" check
err_has acks.json
run 8 -t "$target" check ack "$id" --for 1d
[ "$(cat state/penstock/acks.json)" = 'not json' ] || fail 'a damaged file was overwritten'

# whoever holds the file for ever does not hold us, and a FIFO in the place of one is not waited for
printf '{}' >state/penstock/acks.json
exec {held}>state/penstock/acks.json.lock
flock "$held"
run 5 -t "$target" check ack "$id" --for 1d
err_has 'another program holds it'
exec {held}>&-
rm state/penstock/acks.json state/penstock/audit.jsonl
mkfifo state/penstock/acks.json state/penstock/audit.jsonl
run 6 -t "$target" check
err_has 'acks.json: is not a regular file'
run 6 audit list
err_has 'audit.jsonl: is not a regular file'
run 6 -t "$target" state clear torn --yes
err_has 'audit.jsonl: is not a regular file'
[ -e s/torn/state.json ] || fail 'changed without an audit line'
finish
