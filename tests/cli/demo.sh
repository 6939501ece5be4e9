#!/usr/bin/env bash
# The demo's stores by way of the commands: tables, sessions, locks, findings.
. "$(dirname "$0")/harness.sh"
run 0 demo --no-tui --dir "$work/demo"
mapfile -t targets <out
options=()
for target in "${targets[@]}"; do
    options+=(-t "$target")
    case $target in
    etl*) etl=$target ;;
    triggers*) triggers=$target ;;
    meltano+file*) meltano=$target ;;
    esac
done

run 0 "${options[@]}" overview
run 0 "${options[@]}" probe -o json
# one directory may hold a cache of Django as well, so the store says which layout it is
field_is target "$(printf '%s\n' "${targets[@]}" | sed 's|^triggers+file.*|&?layout=plain|; s|^vdk+file.*json$|&?layout=fs-properties|')"
run 0 "${options[@]}" check -o json
field id | grep -vcE '^[0-9a-f]{12}$' >/dev/null && fail 'ids of findings'
run 10 "${options[@]}" check --exit-code
run 10 "${options[@]}" check --fail-on warning

# the command that check prints is complete: it runs as it stands, and mends
run 0 -t "$meltano" check -o json
fix=$(python3 -c '
import json
for line in open("out"):
    f = json.loads(line)
    if f["fix"] and " repair " in f["fix"]:
        print(f["fix"])
        break')
[ -n "$fix" ] || fail 'no finding has a repair'
bash -c "${fix/#penstock/\"$penstock\"} --yes" >out 2>err || fail "the fix failed: $fix"

# and whatever it prints makes a plan that is not refused
run 0 "${options[@]}" check -o json
field fix | sort -u >fixes
[ "$(grep -c '^penstock' fixes)" -gt 10 ] || fail 'hardly a finding has a fix'
while read -r fix; do
    case $fix in
    penstock*' edit '*) ;; # opens an editor
    penstock*)
        bash -c "${fix/#penstock/\"$penstock\"} --dry-run" </dev/null >out 2>err
        rc=$? # 5: a worker may live, which the plan says
        [ $rc = 0 ] || [ $rc = 5 ] || fail "exit $rc, the advised command is refused: $fix"
        ;;
    esac
done <fixes

# tables: several pipelines match, one is chosen, refused without --yes, done, taken back
cp -r demo/plain before
run 3 -t "etl+file://$work/demo/plain" table show items
err_has "hint: what is called so: penstock table list --pattern '*items*'"
run 2 -t "$etl" table rollback --errored --dry-run
err_has '--pipeline N'
run 0 -t "$etl" table rollback --errored --pipeline 7 --dry-run -o json
field_is journal_id null
same demo/plain before
run 6 -t "$etl" table rollback --errored --pipeline 7
err_has 'needs: --yes'
same demo/plain before
run 0 -t "$etl" table rollback --errored --pipeline 7 --yes --reason test -o json
field_is results.0.outcome applied
field_is results.0.effective false
run 0 -t "$etl" table list --errored --pipeline 7 --phase ready
run 0 -t "$etl" journal undo --yes
diff -r -x '*.lock' demo/plain before >diff || fail "undo: $(head -3 diff)"
run 2 -t "$etl" table show public.users
err_has 'means 3 records'
run 0 -t "$etl" table show 7/public.users
run 0 -t "$etl" table history 7/public.orders -o json
field id >/dev/null || fail 'history has ids'
run 6 -t "$etl" table edit 7/public.orders
run 6 -t "$etl" table copy 7/public.orders 7/2
err_has 'tables of etl know no such operation'
run 6 -t "$etl" table clear 7/public.orders
run 0 -t "$etl" table list -o json --pipeline 10000000000000000000
field_is pipeline_id 10000000000000000000
run 0 -t "$etl" table wait 7/public.orders --for not-errored --help
run 7 -t "$etl" table wait 7/public.orders --for ready --deadline 1
err_is 'penstock: 7/public.orders: not done when the --deadline was over'
run 0 -t "$etl" table wait 7/public.customers --for ready
# what is waited for can go away: that is an answer, too, before it was looked at or after
cp -r demo/plain going
"$penstock" -t "etl+file://$PWD/going" table wait 7/public.orders --for ready --deadline 600 >out 2>err &
pid=$! ran='table wait on a table that goes'
until_true grep -qs '^State:.S' /proc/$pid/status || fail 'it does not pause' # most likely it has looked
rm going/etl/7%2F16411.json
wait $pid
rc=$?
[ "$rc" = 3 ] || fail "exit $rc, not 3"

# sessions
cp -r demo/plain before2
run 0 -t "$triggers" session list --failed -o name
failed=$(head -1 out)
run 0 -t "$triggers" session instances "$failed" --failed -o json
field_is status failed
name=$(field name | head -1)
run 0 -t "$triggers" session instance "$failed" "$name"
out_has Traceback
run 0 -t "$triggers" session instance "$failed" "$name" -o json
field_is can_replay true
run 3 -t "$triggers" session instance "$failed" nobody
# what only the application can do never ends as if it were done
run 0 -t "$triggers" session fire "$failed" nothing --dry-run
out_has 'it would do'
run 0 -t "$triggers" plan session fire "$failed" nothing
run 6 -t "$triggers" session fire "$failed" nothing --yes
err_has '--dry-run shows'
run 0 -t "$triggers" session replay "$failed" --failed --yes -o json
field_is results.0.outcome applied
field_is results.0.effective false
run 0 -t "$triggers" session instances "$failed" --failed
lines_are 0
run 0 -t "$triggers" journal undo --yes -o json
field_is results.0.effective true
field_is results.0.waits_for null
diff -r -x '*.lock' demo/plain before2 >diff || fail "undo: $(head -3 diff)"
run 0 -t "$triggers" journal redo --yes -o json
field_is results.0.effective false
run 0 -t "$triggers" journal undo --yes
[ "$(grep -c 'waits for' err)" = 0 ] || fail 'what was taken back waits for nothing'
diff -r -x '*.lock' demo/plain before2 >diff || fail "undo of the redo: $(head -3 diff)"
run 3 -t "$triggers" session show nobody

# locks: a break is typed, needs a reason, and cannot be undone
run 0 -t "$meltano" lock list -o json
object=$(field object | sed -n 1p)
run 0 -t "$meltano" lock show "$object" -o json
field_is mine false
coded=base64:$(printf %s "$object" | base64 -w 0) # what lists print of an id that is no text
run 0 -t "$meltano" lock show "$coded"
python3 -c 'import sqlite3; sqlite3.connect("cache.db").execute(
    "create table cache (cache_key varchar(255) primary key, value text, expires datetime)")'
blind="triggers+sqlite://$work/cache.db?table=cache&lock=none"
run 0 -t "$blind" -t "$meltano" lock show "$object" # a store that sees none hides no other's
run 6 -t "$meltano" -t "$blind" lock show nobody
err_has 'locks cannot be seen: lock=none'
run 6 -t "$meltano" lock break "$coded" --yes
run 6 -t "$meltano" lock break "$object" --yes
err_has "needs: --confirm '$object'"
run 0 -t "$meltano" lock break "$object" --yes --confirm "$object" --reason stuck -o json
field_is undo false
run 3 -t "$meltano" lock show "$object"
run 6 -t "$meltano" journal undo --yes
run 3 -t "$meltano" lock break "$object" --yes
run 0 -t "$meltano" lock hold "$coded" --for 60 -- "$penstock" -t "$meltano" lock show "$coded"
run 3 -t "$meltano" lock show "$object"
finish
