#!/usr/bin/env bash
# Any size and back, in a list, a prompt, a menu and a plan: alive, and right again afterwards.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"

sizes=('1 1' '5 2' '20 5' '300 80')

# all_sizes COLUMNS ROWS REGEX: through every size, then what was there is there again.
all_sizes() {
    for size in "${sizes[@]}"; do
        # shellcheck disable=SC2086
        resize $size
        [ -n "$(program)" ] || fail "gone at $size"
    done
    see "$3"
    resize 30 8
    see 'too small'
    resize "$1" "$2"
    gone 'too small'
    see "$3"
}

for size in '80 24' '120 40'; do
    read -r columns rows <<<"$size"
    start_demo "$columns" "$rows"
    all_sizes "$columns" "$rows" 'orders '
    open_store orders
    see '^ +[▸ ].*public\.users'
    all_sizes "$columns" "$rows" 'public\.users'
    k /
    lit 'table=public.orders'
    see '^ /table=public\.orders'
    all_sizes "$columns" "$rows" '^ /table=public\.orders'
    k Enter
    see '\[table=public\.orders\]'
    k x
    see 'rollback one step'
    all_sizes "$columns" "$rows" 'rollback one step'
    k r
    see 'PLAN .*rollback'
    all_sizes "$columns" "$rows" 'PLAN .*rollback'
    see 'y applies' # no key counts before
    k C-x
    gone 'PLAN'
    k q
    see '^ overview +6 stores'
    k q
    restored
done
