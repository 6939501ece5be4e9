#!/usr/bin/env bash
# Meltano states in files: listed in every format, changed, taken back, refused.
. "$(dirname "$0")/harness.sh"
store=meltano+file://$work/s
put() { mkdir -p "s/$1" && printf '%s' "$2" >"s/$1/state.json"; }
put a '{"completed": {"singer_state": {"bookmarks": {"o": {"v": 12345678901234567890}}}}, "partial": {}}'
put b '{"completed": {"singer_state": {"x": 1.10, "n": NaN}}, "partial": {"singer_state": {"y": 2}}}'
put torn '{"completed": {"singer_st'
put $'odd\e]0;pwn\a' '{"completed": {}, "partial": {}}'

# lists: one bad record never hides the others, and nothing reaches the terminal as a command
run 0 -t "$store" state list
lines_are 5
grep -q $'\e' out && fail 'an escape was printed'
run 0 -t "$store" state list -o json
lines_are 4
run 0 -t "$store" state list -o json --pattern torn
field_is id torn
field_is valid false
field_is completed null
field_is target "$store"
run 0 -t "$store" state list -o tsv --pattern '[ab]' --sort id
[ "$(cut -f1 out | tr '\n' ' ')" = 'id a b ' ] || fail 'tsv: header and two ids'
run 0 -t "$store" state list -o tsv --no-headers --pattern a
lines_are 1
run 0 -t "$store" state list --ids --sort -id --pattern '?'
out_is $'b\na'
run 0 -t "$store" state list --limit 1 -o name
lines_are 1
run 0 -t "$store" state list -o name --pattern 'odd*'
out_has base64:
odd=$(cat out)
run 0 -t "$store" state get "$odd" --part raw
out_is '{"completed": {}, "partial": {}}'
run 2 -t "$store" state list --sort nothing

# documents, exactly
run 0 -t "$store" state get b
out_is '{"singer_state":{"x":1.10,"n":NaN,"y":2}}'
run 0 -t "$store" state next b
out_is '{
  "x": 1.10,
  "n": NaN,
  "y": 2
}'
run 0 -t "$store" state next "$odd"
out_is ''
err_has 'the next run imports everything'
run 0 -t "$store" state get b --part completed --at /singer_state/x
out_is 1.10
run 3 -t "$store" state get nobody
run 3 -t "$store" state get b --at /nothing
run 8 -t "$store" state get torn
err_has 'penstock: torn: '
mkdir s/pipe && mkfifo s/pipe/state.json
run 6 -t "$store" state get pipe
err_has 'penstock: pipe: '
rm -r s/pipe
put list '[]' # Meltano crashes on it: it is not empty
run 8 -t "$store" state get list
run 8 -t "$store" state next list
run 0 -t "$store" state show list
out_has CRASHES
rm -r s/list
run 8 -t "$store" state export torn
err_has 'penstock: torn: not exported: '
printf '{"singer_state": {}}' >given
run 2 -t "$store" state set a '{"singer_state": {}}' --input-file given --yes
err_has 'given twice'
run 2 -t "$store" state merge a '{"singer_state": {}}' --input-file given --yes
run 0 -t "$store" state get a -o json
out_is '{"singer_state":{"bookmarks":{"o":{"v":12345678901234567890}}}}'

# nothing is written unless confirmed
cp -r s before
run 6 -t "$store" state clear a
err_has 'needs: --yes'
out_has PLAN
same s before
run 6 -t "$store" state clear a -o json
field_is results.0.outcome planned
field_is journal_id null
err_has '{"error":{"kind":"refused"'
run 0 -t "$store" state clear a --dry-run
run 0 -t "$store" plan state clear a
run 6 -t "$store" --read-only state clear a --yes
err_has 'is read-only'
run 6 -t "$store" state clear .. --yes
run 6 -t "$store" state clear a/b --yes
run 6 -t "$store" state move a a --yes
run 3 -t "$store" state clear nobody --yes
run 2 -t "$store" state clear --yes
err_has 'no record is named'
run 2 -t "$store" state set a --yes
run 2 -t "$store" state set a '{' --yes
same s before
[ -e state/penstock/journal.db ] && [ "$("$penstock" journal list -o name | wc -l)" != 0 ] && fail 'a refusal is in the journal'

