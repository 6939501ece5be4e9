#!/usr/bin/env bash
# A batch that was killed is settled and resumed, once, whoever asks: nothing is done twice.
. "$(dirname "$0")/harness.sh"
state='{"completed": {"singer_state": {"bookmarks": {"orders": {"id": 7}}}}, "partial": {}}'
for i in $(seq 1 60); do
    mkdir -p "states/s$i"
    printf '%s' "$state" >"states/s$i/state.json"
done
cp -r states before
target=meltano+file://$work/states

# Killed in the middle, and its parent does not look after it: a zombie is no program at work.
cat >killed.py <<'PY'
import glob, json, os, shutil, sqlite3, subprocess, sys, time
batch = subprocess.Popen([sys.argv[1], "-t", sys.argv[2], "-y", "--rate", "1/s", "state", "clear",
                          "--all", "--confirm", "clear 60"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while len(os.listdir("states")) > 57:  # at that rate it has a minute to go
    time.sleep(0.005)
batch.kill()
while "Z" not in open(f"/proc/{batch.pid}/stat").read().rpartition(")")[2].split()[0]:
    time.sleep(0.005)
# A directory may be left of the one that was under way.
print(len(glob.glob("states/*/state.json")), flush=True)

# Without its pre-images it could be neither settled nor undone.
subprocess.run([sys.argv[1], "-y", "journal", "prune", "--older", "0s"], check=True,
               stdout=subprocess.DEVNULL)

# Of another host nothing is known, for a day: then its name was a container's.
shutil.copytree("state", "elsewhere")
journal = sqlite3.connect("elsewhere/penstock/journal.db")
journal.execute("update entries set owner = 'elsewhere' || substr(owner, instr(owner, '/'))")
for hours, outcome in (23, "intended"), (25, "partly"):
    journal.execute("update entries set at_us = ?", (int((time.time() - hours * 3600) * 1e6),))
    journal.commit()
    out = subprocess.run([sys.argv[1], "-t", sys.argv[2], "journal", "list", "-o", "json"],
                         env=dict(os.environ, XDG_STATE_HOME=os.path.abspath("elsewhere")),
                         capture_output=True, check=True).stdout
    if json.loads(out)["outcome"] != outcome:
        sys.exit(f"{hours} h after a crash elsewhere: {out}")
sys.exit(subprocess.call([sys.argv[1], "-t", sys.argv[2], "journal", "list", "-o", "json"]))
PY
python3 killed.py "$penstock" "$target" >out 2>err || fail 'the journal cannot be listed'
left=$(head -1 out)
sed -i 1d out
field_is outcome partly
id=$(field id)

# Two at once: each record once, what the other has done is no longer there to be done.
for n in 1 2; do
    "$penstock" -t "$target" -y journal resume "$id" --confirm "clear $left" -o json \
        </dev/null >out$n 2>err$n &
done
wait
applied=$(cat out1 out2 | grep -o '"outcome":"applied"' | wc -l)
[ "$applied" = "$left" ] || fail "$applied were applied, $left were left"
[ -z "$(find states -name state.json)" ] || fail 'not all were cleared'
run 3 -t "$target" -y journal resume "$id" --confirm "clear $left"

# Undone entry by entry, whatever the order of the two; one of them may have come too late for all.
"$penstock" -t "$target" journal list -o json >out
python3 -c 'import json
for line in open("out"):
    if json.loads(line)["undoable"]:
        print(json.loads(line)["id"])' >entries
while read -r entry; do
    run 0 -t "$target" -y journal undo "$entry"
done <entries
rm -f states/*/.penstock-*.tmp # of the one that was under way
same before states

# A write that was sent and never answered may still come. What else the batch did is undone at once;
# of a move whose second half is not known the first stays, for it may be the only copy.
pairs=meltano+file://$work/pairs
for i in a b c m; do
    mkdir -p "pairs/$i"
    printf '%s' "$state" >"pairs/$i/state.json"
done
cp -r pairs pairs-before
# unanswered ENTRY ID AGE_SECONDS: as if the write of that record had not been answered
unanswered() {
    python3 - "$@" <<'PY'
import sqlite3, sys, time
db = sqlite3.connect("state/penstock/journal.db")
entry, record, age = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3])
db.execute("update entries set at_us = ? where id = ?", (int((time.time() - age) * 1e6), entry))
changed = db.execute("update items set outcome = 8, detail = 'not answered' where id = ? and entry ="
                     " (select n from entries where id = ?)", (record, entry)).rowcount
db.commit()
sys.exit(changed != 1)
PY
}
run 0 -t "$pairs" -y state clear a b c -o json
entry=$(field journal_id)
cp -r pairs-before/b pairs/
unanswered "$entry" b 60 || fail 'no such item'
run 0 -t "$pairs" -y journal undo "$entry" -o json
field_is note '1 left out: whether the batch wrote it is not known yet'
same pairs-before pairs
run 6 -t "$pairs" -y journal undo "$entry"
err_has 'not known yet'
rm -r pairs/b # it came
unanswered "$entry" b 7200 || fail 'no such item'
run 0 -t "$pairs" -y journal undo "$entry"
same pairs-before pairs
run 0 -t "$pairs" -y state move m n -o json
entry=$(field journal_id)
cp -r pairs-before/m pairs/
unanswered "$entry" m 60 || fail 'no such item'
run 6 -t "$pairs" -y journal undo "$entry"
[ -e pairs/n/state.json ] || fail 'the only copy was removed'

finish
