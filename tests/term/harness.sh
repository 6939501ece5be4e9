# shellcheck shell=bash
# The screen in a real terminal: a private tmux, whose panes are the witness. Sourced by the tests
# of this folder. PENSTOCK is the program; HOME and the XDG directories are in $work.
#
#   start COMMAND [COLUMNS ROWS]   a shell of that size that runs the command
#   k KEY...                       keys by tmux name; lit TEXT: literal text
#   cap, capc                      the pane as text; with its colours
#   start_demo [COLUMNS ROWS]      the screen on a fresh demo in $work/demo
#   see REGEX [SECONDS]            waits until a line of the pane matches, else fails
#   gone REGEX [SECONDS]           waits until none does
#   cursor_to REGEX                the cursor on a row that matches
#   keys_done                      waits until every key that was sent to a list has been handled
#   open_store NAME                from the stores of the overview to the list of one
#   sees_refreshed REGEX           has the list read again until a line matches
#   step_back REGEX                Esc in a list, and waits for what comes of it
#   next_picture                   waits until the screen, of one store, has been drawn once more
#   resize COLUMNS ROWS            and waits until the pane has that size
#   restored                       waits for the shell's prompt, then checks that the terminal is as
#                                  before: main screen, cursor visible, line settings the same
#
# A test that has something to end of its own defines at_exit.
#
# Nothing here sleeps longer than the step of a waiting loop.
set -euo pipefail