# a change, its undo and its redo
run 0 -t "$store" state set a '{"singer_state": {"z": 99999999999999999999}}' --yes -o json
err_has "target: $store local"
field_is results.0.outcome applied
field_is results.0.verified true
field_is undo true
run 0 -t "$store" state get a
out_is '{"singer_state":{"z":99999999999999999999}}'
run 6 -t "$store" journal undo
run 0 -t "$store" journal undo --yes
same s before
run 3 -t "$store" journal undo --yes
run 0 -t "$store" journal redo --yes
run 0 -t "$store" state get a
out_is '{"singer_state":{"z":99999999999999999999}}'
run 3 -t "$store" journal redo --yes
run 0 -t "$store" journal undo --yes
same s before
run 0 journal list -o json
lines_are 4
run 0 journal show "$(field id | tail -1)"
out_has 'a '
run 3 journal show ffffffffffff

# with several stores open undo wants the id
mkdir other
run 2 -t "$store" -t "meltano+file://$work/other" journal undo --yes

# batches: from a file, a pattern, and what the one store cannot do
run 0 -t "$store" state copy a c --yes
printf 'a\nc\n' >ids
run 0 -t "$store" state clear --from ids --yes -o name
out_is $'a\nc'
run 0 journal undo "$("$penstock" journal list -o name | head -1)" --yes
printf 'c\na\nc\n' >ids # named twice is meant once
run 0 -t "$store" state clear --from ids --dry-run -o name
out_is $'c\na'
run 3 -t "$store" state clear a nobody --yes
run 0 -t "$store" state clear --pattern 'zz*' --yes
run 2 -t "$store" state clear a --pattern 'zz*' --yes
run 0 -t "$store" state copy a --to "meltano+file://$work/other" a2 --yes
[ -e other/a2/state.json ] || fail 'copied into the other store'
run 0 -t "$store" state clear c --yes

# a saved plan holds no document, is refused once stale, and says so
run 0 -t "$store" plan state clear a -o json
cp out plan.json
python3 -c 'import json; print(json.load(open("plan.json"))["saved"])' >saved
grep -q 12345678901234567890 saved && fail 'a saved plan holds the document'
run 6 -t "$store" apply plan.json
put a '{"completed": {"singer_state": {}}, "partial": {}}'
run 4 -t "$store" apply plan.json --yes
err_has stale
[ -e s/a/state.json ] || fail 'a stale plan was applied'
run 2 -t "$store" apply ids --yes
run 0 -t "$store" plan state clear a -o json
cp out plan.json
echo '{}' >no-plan
run 2 apply no-plan --yes
err_is 'penstock: no-plan: not a plan of penstock'
run 4 -t "meltano+file://$work/other" apply plan.json --yes
[ -e s/a ] || fail 'a plan was applied where -t does not lead'
run 0 apply plan.json --yes # it says itself where
err_has '(from the plan)'
[ -e s/a ] && fail 'apply did not clear'
run 4 -t "$store" apply plan.json --yes
err_has 'plan is stale: state a: there is none'

# the place of a store may be any bytes: its plan comes back all the same
cp -r s $'odd\xff'
run 0 -t $'odd\xff' plan state clear b -o json
cp out plan.json
run 0 -t $'odd\xff' apply plan.json --yes
[ -e $'odd\xff/b' ] && fail 'apply did not clear'

# names beyond the limit are not quietly left out
yes a | head -n 1048577 >names
run 2 -t "$store" state clear --from names --yes
err_has '1048577 names are more than 1048576'

