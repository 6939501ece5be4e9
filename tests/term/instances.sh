#!/usr/bin/env bash
# Instances of several sessions in one plan: from a group of the overview, and marked in the list of
# all instances.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

failed() { penstock -t "triggers+file://$work/demo/plain" session instances -o tsv | awk -F '\t' '$4 == "failed"' | wc -l; }
quiet() { sleep .8; } # a confirmation counts after a silence (confirm_quiet_ms), which is measured

start_demo
k Tab # back to what needs attention
cursor_to '✖ .*3 sessions'
[ "$(failed)" = 3 ] || fail "$(failed) instances failed in the demo"

# A group: what can be done is said of its instances, not of their sessions.
k x
see '┌ 3 instances '
see '▸ a  prepare a replay +3 of 3: '
k a
see 'PLAN .*3 sessions'
see 'applicant:1017 +t_importSubject#0 failed → replayed'
see 'report:2026-w46 +t_fetch#3 failed → replayed'
see 'order:88021 +t_reserve#0 failed → replayed'
see 'then Enter'
quiet
lit 'replay 3'
k Enter
see 'RESULT .*3 of 3 applied'
see verified
[ "$(failed)" = 0 ] || fail "$(failed) are still failed"

# Undone from the result; then two of them from the list of all instances.
k z
see 'undoes the replay'
see 'then Enter'
quiet
lit 'undo 3'
k Enter
see 'RESULT .*undo .*3 of 3 applied'
k Enter
[ "$(failed)" = 3 ] || fail "$(failed) failed after the undo"
lit ':instances'
k Enter
see 't_importSubject#0 +✖ failed'
k /
lit 'status=failed'
k Enter
see '3 of '
k Space Space
see '2 marked'
k x
see '┌ 2 instances '
k a
see 'PLAN .*2 sessions'
see 'then Enter'
quiet
lit 'replay 2'
k Enter
see 'RESULT .*2 of 2 applied'
[ "$(failed)" = 1 ] || fail "$(failed) are failed, not the one that was not marked"
k Enter
