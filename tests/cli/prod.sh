#!/usr/bin/env bash
# Contexts: prod is read-only until --write and wants its confirmation typed, under every name.
. "$(dirname "$0")/harness.sh"
mkdir -p config/penstock p/x d/x
pair='{"completed": {"singer_state": {"a": 1}}, "partial": {}}'
printf '%s' "$pair" >p/x/state.json
printf '%s' "$pair" >d/x/state.json
cat >config/penstock/config.yaml <<EOF
contexts:
  - {name: live, address: "meltano+file://$work/p", env: prod}
  - {name: test, address: "meltano+file://$work/d", env: dev}
  - {name: sly, address: "meltano+file://$work/p/", env: dev}
default: test
EOF
cp -r p before

run 6 -t live state clear x --yes --confirm x --reason why
err_has 'live is read-only'
err_has '--write'
run 6 -t live --write state clear x --yes
err_has "needs: --confirm 'x'"
run 6 -t live --write state clear x --yes --confirm y
err_has "needs: --confirm 'x'"
run 6 -t live --write state clear x --confirm x
err_has 'needs: --yes'
same p before

# the same place under another name is prod all the same
run 6 -t sly state clear x --yes
err_has 'warning: '
err_has 'is read-only'
run 6 -t "meltano+file://$work/p" state clear x --yes
err_has 'PROD'
same p before

run 0 -t live --write state clear x --yes --confirm x --reason 'INC-1'
err_has 'target: live PROD'
[ -e p/x ] && fail 'not cleared'
run 0 -t live --write journal undo --yes --confirm x --reason 'INC-1'
same p before
run 0 -t live journal list -o json
field_is reason $'INC-1\nINC-1'

# the default, and PENSTOCK_TARGET before it; -t replaces both
run 0 state list -o json
field_is target test
export PENSTOCK_TARGET=live
run 0 state list -o json
field_is target live
run 0 -t test state list -o json
field_is target test
run 0 -t test -t live state list -o json
field_is target $'test\nlive'
run 2 -t test -t live state clear x --yes
err_has 'means 2 records'
run 0 -t test -t live overview -o json
field_is env $'dev\nPROD'
run 7 -t test -t 'etl+postgresql:///no?host=/nowhere' overview
out_has test
finish
