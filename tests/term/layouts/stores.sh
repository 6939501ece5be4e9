# shellcheck shell=bash disable=SC2034
# The stores that layouts.sh walks over. Sourced by it; it says what each function is for.
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../servers" && pwd)

# files DIR: path, owner, mode and content of everything in it.
files() { (cd "$1" && find . -type f -printf '%p %u:%g %m ' -exec sha256sum {} \; | LC_ALL=C sort); }

make_meltano_file() {
    mkdir -p "$work/states/dev:tap-a-to-b"
    printf '{"completed": {"singer_state": {"bookmarks": {"orders": {"id": 9007199254740993}, "users": {"id": 1.10}}}}, "partial": {}}' \
        >"$work/states/dev:tap-a-to-b/state.json"
    target=meltano+file://$work/states?lock_timeout=600
    row='dev:tap-a-to-b' inside='id: 9007199254740993'
    action='t reset one stream' part='orders' plan='imported from the start' typed=dev:tap-a-to-b left='dev:tap-a-to-b.*unknown'
}
dump_meltano_file() { files "$work/states"; }
lock_meltano_file() { printf '%s.25' "$(date +%s)" >"$work/states/dev:tap-a-to-b/lock"; }
