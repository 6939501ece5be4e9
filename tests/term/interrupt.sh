#!/usr/bin/env bash
# One Ctrl-C ends a command whose output nobody reads, as `| less` does not: the pipe is full, and
# the command waits for it. So does the end of its time.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

python3 - "$work" <<'PYTHON'
import json, sys
sources = {f"source-{i:04}-{'x' * 150}": {"streams": {}, "others": {}} for i in range(1000)}
with open(sys.argv[1] + "/jobs.json", "w") as file:
    json.dump({"sales_ingest__": {".vdk.data_sources.state": sources}}, file)
PYTHON

# The reader takes one line and rests until somebody opens $work/go; no key ends it.
cat >"$work/rest.sh" <<'EOS'
trap '' INT
echo $$ >"$1/reader"
read -r first
cat "$1/go"
EOS

# How much lies in the pipe. It holds 64 KiB.
is_full() {
    python3 -c '
import fcntl, struct, sys, termios
with open(f"/proc/{sys.argv[1]}/fd/0", "rb", 0) as pipe:
    size = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0]
sys.exit(size < 56 << 10)' "$(cat "$work/reader")"
}

# begin WORDS...: the command, and a reader who rests.
begin() {
    rm -f "$work"/{reader,status,go}
    mkfifo "$work/go"
    start "(trap : INT; penstock -t vdk+file://$work/jobs.json $* 2>$work/err; echo \$? >$work/status) | bash $work/rest.sh $work"
    until_true 60 test -s "$work/reader" || fail "$*: no reader"
}
# ends STATUS WHY: it has ended, while its reader still rests.
ends() {
    until_true 60 test -s "$work/status" || fail "it did not end"
    [ "$(cat "$work/status")" = "$1" ] || fail "exit $(cat "$work/status"), not $1"
    grep -q "^penstock: .*: $2\$" "$work/err" || fail "it said: $(cat "$work/err")"
    : >"$work/go"
}

for words in 'source list --ids' 'source list -o json' 'source list'; do
    begin "$words"
    until_true 60 is_full || fail "$words: the pipe is not full"
    k C-c
    ends 1 cancelled
done
begin source list --ids --deadline 1s
ends 7 'not done when the --deadline was over'
