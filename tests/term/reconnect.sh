#!/usr/bin/env bash
# ux.md R14 A1 to A4, R1 A1 and A2 on a real Postgres and a real Redis of the test's own: stopped,
# started, frozen (SIGSTOP). Every wait is for what is to be seen.
. "$(dirname "${BASH_SOURCE[0]}")/harness.sh"
servers=$(cd "$(dirname "${BASH_SOURCE[0]}")/../servers" && pwd)

# The processes of a server: the first one and its children.
processes() {
    local first
    first=$(head -n 1 "$1")
    # shellcheck disable=SC2046
    echo "$first" $(cat "/proc/$first/task/$first/children" 2>/dev/null)
}
signal_server() {
    local pid
    for pid in $(processes "$2"); do
        kill -"$1" "$pid" 2>/dev/null || :
    done
}

at_exit() {
    signal_server CONT "$work/pg/data/postmaster.pid" 2>/dev/null || :
    signal_server CONT "$work/redis/redis.pid" 2>/dev/null || :
    "$servers/postgres.sh" stop "$work/pg" >/dev/null 2>&1 || :
    "$servers/redis.sh" stop "$work/redis" >/dev/null 2>&1 || :
}

mkdir "$work/pg" "$work/redis"
chmod 755 "$work"
"$servers/postgres.sh" start "$work/pg" >"$work/pg.env" || exit
"$servers/redis.sh" start "$work/redis" >"$work/redis.env" || exit
# shellcheck disable=SC1090,SC1091
. "$work/pg.env"
# shellcheck disable=SC1090,SC1091
. "$work/redis.env"

sql() { "$PENSTOCK_POSTGRES_BIN/psql" -qXAt -v ON_ERROR_STOP=1 -o /dev/null -c "$1" "$address"; }
address=$PENSTOCK_POSTGRES
sql 'create database shop'
address=$(printf %s "$PENSTOCK_POSTGRES" | sed 's|/postgres?|/shop?|')
"$PENSTOCK_POSTGRES_BIN/psql" -qX -o /dev/null -f "$servers/meltano_postgres.sql" "$address"
sql "insert into state select 'dev:tap-' || i || '-to-wh', null, '{\"singer_state\": {\"bookmarks\": {}}}', now() from generate_series(10, 49) i"
postmaster=$work/pg/data/postmaster.pid

mkdir -p "$XDG_CONFIG_HOME/penstock"
cat >"$XDG_CONFIG_HOME/penstock/config.yaml" <<CONF
contexts:
  - name: shop
    address: meltano+$address
    env: dev
    refresh: 1s
CONF
start 'penstock -t shop --timeout 300s' 120 30
see '40'
see 'as of [0-9:]+Z \([0-9] s\)'

# R1 A1: rows that come above leave cursor and marks with their rows.
k / ; lit tap-2; k Enter
see '10 of 40 \[tap-2\]'
k j j Space
see '1 marked'
see '▸ .*dev:tap-23-to-wh'
sql "insert into state select 'dev:a-tap-2' || i, null, '{\"singer_state\": {}}', now() from generate_series(1, 5) i"
sees_refreshed '^\+ .*dev:a-tap-21'
see '15 of 45'
see '▸ .*dev:tap-23-to-wh'
see '●.*dev:tap-22-to-wh'
sql "update state set partial_state = '{\"singer_state\": {}}' where state_id = 'dev:tap-20-to-wh'"
see '^\*.*dev:tap-20-to-wh +yes +yes'
gone '^[+*]'

# R1 A2: the row under the cursor is deleted: a tombstone, and the cursor goes to the neighbour.
sql "delete from state where state_id = 'dev:tap-23-to-wh'"
see '▸ .*dev:tap-23-to-wh.* gone'
k x
see 'row no longer exists'
k j
see '▸ .*dev:tap-24-to-wh'
gone 'dev:tap-23'

# R9 A4: a mark whose row goes is dropped, and that is said.
sql "delete from state where state_id = 'dev:tap-22-to-wh'"
see '1 mark dropped: gone'
gone '1 marked'
k Space k k
see '1 marked'

