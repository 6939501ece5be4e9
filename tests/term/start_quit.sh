#!/usr/bin/env bash
# Start, look, and leave by q, at two sizes: the terminal is as it was.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

for size in '80 24' '120 40'; do
    # shellcheck disable=SC2086
    start_demo $size
    is '#{alternate_on}' 1 || fail "the screen is not the alternate one"
    see 'DEMO' # the environment is on the first screen, in words
    k '?'
    see 'Tab +from what needs attention to the stores' # the help of this place
    k Escape
    see '^ overview +6 stores'
    k q
    restored
done

# A terminal without an alternate screen: the prompt is not written over what was shown.
start "TERM=vt100 penstock demo --dir $work/demo" 80 24
see '^ overview +6 stores'
k q
until_true 60 no_program || fail "the program is still running"
see '^ready[$#] *$'