# edit: the text is kept when it is not taken
export EDITOR="sed -i s/2/3/"
run 0 -t "$store" state edit b --yes
run 0 -t "$store" state get b --part partial
out_is '{"singer_state": {"y": 3}}'
run 0 -t "$store" state get b --part completed
out_is '{"singer_state": {"x": 1.10, "n": NaN}}'
EDITOR="sed -i s/[{]/x/"
run 2 -t "$store" state edit b --yes
err_has 'the text is kept in'
kept=$(sed -n 's/^the text is kept in //p' err)
[ -s "$kept" ] || fail 'no text is there'
rm -rf "$(dirname "$kept")"
EDITOR=true
run 0 -t "$store" state edit b --yes
err_has 'no change'
EDITOR=false
run 6 -t "$store" state edit b --yes
# Ctrl-C is the editor's key: the terminal sends it to both, and to penstock it means nothing here
EDITOR='kill -INT $PPID; kill -INT $PPID; sed -i s/1.10/1.11/'
run 0 -t "$store" state edit b --yes
run 0 -t "$store" state get b --part completed
out_is '{"singer_state": {"x": 1.11, "n": NaN}}'

# a command under a lock that ended before it did was not under it
run 4 -t "$store" lock hold b --for 1 -- sleep 1.1
err_has 'before the command did'
run 0 -t "$store" lock hold b --for 60 -- true
run 2 -t "$store" lock hold b --for 0 -- true
[ ! -e s/b/lock ] || fail 'a lock is left'

# what stands where the lock would be keeps writers out, so it is listed
mkdir s/b/lock
run 0 -t "$store" lock list -o json
field_is object b
out_has 'is not a regular file'
run 6 -t "$store" state clear b --yes
rmdir s/b/lock

# a limit on files is an error like a full disk, not the end in the middle of a change
"$penstock" -t "$store" state get b --part completed >kept
printf '{"singer_state": {"x": "%s"}}' "$(printf 'y%.0s' {1..100000})" >long
(ulimit -f 40 && exec "$penstock" -t "$store" -y state set b --input-file long) </dev/null 2>&1 |
    tee all | tail -n 3 >err
rc=${PIPESTATUS[0]}
[ "$(wc -c <all)" -lt 10000 ] || fail 'the plan repeats the whole document'
[ "$rc" = 1 ] || [ "$rc" = 7 ] || fail "ended with $rc"
err_has 'penstock: journal'
run 0 -t "$store" state get b --part completed
out_is "$(cat kept)"

# what could not be said is not taken for said: no room, or no stdout at all
for command in 'state list' 'state get b' '-o json plan state clear b' 'journal list' 'audit list' \
    'completion bash' 'overview'; do
    # shellcheck disable=SC2086
    "$penstock" -t "$store" $command </dev/null >/dev/full 2>err
    [ $? = 1 ] || fail "$command: a full disk behind stdout is no success"
    # shellcheck disable=SC2086
    "$penstock" -t "$store" $command </dev/null >&- 2>err
    [ $? = 1 ] || fail "$command: a closed stdout is no success"
done
# what is closed is not what is opened next: the store gets no word of it
"$penstock" -t "$store" -y state set b --input-file long <&- >&- 2>&-
[ $? = 1 ] || fail 'closed stdout after a change'
run 0 -t "$store" state get b --part completed -o json
[ "$(cat out)" = "$(cat long)" ] || fail 'b is not as it was set'

# a reader that goes away
"$penstock" -t "$store" state list -o json 2>err | head -1 >out
[ "${PIPESTATUS[0]}" = 0 ] && [ ! -s err ] || fail 'a closed pipe is no error'

# what was done is in the audit file, refusals too
run 0 audit list -o json
field verb | grep -c clear >/dev/null || fail 'audit lacks a clear'
run 0 audit list --since 1h
run 2 audit list --since soon
[ "$(stat -c %a state/penstock/audit.jsonl)" = 600 ] || fail 'audit is not 0600'

# runs= that cannot be opened: nobody can see who runs, and the plan says why; what is no system database
# is no runs=
run 0 -t "$store?runs=meltano%2Bsqlite://$work/none.db" state set b '{"singer_state": {"z": 1}}' --dry-run
out_has 'cannot see: runs= cannot be opened'
run 2 -t "$store?runs=etl%2Bsqlite://$work/none.db" state list
finish
