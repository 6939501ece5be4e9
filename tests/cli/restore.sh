#!/usr/bin/env bash
# state restore: byte for byte what the journal keeps; state prune: only states of single runs.
. "$(dirname "$0")/harness.sh"
mkdir -p s/x
target=meltano+file://$work/s
printf '{"completed":  {"singer_state": {"bookmarks": {"a": {"v": 9007199254740993}}}}, "partial": {} }' >s/x/state.json
cp s/x/state.json first
run 0 -t "$target" state set x '{"singer_state": {"bookmarks": {"a": {"v": 2}}}}' --yes -o json
one=$(field journal_id)
cp s/x/state.json second
run 0 -t "$target" state clear x --yes
[ -e s/x/state.json ] && fail 'not cleared'

run 2 -t "$target" state restore x
run 3 -t "$target" state restore y --entry "$one" --yes
run 3 -t "$target" state restore x --entry 000000000000 --yes
run 6 -t "$target" state restore x --entry "$one"
[ -e s/x/state.json ] && fail 'restored without being confirmed'
run 0 -t "$target" state restore x --entry "$one" --yes
cmp s/x/state.json second || fail 'not what the change had made'
run 0 -t "$target" state restore x --entry "$one" --before --yes
cmp s/x/state.json first || fail 'not what was there before the change'
run 0 -t "$target" state restore x --entry "$one" --before --yes -o json
field results | grep -q '"outcome": "unchanged"' || fail 'restored what is there'
run 0 -t "$target" journal undo --yes
cmp s/x/state.json second || fail 'a restore is not undone'
run 0 -t "$target" state restore x --entry "$one" --before --dry-run -o json
cp out saved.json
field same_as | grep -q "state restore x --entry $one --before" || fail 'not the command that makes it'
run 0 -t "$target" apply saved.json --yes
cmp s/x/state.json first || fail 'a saved restore restored something else'
run 4 -t "$target" apply saved.json --yes
run 0 -t "$target" journal undo --yes
cmp s/x/state.json second || fail 'a saved restore is not undone'
XDG_STATE_HOME=$work/never run 3 -t "$target" state restore x --entry "$one" --dry-run
[ -e never ] && fail 'a dry run made a journal'
run 6 -t "$target" --read-only state restore x --entry "$one" --before --yes
cmp s/x/state.json second || fail 'read-only wrote'

# a source of VDK's as well; a table and a session are not put back
mkdir v
printf '{"streams": {"s": {"n": 1.0}}}' >v/a_state.json
cp v/a_state.json first.source
run 0 -t "vdk+file://$work/v" source set a --stream s --at /n 2 --yes -o json
entry=$(field journal_id)
run 0 -t "vdk+file://$work/v" source set a --stream s --at /n 3 --yes
run 0 -t "vdk+file://$work/v" source restore a --entry "$entry" --before --yes
cmp v/a_state.json first.source || fail 'not what the source was'
run 2 -t "etl+file://$work/v" table restore 7/1 --entry "$entry"

for id in 2026-01-01T000000--tap-a--target-b 2026-11-20T000000--tap-a--target-b 2026-01-01T000000--tap-a old; do
    mkdir -p "s/$id"
    cp first "s/$id/state.json"
done
touch -d '200 days ago' s/2026-01-01T000000--tap-a--target-b/state.json s/old/state.json s/2026-01-01T000000--tap-a/state.json
cp -rp s before
run 2 -t "$target" state prune
run 0 -t "$target" state prune --older 90d --dry-run -o json
field results | grep -o '"object": "[^"]*"' >named
grep -qx '"object": "2026-01-01T000000--tap-a--target-b"' named || fail "prunes $(cat named)"
[ "$(wc -l <named)" = 1 ] || fail "prunes $(cat named)"
same s before
run 0 -t "$target" state prune --older 90d --yes
[ -e s/2026-01-01T000000--tap-a--target-b ] && fail 'not pruned'
run 0 -t "$target" state prune --older 90d --yes
err_has 'nothing to do'
run 0 -t "$target" journal undo --yes
same s before
finish
