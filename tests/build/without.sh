#!/usr/bin/env bash
# Builds penstock where libpq and hiredis cannot be found: it says what it leaves out, builds, and
# answers an address of a backend that it lacks. Then an installation has all its parts.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/penstock-build.XXXXXX")
trap 'rm -rf -- "$work"' EXIT

fail() {
    echo "without.sh: $*" >&2
    exit 1
}

# Every .pc file that pkg-config knows, but for those of the two libraries.
mkdir "$work/pc"
IFS=: read -r -a places <<<"$(pkg-config --variable pc_path pkg-config)"
for place in "${places[@]}"; do
    [ -d "$place" ] || continue
    find -L "$place" -maxdepth 1 -name '*.pc' ! -name libpq.pc ! -name 'hiredis*.pc' \
        ! -name liblz4.pc ! -name liblzma.pc ! -name libzstd.pc \
        -exec ln -sf -t "$work/pc" {} +
done

PKG_CONFIG_LIBDIR=$work/pc cmake -S "$source_dir" -B "$work/build" -G Ninja \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPENSTOCK_TESTS=OFF -DPENSTOCK_WERROR=ON >"$work/configure.log" 2>&1 ||
    fail "cmake failed: $(tail -n 20 "$work/configure.log")"
for backend in postgres redis; do
    grep -q "penstock: backend $backend is left out: .* was not found" "$work/configure.log" ||
        fail "cmake did not say that backend $backend is left out"
done

cmake --build "$work/build" --parallel 2 >"$work/build.log" 2>&1 ||
    fail "the build failed: $(grep -E 'error|undefined' "$work/build.log" | head -n 20)"
penstock=$work/build/cli/penstock
if ldd "$penstock" | grep -E 'libpq|hiredis'; then
    fail "it is linked with a library that was to be left out"
fi

DESTDIR=$work/root cmake --install "$work/build" --prefix /usr >"$work/install.log" 2>&1 ||
    fail "the installation failed: $(tail -n 20 "$work/install.log")"
for file in bin/penstock share/man/man1/penstock.1 share/bash-completion/completions/penstock \
    share/zsh/site-functions/_penstock share/fish/vendor_completions.d/penstock.fish share/doc/penstock/LICENSE share/doc/penstock/README.md \
    share/doc/penstock/architecture.md share/doc/penstock/stores.md; do
    [ -f "$work/root/usr/$file" ] || fail "not installed: $file"
done
"$work/root/usr/bin/penstock" --version >"$work/out" && grep -q '^penstock [0-9]' "$work/out" ||
    fail "it does not run"
status=0
"$penstock" -t etl+postgresql://localhost/shop table list >"$work/out" 2>"$work/err" || status=$?
[ "$status" -eq 6 ] || fail "a backend that is left out: exit $status, expected 6"
grep -q 'no layout of etl for postgres' "$work/err" || fail "it does not say so: $(cat "$work/err")"
