#!/usr/bin/env bash
# One record of one layout on the screen, from the list over its document to a change, its undo and
# the locks, on a real store: layouts.sh LAYOUT COLUMNS ROWS. The dump of the store is the witness:
# the change shows in it, and after the undo it is the one of before, times included. Stores on a
# server need tests/servers/run.sh.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"
for system in stores meltano vdk etl triggers; do
    . "$(dirname "${BASH_SOURCE[0]}")/layouts/$system.sh"
done

# layouts/SYSTEM.sh has what each layout says of itself: make_LAYOUT makes the store and sets
#   target       its address
#   row          the record in the list, and inside: what its document shows (regular expressions)
#   action       key and words of an entry of the action menu
#   part         the row of the sheet behind H that it is about; empty for the whole record
#   asked        what the action asks for, if it does, and the answer
#   plan         what the plan says that will follow
#   typed        the name that it wants typed; empty where y is enough
#   typed_undo   the same of the undo, where that differs
#   left         what the locks view shows of the lock that lock_LAYOUT leaves
# dump_LAYOUT prints all that is stored, lock_LAYOUT leaves a lock as the system's own code does,
# where it has locks.
target='' row='' inside='' action='' part='' asked='' answer='' plan='' typed='' left='this store has no locks'

# confirm NAME: by the name that the plan wants typed, or by the one key.
confirm() {
    if [ -n "$1" ]; then
        see "type +$1"
        lit "$1"
        k Enter
    else
        see 'y applies'
        k y
    fi
}

walk() { # LAYOUT COLUMNS ROWS
    local layout=$1 before
    "make_$layout"
    before=$("dump_$layout")

    start "penstock -t '$target'; echo left with \$?" "$2" "$3"
    see "$row"
    cursor_to "$row"
    k Enter
    see "$inside"
    k Escape
    see "▸.*$row"

    [ -z "$part" ] || {
        k H
        see "$part"
        cursor_to "$part"
    }
    k x
    see "│.*${action#* }"
    k "${action%% *}"
    [ -z "$asked" ] || {
        see "$asked"
        k C-u
        lit "$answer"
        k Enter
    }
    see 'PLAN '
    see "$plan"
    confirm "$typed"
    see 'RESULT .*1 of 1 applied'
    see "${typed:-.*} +applied, verified"
    [ "$("dump_$layout")" != "$before" ] || fail 'nothing was written'

    k z
    see 'PLAN .*undo'
    confirm "${typed_undo-$typed}"
    see 'RESULT .*undo.*1 of 1 applied'
    [ "$("dump_$layout")" = "$before" ] || {
        diff <(printf '%s\n' "$before") <("dump_$layout") >&2 || :
        fail 'the undo did not restore all of it'
    }
    k Enter
    see "▸.*${part:-$row}"
    [ -z "$part" ] || k Escape
    see "▸.*$row"

    ! declare -F "lock_$layout" >/dev/null || "lock_$layout"
    k L
    see "$left"
    ! shows 'no lock is held' || fail 'it says that no lock is held, which nobody knows'
    k q
    gone "$left"
    see "▸.*$row"
    k q
    see '^left with 0$'
    restored
}

walk "$@"
