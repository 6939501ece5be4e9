#!/usr/bin/env bash
# Numbers carried through stores of every backend, on real servers: copied from one to the next and back
# to the first they are spelled as they were, and an import keeps what Python reads of them.
. "$(dirname "$0")/postgres.sh"
if [ -z "${PENSTOCK_REDIS:-}" ]; then
    echo "PENSTOCK_REDIS is not set: run this with tests/servers/run.sh" >&2
    [ "${CI:-}" = true ] && exit 1
    exit 77
fi
prefix=numbers$$:
numbers='"big": 1767225600123456789012, "small": -9007199254740993, "huge": 1e400, "minus": -0.0, "cents": 1.10, "exp": 1E+2, "tiny": 5e-324, "nan": NaN, "inf": -Infinity, "long": 0.1000000000000000055511151231257827'
other() { printf '%s' "$(address)" | sed "s|$database?|$database$1?|"; }
python3 - "$servers" <<'PY'
import sqlite3, sys
sqlite3.connect("meltano.db").executescript(open(sys.argv[1] + "/meltano_sqlite.sql").read())
sqlite3.connect("vdk.db").executescript(open(sys.argv[1] + "/vdk.sql").read())
PY
server -c "create database ${database}b"
also+=(-c "drop database ${database}b (force)")
sql -f "$servers/meltano_postgres.sql" -f "$servers/vdk.sql"
"$psql" -qX -v ON_ERROR_STOP=1 -d "$(other b)" -f "$servers/meltano_plugin.sql"

# chain NOUN ID WORDS STORE...: a copy from each store into the next; `got` of the last is that of the
# first, and of each between.
chain() {
    local noun=$1 id=$2 words=$3 from=$4 first next
    shift 4
    first=$(cat wanted)
    for next; do
        run 0 -t "$from" "$noun" copy "$id" "${id}2" --to "$next" $words --yes
        run 0 -t "$next" "$noun" get "${id}2" ${part-}
        [ "$(cat out)" = "$first" ] || fail "in $next: $(cat out)"
        from=$next id=${id}2
    done
}

# --- Meltano: both halves, through all of its stores and back to files
mkdir -p states/a windows/YQ== plain
printf '{"completed": {"singer_state": {%s}}, "partial": {"singer_state": {"p": {%s}}}}' "$numbers" "$numbers" >states/a/state.json
files=meltano+file://$work/states
stores=("meltano+$PENSTOCK_REDIS&prefix=$prefix" "meltano+sqlite://$work/meltano.db" "meltano+$(address)"
    "meltano+$(other b)&layout=plugin" "meltano+file://$work/windows?layout=base64" "meltano+file://$work/back")
mkdir back
for part in '--part completed' '--part partial'; do
    run 0 -t "$files" state get a $part
    cp out wanted
    chain state a --halves "$files" "${stores[@]}"
done
cmp -s states/a/state.json back/a222222/state.json || fail "there and back: $(cat back/a222222/state.json)"
unset part

# exported and imported: what Meltano itself, which is Python, would read of it and write
run 0 -t "$files" state export a
cp out a.json
python3 -c '
import json
print(json.dumps(json.load(open("a.json"))["a"]["completed"]))' >wanted
for store in "${stores[@]:0:4}"; do
    run 0 -t "$store" state import a.json --yes
    run 0 -t "$store" state get a --part completed
    cmp -s out wanted || fail "imported into $store: $(cat out)"
    run 0 -t "$store" state export a
    cp out again.json
    run 0 -t "$store" journal undo --yes
    python3 -c '
import json
print(repr(json.load(open("a.json"))) == repr(json.load(open("again.json"))))' >equal
    [ "$(cat equal)" = True ] || fail "exported again from $store"
done

# --- VDK: a source, through a file of its own, a job's properties, tables and Redis
mkdir d
printf '{"streams": {"s": {%s}}}' "$numbers" >d/a_state.json
printf '{}' >jobs.json
run 0 -t "vdk+file://$work/d" source get a
cp out wanted
chain source a '' "vdk+file://$work/d" "vdk+sqlite://$work/vdk.db" "vdk+$(address)" \
    "vdk+$PENSTOCK_REDIS&prefix=$prefix"
id=a222
run 0 -t "vdk+$PENSTOCK_REDIS&prefix=$prefix" source copy $id sales_job/$id --to "vdk+file://$work/jobs.json" --yes
run 0 -t "vdk+file://$work/jobs.json" source get sales_job/$id
[ "$(cat out)" = "$(cat wanted)" ] || fail "in the properties: $(cat out)"
run 0 -t "vdk+file://$work/jobs.json" source export sales_job/$id
sed 's|sales_job/||' out >source.json
run 0 -t "vdk+file://$work/d" source import source.json --yes
run 0 -t "vdk+file://$work/d" source export a a222
python3 -c '
import json
both = json.load(open("out"))
print(repr(both["a"]) == repr(both["a222"]))' >equal
[ "$(cat equal)" = True ] || fail "imported: $(cat d/a222_state.json)"
for key in $(redis-cli -s "$PENSTOCK_REDIS_SOCKET" --scan --pattern "$prefix*"); do
    redis-cli -s "$PENSTOCK_REDIS_SOCKET" del "$key" >/dev/null
done
finish
