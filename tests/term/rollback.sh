#!/usr/bin/env bash
# The main job on the screen: list, menu, plan, confirmation, result, undo. The files are the
# witness, byte for byte.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

sums() { (cd "$work/demo" && find . -type f ! -name 'meltano.db*' -exec sha256sum {} + | sort -k 2); }

for size in '80 24' '120 40'; do
    rm -rf "$work/demo" "$work/state"
    # shellcheck disable=SC2086
    start_demo $size
    file=$work/demo/plain/etl/7%2F16411.json
    before=$(sums)
    open_store orders
    see 'public\.'
    k /
    lit 'table=public.orders'
    k Enter
    see '▸.*public\.orders +✖ errored'

    # The plan: nothing is written by making it, by leaving it, or by Enter.
    k x
    see 'rollback one step'
    k r
    see 'PLAN .*rollback one step'
    see 'errored → finished_copy'
    see 'dropped and copied again'
    see 'y applies'
    k Enter
    see 'y applies'
    k Escape
    gone 'PLAN'
    [ "$(sums)" = "$before" ] || fail "a plan that was left changed a file"

    k x
    see 'rollback one step'
    k r
    see 'y applies'
    k y
    see 'RESULT .*1 of 1 applied'
    see 'public\.orders +applied, verified'
    see 'NOT IN EFFECT until restart'
    python3 - "$file" <<'PYTHON' || fail "the rolled back document is not what it should be"
import json, sys
states = json.load(open(sys.argv[1]))["document"]["states"]
assert [row["state"] for row in states] == ["init", "data_sync", "finished_copy"], states
assert [row["is_current"] for row in states] == [False, False, True], states
PYTHON
    changed=$(diff <(printf '%s\n' "$before") <(sums) | grep -c '^>') || :
    [ "$changed" = 1 ] || fail "$changed files changed, one should have"

    # Back again.
    k z
    see 'PLAN .*undo of change'
    see 'finished_copy → errored'
    see 'y applies'
    k y
    see 'RESULT .*undo .*1 of 1 applied'
    [ "$(sums)" = "$before" ] || fail "the undo did not restore every byte"
    k Escape
    see '▸.*public\.orders +✖ errored'
    k q
    see '^ overview +6 stores'
    k q
    restored
done
