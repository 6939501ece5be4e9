#!/bin/sh
# locked.sh ADDRESS: the contract ($CONTRACT) on sessions whose lock lies in a Redis, as the caches of
# Django itself have it: in database $CONTRACT_DB, which is this test's own.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ -n "${PENSTOCK_REDIS:-}" ] || {
    PENSTOCK_SERVERS=redis exec "$here/../servers/run.sh" "$here/locked.sh" "$@"
}
case $1 in
*\?*) sep='&' ;;
*) sep='?' ;;
esac
lock=$(printf %s "$PENSTOCK_REDIS" | sed "s/db=0/db=$CONTRACT_DB/" | sed 's/%/%25/g; s/&/%26/g; s/?/%3F/g')
exec "$CONTRACT" "$1${sep}prefix=contract&lock=$lock"
