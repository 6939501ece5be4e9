#!/usr/bin/env bash
# Documents carried from store to store: copy --to, --halves, export and import keep every number; and
# a store of files that Windows wrote.
. "$(dirname "$0")/harness.sh"
servers=$(cd "$OLDPWD" && cd "$(dirname "$0")/../servers" && pwd)

mkdir -p states/a states/b vdk/x
printf '%s' '{"completed": {"singer_state": {"n": 1767225600123456789012, "f": 1e400, "x": NaN, "d": 1.10, "z": 1, "a": "\u00e9"}}, "partial": {"singer_state": {"p": {"k": 0.1}}}}' >states/a/state.json
printf '%s' '{"completed": {"singer_state": {"bookmarks": {}}}, "partial": {}}' >states/b/state.json
python3 - "$servers/meltano_sqlite.sql" <<'PY'
import sqlite3, sys
sqlite3.connect("meltano.db").executescript(open(sys.argv[1]).read())
PY
files=meltano+file://$work/states
db=meltano+sqlite://$work/meltano.db
half() { python3 -c '
import sqlite3, sys
row = sqlite3.connect("meltano.db").execute("SELECT %s FROM state WHERE state_id = ?" % sys.argv[2], (sys.argv[1],)).fetchone()
print(row[0] if row else "absent")' "$1" "$2"; }

# export is what Meltano's own prints: one line, dense, numbers as they stand
run 0 -t "$files" state export a
out_is '{"a":{"completed":{"singer_state":{"n":1767225600123456789012,"f":1e400,"x":NaN,"d":1.10,"z":1,"a":"\u00e9"}},"partial":{"singer_state":{"p":{"k":0.1}}}}}'
run 0 -t "$files" state export
lines_are 1
cp out all.json

# import makes and replaces, as one plan with one undo
head -c 20 all.json >cut.json
run 2 -t "$db" state import cut.json --yes
err_has 'import: '
run 6 -t "$db" state import all.json
run 0 -t "$db" state import all.json --yes
err_has 'state import FILE'
[ "$(half a partial_state)" = '{"singer_state": {"p": {"k": 0.1}}}' ] || fail 'the partial half did not come along'
[ "$(half a completed_state)" = '{"singer_state": {"n": 1767225600123456789012, "f": Infinity, "x": NaN, "d": 1.1, "z": 1, "a": "\u00e9"}}' ] ||
    fail "completed is $(half a completed_state)"
run 0 -t "$db" state export a b
printf '%s' '{"a": {"completed": {"singer_state": {}}, "partial": {}}}' | "$penstock" -t "$db" state import --yes >out 2>err || fail 'import from stdin'
run 0 -t "$db" journal undo --yes
[ "$(half a partial_state)" = '{"singer_state": {"p": {"k": 0.1}}}' ] || fail 'the undo of an import'
run 0 -t "$db" journal undo --yes
[ "$(half a partial_state)" = absent ] || fail 'the undo of the first import'

# what is no such object is refused whole
for bad in '[]' '{"a": 1}' '{"a": {"completed": {}, "other": {}}}' '{"a"'; do
    printf '%s' "$bad" >bad.json
    "$penstock" -t "$db" state import bad.json --yes >out 2>err </dev/null && fail "imported $bad"
    [ "$(half a partial_state)" = absent ] || fail "written by $bad"
done

# copy across stores flattens as Meltano's does, and says so; --halves does not
run 0 -t "$files" state copy a a --to "$db" --yes
err_has 'merged into completed'
err_has '--halves keeps them apart'
[ "$(half a partial_state)" = '{}' ] || fail 'copy did not flatten'
run 0 -t "$files" state copy a a2 --to "$db" --halves --yes
[ "$(half a2 partial_state)" = '{"singer_state": {"p": {"k": 0.1}}}' ] || fail '--halves flattened'
[ "$(half a2 completed_state)" = '{"singer_state": {"n": 1767225600123456789012, "f": 1e400, "x": NaN, "d": 1.10, "z": 1, "a": "\u00e9"}}' ] ||
    fail "--halves: completed is $(half a2 completed_state)"
cp -r states before
run 0 -t "$db" state copy a2 back --to "$files" --halves --yes
[ "$(cat states/back/state.json)" = "$(cat states/a/state.json)" ] || fail 'there and back is not the same'
run 0 -t "$files" journal undo --yes
same states before

# the system database beside a store of files: who runs, and the note of a change by hand
runs() { python3 -c '
import sqlite3
for row in sqlite3.connect("meltano.db").execute("SELECT job_name, state, payload_flags FROM runs ORDER BY id"):
    print(*row)'; }
noted="$files?runs=$db"
run 0 -t "$files" state set b '{"singer_state": {"bookmarks": {"o": 1}}}' --dry-run
out_has 'the history of runs will not show this change'
runs >runs.before
run 0 -t "$noted" state set b '{"singer_state": {"bookmarks": {"o": 1}}}' --yes
grep -q 'will not show' err && fail 'said not to be noted'
[ "$(runs | tail -1)" = 'b STATE_EDIT 1' ] || fail "the change was not noted: $(runs | tail -1)"
run 0 -t "$noted" state history b -o json
field_is state STATE_EDIT
run 0 -t "$noted" journal undo --yes
[ "$(runs)" = "$(cat runs.before)" ] || fail 'the undo left the note'
same states before
python3 -c '
import sqlite3
db = sqlite3.connect("meltano.db")
db.execute("INSERT INTO runs (job_name, state, started_at, last_heartbeat_at, payload, payload_flags) VALUES (?, ?, datetime(?), datetime(?), ?, 0)", ("b", "RUNNING", "now", "now", "{}"))
db.commit()'
run 5 -t "$noted" state set b '{"singer_state": {}}' --yes
same states before
run 0 -t "$files?runs=meltano+sqlite://$work/none.db" state get b
run 2 -t "$files?runs=nonsense" state get b

# a store that Windows wrote: names are base64, told by the store as a whole
mkdir -p windows/ZGV2OnRhcC1hLXRvLXRhcmdldC1i windows/cHJvZA==
cp states/b/state.json windows/ZGV2OnRhcC1hLXRvLXRhcmdldC1i/
cp states/b/state.json windows/cHJvZA==/
windows=meltano+file://$work/windows
run 0 -t "$windows" state list -o name
[ "$(sort out)" = "$(printf 'dev:tap-a-to-target-b\nprod')" ] || fail 'the names of a Windows store'
run 0 -t "$work/windows" probe -o json
field_is layout base64
cp -r windows before.windows
run 0 -t "$windows" state set new:x '{"singer_state": {}}' --yes
[ -f windows/bmV3Ong=/state.json ] || fail 'a new state is not where Windows looks for it'
run 0 -t "$windows" journal undo --yes
same windows before.windows
run 6 -t "$windows" state set 'id?' '{"singer_state": {}}' --yes
mv windows/ZGV2OnRhcC1hLXRvLXRhcmdldC1i windows/dev:tap
run 0 -t "$windows" state list -o name
[ "$(sort out)" = "$(printf 'cHJvZA==\ndev:tap')" ] || fail 'one plain name makes it a plain store'

# a move to the same store by whatever address never ends in the removal of the one state there is
mkdir -p moved/a
cp states/b/state.json moved/a/
cp -r moved before.moved
ln -s moved link
for to in "$work/moved" "$work/link" "$work/states/../moved/"; do
    run 6 -t "meltano+file://$work/moved" state move a a --to "meltano+file://$to" --yes
    err_has 'onto itself'
    same moved before.moved
done
cp -r moved mounted # as another address would show it
run 6 -t "meltano+file://$work/moved" state move a a --to "meltano+file://$work/mounted" --yes
err_has 'there already'
same moved before.moved
run 0 -t "meltano+file://$work/moved" state move a b --to "meltano+file://$work/mounted" --yes
[ -f mounted/b/state.json ] && [ ! -e moved/a ] || fail 'it was not moved'
finish
