#!/usr/bin/env bash
# Makes the pictures of this folder from the running program, on a fresh demo and a private Redis:
#
#   screenshots/make.sh PENSTOCK
#
# They change with every run (ages, ids); commit them when the screen changed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PENSTOCK=$(realpath "${1:?the program}")
if [ -z "${PENSTOCK_REDIS_SOCKET:-}" ]; then
    PENSTOCK_SERVERS=redis exec "$here/../tests/servers/run.sh" "$0" "$PENSTOCK"
fi
export PENSTOCK
. "$here/../tests/term/harness.sh"
columns=120 rows=36

# Names instead of paths, as a configuration gives them.
mkdir -p "$XDG_CONFIG_HOME/penstock"
"$PENSTOCK" demo --no-tui --dir "$work/demo" >/dev/null
cat >"$XDG_CONFIG_HOME/penstock/config.yaml" <<YAML
contexts:
  - {name: orders-pg, address: "etl+file://$work/demo/plain", env: dev}
  - {name: meltano, address: "meltano+file://$work/demo/meltano", env: dev}
  - {name: crm, address: "triggers+file://$work/demo/plain", env: dev}
  - {name: crm-redis, address: "triggers+unix://$PENSTOCK_REDIS_SOCKET?db=0", env: prod}
YAML
python3 "$here/../tests/term/requirements/fixture.py" sessions "$PENSTOCK_REDIS_SOCKET" 40

picture() {
    capc | python3 "$here/svg.py" "$columns" "$rows" >"$here/$1.svg"
    echo "$1.svg"
}

start 'penstock orders-pg meltano crm crm-redis' "$columns" "$rows"
see 'NEEDS ATTENTION  [0-9]'
see 'crm-redis .*failed'
see 'rollback'
picture overview
k L
see 'applicant:0017'
picture locks

start 'penstock orders-pg' "$columns" "$rows"
see 'public\.orders'
k /
lit 'phase=errored'
k Enter
see 'of 19'
k g
until_true 10 shows '▸.*errored' || :
for _ in 1 2 3 4 5 6 7 8; do
    shows '▸.*public\.orders' && break
    k j
    sleep .2
done
picture tables
k x
see 'rollback one step'
sleep .3
picture menu
k r
see 'y applies'
sleep .8
picture plan
k y
see 'RESULT'
picture result
k Escape
gone 'RESULT'
k '='
see '[~+-] phase: errored → finished_copy'
picture diff
k Escape
see '▸.*public\.orders +○ finished_copy'
k Enter
see 'phases|states'
picture detail

start 'penstock crm' "$columns" "$rows"
see 'applicant:1017'
k /
lit 'uid=applicant:1017'
k Enter
see '▸.*applicant:1017'
k H
see 't_importSubject'
picture session
k /
lit 'importSubject'
k Enter
see '▸.*t_importSubject'
k E
see 'Traceback|ValueError'
picture traceback

start 'penstock meltano' "$columns" "$rows"
see 'prod:tap-shop'
k /
lit 'prod:tap-shop'
k Enter
see '▸.*prod:tap-shop'
k H
see 'partial hides completed'
picture bookmarks
