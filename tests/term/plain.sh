#!/usr/bin/env bash
# ux.md R21 A5: --plain, line by line: a rollback found, made, verified and undone without a screen,
# in a terminal that cannot place the cursor.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

# answer LINE REGEX: types the line at the prompt and waits for what comes of it.
answer() {
    t send-keys -R -t o # what stood there before is not what is waited for
    lit "$1"
    k Enter
    see "$2"
    see 'and Enter: *$'
}

sums() { (cd "$work/demo/plain/etl" && find . -type f -exec sha256sum {} + | sort -k 2); }

start "TERM=dumb penstock --plain demo --dir $work/demo" 100 60
see 'selected: .* crm DEMO 3 sessions'
see 'and Enter: *$'
is '#{alternate_on}' 0 || fail "the alternate screen is on"
sums >"$work/before"
answer jjj 'selected: .* orders DEMO 6 tables'
answer '' 'tables  6 of 19 .attention=errored'
answer 3 'selected: 7 public.orders'
answer x 'selected: r rollback one step'
answer 1 'y applies'
answer '' 'Enter does not accept'
answer y 'public.orders  applied, verified'
sums | cmp -s - "$work/before" && fail "nothing was written"
answer z 'undoes the rollback of'
answer y 'RESULT .* undo'
see 'selected: ✓ public.orders'
sums | cmp - "$work/before" || fail "undo did not bring it back"
answer esc 'selected: 7 public.orders ✖ errored'
answer '/public.o' '2 of 19 .public.o.'
answer ':overview' 'NEEDS ATTENTION'
t capture-pane -e -p -t o | grep -q "$(printf '\033\\[[0-9;]*H')" && fail "the cursor was placed"
lit q
k Enter
restored

# A script is asked nothing.
if penstock --plain demo --dir "$work/demo" </dev/null >"$work/out" 2>&1; then fail "no terminal, and no error"; fi
grep -q 'the screen needs a terminal' "$work/out" || fail "it does not say why"
