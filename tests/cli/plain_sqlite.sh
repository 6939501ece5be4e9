#!/usr/bin/env bash
# The plain layout on SQLite where others made its tables in their own way: more columns, a lock that is
# a BLOB.
. "$(dirname "$0")/harness.sh"
servers=$(cd "$OLDPWD" && cd "$(dirname "$0")/../servers" && pwd)
run 0 demo --no-tui --dir demo
sql() { python3 -c 'import sqlite3, sys
db = sqlite3.connect("plain.db")
db.executescript(sys.argv[1])
print(*db.execute("select * from penstock_records where key like \"etl:%\""), *db.execute("select * from penstock_locks"), sep="\n")' "$1"; }
python3 - "$servers/plain_sqlite.sql" <<'PYTHON'
import sqlite3, sys
with sqlite3.connect("plain.db") as db:
    db.executescript(open(sys.argv[1]).read())
    with open("demo/plain/etl/7%2F16411.json") as file:
        db.execute("insert into penstock_records values ('etl:7/16411', ?, NULL)", (file.read(),))
PYTHON
target=etl+sqlite://$work/plain.db

# a write keeps the columns that it does not know, and its undo has them still; it brings back the
# moment of the row, or that there was none
for moment in "'2026-03-05T14:07:37.25Z'" NULL; do
    sql "update penstock_records set updated_at = $moment" >before
    run 0 -t "$target" table rollback 7/16411 --yes
    sql '' | cmp -s before - && fail 'nothing was written'
    run 0 -t "$target" journal undo --yes
    sql '' | cmp -s before - || fail "the undo left something: $moment"
done
sql "alter table penstock_records add owner text; update penstock_records set owner = 'ana'" >before
run 0 -t "$target" table rollback 7/16411 --yes
sql '' >after
grep -q "'ana')" after || fail "the other column was lost: $(cat after)"
cmp -s before after && fail 'nothing was written'
run 0 -t "$target" journal undo --yes
sql '' | cmp -s before - || fail 'the undo left something'

# a lock keeps writers out as a BLOB, too, and can be broken
sql "insert into penstock_locks values ('etl:7/16411', x'00ff')" >before
run 5 -t "$target" table rollback 7/16411 --yes --lock-wait 0
run 0 -t "$target" lock break 7/16411 --yes --confirm 7/16411 --reason stuck
sql '' | grep -q "x00" && fail 'the lock is there'
run 0 -t "$target" table rollback 7/16411 --yes
finish
