#!/usr/bin/env bash
# What is asked wrongly: exit 2 and the nearest word. Help and version.
. "$(dirname "$0")/harness.sh"

run 2
err_is 'penstock: nothing to open. Try: penstock demo | penstock . | penstock postgresql://host/db'
run 2 tabel
err_is "penstock: unknown command or context 'tabel'; did you mean 'table'?"
run 2 table
err_has 'table wants a verb'
run 2 table rolback x
err_has "did you mean 'rollback'?"
run 2 -t nowhere state list
err_has "'nowhere' is no context, no address and no existing path"
run 2 -t /no/such/dir state list
run 2 -t 'mysql://u:s3cret@h/db' state list
grep -q s3cret err && fail 'a password was printed'
run 2 state list --patern x
err_has "did you mean '--pattern'?"
run 2 state list --pattern
err_has 'needs a value'
run 2 -o xml state list
run 2 --rate never state list
run 2 --rate 1e-300/s state list
err_has "--rate '1e-300/s'"
run 2 --limit 0 state list
run 2 --read-only --write state list
err_has 'exclude each other'
run 2 plan state list
err_has 'plan wants a command that changes something'
run 2 config paths --config /no/such/file
run 0 --version
out_has 'penstock '
run 0 --help
out_has 'exit codes'
run 0 manual
out_has '.TH PENSTOCK 1'
out_has '\fBtable rollback ID...'
out_has '\fBjournal undo [ID]'
out_has '\fB\-\-max\-failures N'
run 0 help table rollback
out_has '--to-healthy'
run 0 table rollback --help
out_has '--to-healthy'
run 0 help state list
out_has 'updated_at'
run 0 help session list
out_has '--pattern GLOB'
out_has '--failed'
run 0 help table list
grep -q -- '--exception' out && fail 'an option of other lists'
run 0 plan --help
out_has 'plan NOUN VERB'
run 2 help nothing

# an error is an object too, with -o json
run 2 -o json tabel
err_has '{"error":{"kind":"invalid","message":"unknown command or context'

# the configuration: file and line
mkdir -p config/penstock state-dir
cat >config/penstock/config.yaml <<EOF
contexts:
  - name: here
    adress: $work/state-dir
EOF
run 2 config check
err_has "config.yaml:3: unknown key 'adress'; did you mean 'address'?"
sed -i 's/adress/address/' config/penstock/config.yaml
run 0 config check
run 0 config contexts -o name
out_is here
run 2 state list -t heer
err_has "unknown context 'heer'; did you mean 'here'?"
run 0 config paths -o json
out_has '"name":"journal"'

# a file may be a pipe that says nothing: Ctrl-C ends the waiting, and so does the deadline
mkfifo silent
here=meltano+file://$work/state-dir
ran='state set --input-file silent, and Ctrl-C'
"$penstock" -t "$here" state set x --input-file silent --yes </dev/null >out 2>err &
pid=$!
exec {writer}>silent # when it is opened for reading: the handlers are set by then
kill -INT "$pid"
wait "$pid"
rc=$?
[ "$rc" = 1 ] || fail "exit $rc, not 1"
err_is 'penstock: silent: cancelled'
exec {writer}>&- {writer}<>silent
run 7 -t "$here" --deadline 1 state set x --input-file silent --yes
exec {writer}>&-
for moment in 1 2 3; do # over before it is opened, or right then
    for i in 1 2 3 4 5 6 7 8; do
        run 7 -t "$here" --deadline "0.00$moment" state set x --input-file silent --yes
    done
done
printf '{"singer_state": {}}' >silent &
run 0 -t "$here" --dry-run state set x --input-file silent
wait
# what is taken is documented, once, and offered where it is taken alone
run 0 help state copy
out_has '--to ADDR'
run 0 help source list
[ "$(grep -c -- '--team TEAM' out)" = 1 ] || fail '--team is not there once'
run 0 manual
out_has '\-\-to ADDR'
out_has '\-\-team TEAM'
run 2 -t "$work" table rollback --to "$work" 7/1
err_has "unknown option '--to'"
run 2 -t "$work" state merge a --from-state-id b --to "$work"

finish
