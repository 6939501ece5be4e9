#!/usr/bin/env bash
# R12: the audit trail.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

audit=$XDG_STATE_HOME/penstock/audit.jsonl
fresh_etl

A1() {
    rollback_plan orders
    accept
    see 'RESULT .*1 of 1 applied'
    k Escape
    gone 'RESULT'
    python3 - "$audit" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
steps = [line["step"] for line in lines]
assert steps == ["intended", "result"], steps
for line in lines:
    for field in ("time", "who", "version", "context", "verb", "object", "plan_id", "before_hash", "after_hash"):
        assert line.get(field), (field, line)
    assert line["time"].endswith("Z") and "@" in line["who"] and line["context"] == "dev", line
    assert "reason" in line, line
PYTHON
    [ "$(stat -c %a "$audit")" = 600 ] || fail 'others may read it'
    rollback_plan items
    takes_keys
    k C-x
    gone 'PLAN'
    until_true 60 declined || fail 'a plan that was discarded leaves no line'
    [ "$(penstock audit list -o json | wc -l)" = 2 ] || fail 'the two lines of one item are not folded'
}
declined() { [ "$(wc -l <"$audit")" = 3 ]; }

A2() {
    open_list 'penstock dev'
    k A
    see '› audit, 30 days  2'
    see 'rollback.*public\.orders'
    filter_by items
    see '› audit, 30 days  1 of 2'
    penstock audit list -o json --since 1h >"$work/lines"
    python3 -c 'import json, sys
for line in open(sys.argv[1]): json.loads(line)' "$work/lines" || fail 'not JSON'
}

A3() {
    ! grep -qE 'InvalidState|replication slot is active' "$audit" || fail 'contents stand in the audit'
    ! grep -qE 'password|secret' "$audit" || fail 'a secret stands in the audit'
}

check A1 'intended before, result after, and what was turned down; private'
check A2 ':audit shows and filters it; audit list is JSON'
check A3 'contents are hashed, not stored'
report
