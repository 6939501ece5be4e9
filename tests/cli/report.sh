#!/usr/bin/env bash
# report: findings and changes as Markdown, in which text from a store is only text.
. "$(dirname "$0")/harness.sh"
mkdir -p s/x 's/# bad | *name*'
target=meltano+file://$work/s
printf '{"completed": {"singer_state": {"bookmarks": {"a": {"v": 1}}}}, "partial": {}}' >s/x/state.json
printf '{"torn' >'s/# bad | *name*/state.json'
run 2 -t "$target" report
run 0 -t "$target" report --since 1h
out_has 'Nothing was changed'
out_has '**error** \# bad \| \*name\*'
run 0 -t "$target" state clear x --yes --reason 'INC-7 `rm`'
run 0 -t "$target" report --since 1h
out_has ' clear by '
out_has 'Reason: INC-7 \`rm\`'
out_has '→ absent — applied, verified'
out_has 'undo: full'
run 0 -t "$target" journal undo --yes
run 0 -t "$target" report --since 1h -o json
field_is changes.0.verb clear
field_is changes.1.verb undo
field_is changes.0.items.0.undone true
field_is findings.0.object '# bad | *name*'
run 2 -t "$target" report --since 2026-13-01
run 0 -t "$target" report --since 2020-01-01 -o json
field_is changes.0.verb clear
run 0 -t "$target" report --since 2099-01-01T00:00Z
out_has 'Nothing was changed'
finish
