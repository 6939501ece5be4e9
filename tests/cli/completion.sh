#!/usr/bin/env bash
# Completion: what may stand next, from the tables and the stores; the scripts drive it.
. "$(dirname "$0")/harness.sh"
mkdir -p 's/dev:tap-a-to-b' 's/dev:tap-c-to-d' 's/two words' config/penstock
for id in dev:tap-a-to-b dev:tap-c-to-d 'two words'; do
    printf '{"completed": {"singer_state": {"bookmarks": {"a": {"v": 1}}}}, "partial": {}}' >"s/$id/state.json"
done
cat >config/penstock/config.yaml <<YAML
contexts:
  - {name: here, address: "meltano+file://$work/s", env: dev}
YAML
candidates() { run 0 completion candidates -- "$@"; }
has() { for word in "$@"; do grep -qxF -- "$word" out || fail "not offered: $word"; done; }
hasnt() { for word in "$@"; do ! grep -qxF -- "$word" out || fail "offered: $word"; done; }

candidates ''
has state table session source lock check overview plan journal here
[ -z "$(sort out | uniq -d)" ] || fail "offered twice: $(sort out | uniq -d | head -3)"
candidates tab
out_is table
candidates table ''
has list show rollback reset pipelines wait edit history
hasnt set streams
[ -z "$(sort out | uniq -d)" ] || fail "offered twice: $(sort out | uniq -d | head -3)"
candidates check ''
candidates table rollback --
has --to-healthy --full --errored --yes --dry-run --target
hasnt --kwargs
candidates -o ''
out_is "$(printf 'table\njson\ntsv\nname')"
candidates -t ''
out_is here
candidates -t here state get 'dev:tap-a'
out_is dev:tap-a-to-b
candidates plan state clear -t here ''
has dev:tap-a-to-b dev:tap-c-to-d 'two words'
candidates -t "meltano+file://$work/nowhere" state get ''
out_is ''
run 0 -t here state clear dev:tap-c-to-d --yes -o json
id=$(field journal_id)
candidates journal undo ''
out_is "$id"

run 2 completion
run 2 completion csh
run 0 completion bash
bash -n out || fail 'bash does not take it'
run 0 completion zsh
! command -v zsh >/dev/null || zsh -n out || fail 'zsh does not take it'
run 0 completion fish
! command -v fish >/dev/null || fish -n out || fail 'fish does not take it'

# as bash calls it: words cut at the colons, blanks quoted
complete_line() {
    "$penstock" completion bash >script
    PATH=$(dirname "$penstock"):$PATH bash --norc -c '
        . ./script
        COMP_LINE=$1 COMP_POINT=${#1}
        _penstock
        printf "%s\n" "${COMPREPLY[@]}"' bash "$1" >out
}
complete_line 'penstock -t here state get dev:tap-a'
out_is tap-a-to-b
complete_line 'penstock -t here state get tw'
out_is 'two\ words'
complete_line 'penstock over'
out_is overview
finish