: "${PENSTOCK:?the program to be tested}"
tmp=${TMPDIR:-/tmp}
[ ${#tmp} -lt 50 ] || tmp=/tmp # some start servers here: a unix socket's name may have 107 bytes
work=$(mktemp -d "$tmp/penstock-term.XXXXXX")
export HOME=$work XDG_CONFIG_HOME=$work/config XDG_STATE_HOME=$work/state
export SHELL=/bin/sh # what tmux starts commands with
unset PENSTOCK_TARGET NO_COLOR ESCDELAY TMUX TMUX_TMPDIR COLUMNS LINES
PATH=$(dirname "$PENSTOCK"):$PATH
wait_seconds=60 # how slow a machine may be

# A server of its own for each start: one that is on its way out takes no new session.
starts=0
t() { tmux -L "penstock-$$-$starts" -f /dev/null "$@"; }

# finish [STATUS]
finish() {
    local status=${1-$?}
    trap - EXIT
    [ "$status" -eq 0 ] || {
        echo "--- the screen at the end:"
        cap 2>/dev/null || :
    } >&2
    t kill-server 2>/dev/null || :
    if declare -F at_exit >/dev/null; then at_exit; fi
    rm -f "/tmp/tmux-$(id -u)/penstock-$$"-*
    # the program may still be on its way out
    until_true 60 rm -rf -- "$work" 2>/dev/null || :
    exit "$status"
}
trap finish EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# until_true SECONDS COMMAND...: repeats the command until it succeeds.
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep .05
    done
}

cap() { t capture-pane -p -t o; }
capc() { t capture-pane -e -p -t o; }
k() { t send-keys -t o "$@"; }
lit() { t send-keys -t o -l -- "$1"; }

shows() { cap | grep -qE -- "$1"; }
lacks() { ! shows "$1"; }
see() { until_true "${2:-$wait_seconds}" shows "$1" || fail "not on the screen: $1"; }
gone() { until_true "${2:-$wait_seconds}" lacks "$1" || fail "still on the screen: $1"; }

# The help comes and goes behind them.
keys_done() {
    k '?'
    see '› keys  [0-9]'
    k Escape
    gone '› keys  [0-9]'
}

# The age of what is shown goes on every second. With the picture in which a plan appears, the keys
# that were typed before it are thrown away; behind the next one they count.
next_picture() {
    local before
    before=$(cap | head -1)
    until_true 60 has_new_header "$before" || fail 'the screen is not drawn again'
}
has_new_header() { [ "$(cap | head -1)" != "$1" ]; }

# cursor_to REGEX: down to the row that matches; once more from the top, since rows that still come
# may stand above. Every key is waited for: one that is still under way would move on from there.
cursor_to() {
    until stands_on "$1" && keys_done && stands_on "$1"; do
        move_to "$1"
    done
}
stands_on() { shows "▸.*$1"; }
move_to() {
    local tries=0 before
    until stands_on "$1"; do
        [ "$tries" -lt 500 ] || fail "no row under the cursor matches: $1"
        tries=$((tries + 1))
        before=$(here)
        k j
        until_true 10 has_moved "$before" || {
            k g
            until_true 10 has_moved "$before" || :
        }
    done
}
# where the cursor stands, without the ages that go on by themselves
here() { cap | grep -n '▸' | sed -E 's/[0-9]+[smhd]\b//g' || :; }
has_moved() { [ "$(here)" != "$1" ]; }

open_store() {
    cursor_to "$1 "
    k Enter
}

# A list is read again by itself no sooner than after a hundred times what that took, and one that is
# being read already may have passed the place; so it is asked for until then.
sees_refreshed() { until_true 60 shows_refreshed "$1" || fail "not on the screen: $1"; }
shows_refreshed() {
    shows "$1" && return
    k C-r
    until_true 2 shows "$1"
}

# Of a store that was silent for two seconds Esc stops what is being read, and says so; it takes the
# step when it is pressed again.
step_back() {
    k Escape
    until_true 60 shows_or_stopped "$1" || fail "not on the screen: $1"
    until shows "$1"; do
        until_true 60 message_is_gone || fail 'the message stays'
        k Escape
        until_true 60 shows_or_stopped "$1" || fail "not on the screen: $1"
    done
}
shows_or_stopped() { shows "$1" || shows 'stopped; what was read stays'; }
message_is_gone() { # a key takes it away, but none in its first second
    local now
    k C-l
    now=$(cap) # drawn to its last line: while it is drawn anew the message is missing as well
    grep -q '[?] keys' <<<"$now" && ! grep -qE '^ (paused: |stopped; )' <<<"$now"
}

# value FORMAT: what tmux says of the pane.
value() { t display-message -p -t o "$1"; }
is() { [ "$(value "$1")" = "$2" ]; }

# The line settings of the pane, as text that can be compared.
line_settings() {
    rm -f "$work/stty"
    lit "stty -g >$work/stty.new && mv $work/stty.new $work/stty; clear"
    k Enter
    until_true 60 test -f "$work/stty" || fail "the shell does not answer"
    cat "$work/stty"
}

start() {
    t kill-server 2>/dev/null || :
    starts=$((starts + 1))
    # not by the environment: the shell that tmux starts the command with drops PS1
    t new-session -d -s o -x "${2:-120}" -y "${3:-40}" \
        "exec env PS1='ready\\$ ' bash --norc --noprofile"
    see 'ready[$#]'
    settings=$(line_settings)
    lit "$1"
    k Enter
}

# The demo on the screen, its counts read.
start_demo() {
    start "penstock demo --dir $work/demo" "$@"
    see '^ overview +6 stores'
    see 'orders .* errored'
    gone 'not read to the end'
    k Tab # from what needs attention to the stores
}

resize() {
    t resize-window -t o -x "$1" -y "$2"
    until_true 60 is '#{pane_width}x#{pane_height}' "$1x$2" || fail "the pane is not $1x$2"
}

# The process that the shell of the pane runs; empty when there is none.
program() {
    local shell
    shell=$(value '#{pane_pid}')
    tr -d ' ' <"/proc/$shell/task/$shell/children"
}

no_program() { [ -z "$(program)" ]; }

restored() {
    until_true 60 no_program || fail "the program is still running"
    until_true 60 is '#{alternate_on}' 0 || fail "the alternate screen is still on"
    until_true 60 is '#{cursor_flag}' 1 || fail "the cursor is hidden"
    is '#{mouse_any_flag}' 0 || fail "the mouse is still taken"
    local now
    k C-u
    now=$(line_settings)
    [ "$now" = "$settings" ] || fail "stty: $now, was $settings"
}
