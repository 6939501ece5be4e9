#!/usr/bin/env bash
# ux.md R22 A2, R20 A4 and A1: the mouse; an arrow key split by a slow line; counts, ranges and the
# filter's history; a list that is made as small as a screen can be.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

# the table under the cursor; none, or two, while the screen is being drawn
where() { cap | grep -oE '▸.*public\.[a-z_]+' | grep -oE 'public\.[a-z_]+' || :; }
line_of() { cap | grep -nE -- "$1" | head -n 1 | cut -d : -f 1; }
click() { lit "$(printf '\033[<0;%d;%dM\033[<0;%d;%dm' "$2" "$1" "$2" "$1")"; }
at() { [ "$(where)" = "$1" ]; }
left() {
    local now
    now=$(where)
    [ "$(wc -w <<<"$now")" = 1 ] && [ "$now" != "$1" ]
}

start_demo 120 30
open_store orders
see 'tables  19'
see '▸.*public\.'
see ' as of '
keys_done
first=$(where)
# above the rule of the preview
last=$(cap | sed '/───/q' | grep -oE '^ .*public\.[a-z_]+' | grep -oE 'public\.[a-z_]+' | tail -n 1)
[ "$first" != "$last" ] || fail "the demo has one table"

# A click selects; a click on a heading sorts by it, another one turns the order; the wheel moves.
click "$(line_of "$last")" 20
until_true 60 at "$last" || fail "a click on $last selected $(where)"
click "$(line_of PHASE)" "$(($(cap | grep PHASE | grep -obE PHASE | cut -d : -f 1) + 1))"
see 'PHASE ↑'
click "$(line_of PHASE)" "$(($(cap | grep PHASE | grep -obE PHASE | cut -d : -f 1) + 1))"
see 'PHASE ↓'
until_true 60 at "$last" || fail "sorting moved the cursor to $(where)"
k g
until_true 60 left "$last" || fail "g does not go to the first row"
top=$(where)
lit "$(printf '\033[<65;5;5M')"
until_true 60 left "$top" || fail "the wheel does not move"
lit "$(printf '\033[<64;5;5M')"
until_true 60 at "$top" || fail "the wheel does not move back"

# Counts and ranges.
k 2 G
until_true 60 left "$top" || fail "2G does not move"
second=$(where)
k g
until_true 60 at "$top" || fail "g does not go to the first row"
k j
until_true 60 at "$second" || fail "2G is $second, gj is $(where)"
k g v 2 j v
see '3 marked'
k u
gone 'marked'

# The filter typed before comes back with Up.
k /
lit users
k Enter
see '\[users\]'
step_back 'tables  19'
k / Up
see '\[users\]'
k Enter
step_back 'tables  19'

# R23 A4: columns are chosen, and are there again the next time.
see 'PHASE'
k C
k / ; lit lsn; k Enter
see 'position a sync_done row waits for'
k Space
see 'lsn .*yes'
k Escape Escape
see 'PHASE'
k w
see ' lsn|›'
grep -qx 'etl list: lsn' "$XDG_STATE_HOME/penstock/columns" || fail "the columns are not kept"
k w
k q q
restored
start_demo 200 30
open_store orders
see 'PHASE.* lsn '

# The Esc of an arrow key comes alone: it closes the line, and what follows is no letters. How late
# that may be goes by ESCDELAY, so that a slow machine is not too slow for it.
k q q
restored
start "ESCDELAY=2000 penstock -t etl+file://$work/demo/plain" 120 30
see 'public\.'
k /
lit users
see '\[users\]'
t send-keys -t o -H 1b
gone '^ /users'
lit '[A'
k v
see 'range of 1: v marks it'
lacks 'AUDIT|audit' || fail "the rest of an arrow key acted as a letter"
k Escape
gone 'range of'
step_back 'tables  [0-9]+ *$'

for size in '1 1' '5 2' '20 5' '300 80' '120 30'; do
    # shellcheck disable=SC2086
    resize $size
done
see 'public\.'
[ -n "$(where)" ] || fail "the cursor is lost"
k q
restored
