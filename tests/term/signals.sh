#!/usr/bin/env bash
# Ended from outside, or by a fault of its own: the terminal is put back.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

for size in '80 24' '120 40'; do
    for signal in TERM HUP SEGV ABRT USR1; do
        # shellcheck disable=SC2086
        start_demo $size
        kill -s "$signal" "$(program)"
        restored
    done
done

# To the shell and back.
start_demo 80 24
k C-z
see 'Stopped'
is '#{alternate_on}' 0 || fail "the alternate screen is still on"
lit 'fg'
k Enter
see '^ overview +6 stores'
k q
restored