# R14 A4: paused, nothing changes; ^R reads once.
see '^  dev:tap-21-to-wh'
see '^  holds' # the preview has come
k P
see 'PAUSED +as of [0-9:]+Z *$'
see '^ paused: '
gone '~ stale' # values that the filter asked for are still waited for
# of the list: the message below pushes the preview
lines() { cap | sed '/───/q' | grep -E 'tap-|as of'; }
still=$(lines)
sql "insert into state values ('dev:tap-2-late', null, '{}', now())"
end=$((SECONDS + 3)) # an age would have gone on by then
while [ "$SECONDS" -lt "$end" ]; do
    k C-l
    until_true 60 eval '[ "$(lines)" = "$still" ]' ||
        fail "the screen goes on while paused: $(diff <(printf '%s\n' "$still") <(lines))"
done
sees_refreshed '14 of 44'
see 'PAUSED'
k P
gone 'PAUSED'

# R14 A1: the server is stopped.
where() { cap | grep -n '▸' | grep -oE '^[0-9]+|dev:[^ ]*' | tr '\n' ' '; }
stopped=$(where)
"$servers/postgres.sh" stop "$work/pg"
see 'DISCONNECTED, retry in [0-9]+ s \([0-9]+\)'
see '~ stale'
see '^~ ?[▸●].*dev:tap-24-to-wh'
k x
see 'disconnected: nothing can be changed'
k Escape

# R14 A2: it is there again: same cursor, filter and marks, without a key.
"$servers/postgres.sh" again "$work/pg"
see 'as of [0-9:]+Z \([0-9] s\)'
gone 'stale'
see '14 of 44 \[tap-2\]  1 marked'
until_true 60 eval '[ "$(where)" = "$stopped" ]' || fail "the cursor was at $stopped"

# R14 A3: frozen, no key waits for it; Esc stops what hangs.
signal_server STOP "$postmaster"
see 'no answer for [0-9]+ s'
before=$(cap | grep '▸')
k k
until_true 60 eval '[ "$(cap | grep "▸")" != "$before" ]' || fail "a key waited for the server"
k Escape
see 'stopped; what was read stays'
see '14 of 44 \[tap-2\]'
signal_server CONT "$postmaster"
k C-r
see 'as of [0-9:]+Z \([0-9] s\)'

# Two stores: the one that is gone disturbs nobody.
k q
until_true 60 no_program || fail "q did not quit"
data=$(cd "$servers/../data/triggers" && pwd)
redis() { redis-cli -s "$PENSTOCK_REDIS_SOCKET" "$@"; }
session() { base64 -d "$data/q-5f3c1.b64" | redis -x SET ":1:triggers.storages.cache:$1" >/dev/null; }
session first
start "penstock -t shop -t triggers+$PENSTOCK_REDIS --timeout 300s" 160 30
see 'shop.* 44( |$)'
see 'triggers\+.* 1 session'
gone 'not read to the end'
"$servers/postgres.sh" stop "$work/pg"
see 'shop.*DISCONNECTED'
session second
sees_refreshed 'triggers\+.* 2 sessions'
see 'shop.*DISCONNECTED'
k q
until_true 60 no_program || fail "q did not quit"

# The same on Redis: stopped, started again, frozen.
start "penstock -t triggers+$PENSTOCK_REDIS --timeout 300s" 120 30
see '^ sessions +2'
k '>'
see 'SESSION ↑'
k G
see '▸.*second'
"$servers/redis.sh" stop "$work/redis"
see 'DISCONNECTED, retry in [0-9]+ s'
see '~ stale'
k x
see 'disconnected: nothing can be changed'
k Escape
"$servers/redis.sh" start "$work/redis" >/dev/null
session second
session third
see 'as of [0-9:]+Z'
gone 'stale'
sees_refreshed '^  .* third'
see '^ sessions +2'
see '▸.*second'
signal_server STOP "$work/redis/redis.pid"
see 'no answer for [0-9]+ s'
k j
see '▸.*third'
k Escape
see 'stopped; what was read stays'
signal_server CONT "$work/redis/redis.pid"
k C-r
see 'as of [0-9:]+Z \([0-9] s\)'
