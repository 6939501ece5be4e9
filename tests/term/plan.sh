#!/usr/bin/env bash
# A plan that is not applied at once: typed ahead, parked, asked about at the end, saved for the
# command line, its command copied. The files are the witness. (ux.md R6, R16 A4, R17 A5, R22 A3)
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

sums() { (cd "$work/demo/plain" && find . -type f -exec sha256sum {} + | sort -k 2); }
unchanged() { [ "$(sums)" = "$before" ] || fail "$1"; }

# One step back, twice: the filter, the list.
to_stores() {
    step_back '^ overview › tables  [0-9]+( *$|  [0-9]+ marked)'
    step_back '^ overview +[0-9]'
}

open_orders() {
    open_store orders
    see 'public\.'
    k /
    lit 'public.order'
    k Enter
    see '▸.*public\.order'
}

start_demo 80 24
t set-option -s set-clipboard on
before=$(sums)
open_orders

# R6 A2: the trigger and every accept key in one burst
k x r y y y Enter Enter
see 'y applies' # keys count from now on
shows 'RESULT' && fail 'applied by keys that were typed ahead'
unchanged 'applied by keys that were typed ahead'

# R6 A1: none of these accepts
for key in Enter Space r x; do
    k $key
    see 'PLAN '
done
unchanged 'another key applied'

# R22 A3: ^C and q ask; R16 A4: what waits says how to go on with it
k C-c
see 'is not applied'
k Escape
gone 'is not applied'
k q
see 'is not applied'
k p
see 'PARKED [0-9a-f]{4}, not applied: :plan opens it'
to_stores
k q
see 'Not applied yet: plan '
k x
gone 'Not applied yet'
[ -n "$(program)" ] || fail 'another key quit'
unchanged 'parking wrote'
k q
see 'Not applied yet: plan '
k o
see 'PLAN '
see 'nothing changed'
see 'y applies'
k C-x
see 'discarded the plan'
unchanged 'discarding wrote'

# R17 A5: the same on the command line, by the copied command and by the saved file
open_orders
k '*' x
see 'rollback one step'
k r
see 'PLAN .*2 tables'
see 'type  rollback 2'
k Tab
see 'Tab goes back'
k Y
see 'copied, if the terminal takes it'
until_true 60 eval 't show-buffer >"$work/copied" 2>/dev/null' || fail 'nothing was copied'
grep -q '^penstock -t etl+file://.* table rollback 7/16[0-9]* 7/16[0-9]*$' "$work/copied" ||
    fail "copied: $(cat "$work/copied")"
k W
see 'saved: penstock -t etl'
plan=$(ls "$XDG_STATE_HOME"/penstock/plans/*.json)
[ "$(stat -c %a "$plan")" = 600 ] || fail 'others may read the plan'
see 'type  rollback 2' # no key counts before
k C-x
see 'discarded the plan'
unchanged 'saving wrote'
to_stores
k q
restored

sh -c "$(cat "$work/copied") --dry-run -o json" >"$work/said" 2>/dev/null || fail 'the copied command does not plan'
python3 - "$plan" "$work/said" <<'PYTHON' || fail 'the copied command is not the plan'
import json, sys
plan, said = (json.load(open(p)) for p in sys.argv[1:])
rows = lambda p: [(r["id"], r["before"], r["after"]) for r in p["results"]]
assert rows(plan) == rows(said), (rows(plan), rows(said))
PYTHON
unchanged 'a dry run wrote'
penstock -t "etl+file://$work/demo/plain" apply "$plan" --yes >"$work/applied" 2>&1 ||
    fail "the saved plan is not applied: $(cat "$work/applied")"
[ "$(diff <(printf '%s\n' "$before") <(sums) | grep -c '^>')" = 2 ] || fail 'not two files changed'
penstock -t "etl+file://$work/demo/plain" apply "$plan" --yes >"$work/applied" 2>&1 &&
    fail 'a stale plan was applied'
grep -q 'plan is stale' "$work/applied" || fail "stale: $(cat "$work/applied")"
