#!/usr/bin/env bash
# R25: the clipboard, a saved screen, where the files lie.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

fresh_etl

A1() {
    open_list 'penstock dev' 120 40
    t set -s set-clipboard on
    cursor_to 'public\.orders'
    k y
    see 'the command that shows it'
    k c
    see copied
    until_true 60 eval '[ "$(t show-buffer)" = "penstock -t dev table show 4/916401" ]' || fail "$(t show-buffer)"
    $(t show-buffer) | grep -aq InvalidState || fail 'the command does not show it'
    k y
    k r
    until_true 60 eval 't show-buffer | grep -q "public.orders.errored"' || fail 'not the row'
    k Enter
    see ' - states:' # read, so that something can be found
    k /
    lit InvalidState
    k Enter
    see '/states/[0-9]+/metadata/reason'
    k y
    k v
    until_true 60 eval 't show-buffer | grep -q "^.InvalidState. replication"' || fail "$(t show-buffer)"
}

A2() {
    open_list 'penstock dev' 120 40
    see 'public\.orders'
    lit ":save-screen $work/screen.txt"
    k Enter
    see 'screen is in'
    grep -q 'public\.orders' "$work/screen.txt" || fail 'not the screen'
    [ "$(stat -c %a "$work/screen.txt")" = 600 ] || fail 'readable by others'
}

A3() {
    local name
    penstock config paths >"$work/paths"
    for name in "$XDG_CONFIG_HOME/penstock/config.yaml" "$XDG_STATE_HOME/penstock/journal.db"; do
        grep -qF "$name" "$work/paths" || fail "no $name"
    done
    printf 'contexts:\n  - {name: a, adress: x}\n' >"$work/bad.yaml"
    ! penstock --config "$work/bad.yaml" config check >"$work/out" 2>&1 || fail 'not noticed'
    grep -q 'bad.yaml:2' "$work/out" || fail "$(cat "$work/out")"
    grep -q "address" "$work/out" || fail 'nothing suggested'
}

check A1 'y: the id, the row, the command, a value'
check A2 'the screen as a file of ours alone'
check A3 'paths are printed; a bad configuration is found with file and line'
report
