# What the tests of the command line share. Sourced with the program as $1; every test makes its
# stores in a directory of its own and never sees the configuration of whoever runs it.
set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/penstock-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
# What must happen may take long, on a machine that has other things to do.
penstock=$work/bin/penstock
mkdir "$work/bin"
printf '#!/usr/bin/env bash\nexec %q --timeout 600 "$@"\n' "$1" >"$penstock"
chmod +x "$penstock"
export HOME=$work XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data
unset PENSTOCK_TARGET PENSTOCK_OPERATOR NO_COLOR VISUAL EDITOR
cd "$work" || exit 1
failures=0

# run EXIT WORDS...: runs penstock without a terminal; out, err and rc stay for what follows.
run() {
    local want=$1
    shift
    "$penstock" "$@" </dev/null >out 2>err
    rc=$?
    ran="penstock $*"
    [ "$rc" = "$want" ] || fail "exit $rc, not $want"
}

fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n  %s\n' "${ran-}" "$1"
    sed 's/^/  out: /' out | head -20
    sed 's/^/  err: /' err | head -20
}

# out_is TEXT, err_has TEXT, …: about the last run.
out_is() { [ "$(cat out)" = "$1" ] || fail "stdout is not: $1"; }
out_has() { grep -qF -- "$1" out || fail "stdout lacks: $1"; }
err_has() { grep -qF -- "$1" err || fail "stderr lacks: $1"; }
err_is() { [ "$(cat err)" = "$1" ] || fail "stderr is not: $1"; }
lines_are() { [ "$(wc -l <out)" = "$1" ] || fail "stdout has not $1 lines"; }

# field NAME: of the JSON object on stdout, or in each line of it.
field() { python3 -c '
import json, sys
for line in open("out"):
    value = json.loads(line)
    for name in sys.argv[1].split("."):
        value = value[int(name)] if isinstance(value, list) else value[name]
    print(value if isinstance(value, str) else json.dumps(value))' "$1"; }
field_is() {
    local got
    got=$(field "$1" 2>&1)
    [ "$got" = "$2" ] || fail "$1 is $got, not $2"
}

# until_true COMMAND...: repeats the command until it succeeds, for five minutes at most.
until_true() {
    local end=$((SECONDS + 300))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep .05
    done
}

# same DIR DIR: equal trees, times of files aside.
same() { diff -r "$1" "$2" >diff || fail "differ: $(head -5 diff)"; }

finish() {
    [ "$failures" = 0 ] && exit 0
    echo "$failures failed"
    exit 1
}
