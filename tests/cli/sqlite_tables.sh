#!/usr/bin/env bash
# Tables in SQLite that others made in their own way: without rowid, with a column of that name, with
# generated columns, with triggers. Each works exactly or is refused before anything is written.
. "$(dirname "$0")/harness.sh"
servers=$(cd "$OLDPWD" && cd "$(dirname "$0")/../servers" && pwd)

# sql SCRIPT: runs it on t.db; rows: all that lies in the tables
sql() { python3 -c 'import sqlite3, sys; sqlite3.connect("t.db").executescript(sys.argv[1])' "$1"; }
rows() { python3 -c 'import sqlite3
db = sqlite3.connect("t.db")
for name, in db.execute("select name from sqlite_master where type = \"table\" order by 1").fetchall():
    print(name, *db.execute(f"select * from {name} order by 1"), sep="\n")'; }
unchanged() { rows | cmp -s - before || fail "$1"; }

# vdk COLUMNS-AND-MORE: the table with two sources
state='{"streams": {"s": {"n": 1}}, "others": {}}'
vdk() {
    rm -f t.db
    sql "create table data_source_state ($1;
        insert into data_source_state (source_name, state_data, updated_at) values
        ('a', '$state', '2020-01-01 00:00:00'), ('b', '$state', '2020-01-01 00:00:00')"
    rows >before
    target=vdk+sqlite://$work/t.db
}
columns='source_name text primary key, state_data text, updated_at timestamp'
set_a() { run "$1" -t "$target" source set a --stream s --at /n 2 --yes; }
clear_a() { run "$1" -t "$target" source clear a --yes --force --confirm a; }
undo() { run 0 -t "$target" journal undo --yes --force; }

vdk "$columns) without rowid"
run 6 -t "$target" source list
err_has 'the table data_source_state has no rowid'
set_a 6
unchanged 'a refused table was written'

for hidden in 'rowid text' 'oid text' 'id integer primary key'; do
    vdk "${columns/ primary key/ unique}, $hidden)"
    set_a 0
    run 0 -t "$target" source get a
    out_has '"n": 2'
    undo
    unchanged "the undo left something beside $hidden"
done
vdk "$columns, _rowid_ text)"
run 6 -t "$target" source list
err_has 'a column hides it'

# what is made from other columns comes back by itself; what is not, does not
vdk "$columns, n int as (length(state_data)), m text as (upper(source_name)) stored)"
set_a 0
undo
unchanged 'the undo left something beside generated columns'
clear_a 0
undo
unchanged 'the undo of a removal left something beside generated columns'
vdk "$columns, owner text default 'ana')"
clear_a 6
err_has 'no undo could bring back: owner'
rm t.db
sql 'create table data_source_state (source_name text primary key, raw text, updated_at timestamp,
    state_data text as (raw) stored)'
run 6 -t "$target" source list
err_has 'there is no table data_source_state'

# triggers: a log and a moment are theirs; other records are not
trigger() { vdk "$columns); create table log (x); create trigger t $1 on data_source_state begin $2; end"; }
trigger 'after update' 'insert into log values (new.source_name)'
set_a 0
undo
rows | grep -v "^('a',)$" | cmp -s - before || fail 'the undo left more than the log'
trigger 'after update' "update data_source_state set updated_at = '2001-01-01 00:00:00' where source_name = new.source_name"
set_a 0
undo
trigger 'after delete' "delete from data_source_state where source_name = 'b'"
clear_a 6
err_has 'a trigger of the database changes or removes other rows'
unchanged 'a trigger removed another record'
trigger 'after update' "update data_source_state set state_data = '{}' where source_name = 'b'"
set_a 6
err_has 'a trigger of the database changes or removes other rows'
unchanged 'a trigger changed another record'
new_c() { run "$1" -t "$target" source copy a c --yes; }
trigger 'after insert' "update data_source_state set state_data = '{}' where source_name = 'b'"
new_c 6
err_has 'a trigger of the database changes or removes other rows'
unchanged 'a trigger changed another record behind a new one'
trigger 'after insert' "update data_source_state set updated_at = '2001-01-01 00:00:00' where source_name = new.source_name"
new_c 0
undo
unchanged 'the undo of a new record left something'
trigger 'before update' 'select raise(ignore)'
set_a 6
err_has 'nothing was kept'
unchanged 'a dropped write left something'
trigger 'before update' "select raise(abort, 'not today')"
set_a 6
err_has 'not today'
unchanged 'a refused write left something'

# Meltano's system database; FROM of its script TO
meltano() {
    rm -f t.db
    sql "$(sed "$1" "$servers/meltano_sqlite.sql")
        insert into state (state_id, completed_state, partial_state, updated_at) values
            ('dev:a-to-b', '{\"singer_state\": {\"n\": 1}}', '{}', '2026-01-01 00:00:00.000000');
        insert into runs (id, job_name, state, started_at, payload, payload_flags) values
            (500, 'dev:a-to-b', 'SUCCESS', '2026-01-01 00:00:00', '{\"singer_state\": {\"n\": 500}}', 1),
            (2, 'dev:a-to-b', 'SUCCESS', '2026-01-01 00:00:00', '{\"singer_state\": {\"n\": 2}}', 1);"
    rows >before
    target=meltano+sqlite://$work/t.db
}
meltano '/UNIQUE (state_id)/{n;s/)/) WITHOUT ROWID/}'
run 6 -t "$target" state list
err_has 'the table state has no rowid'
meltano '/last_heartbeat_at/{n;s/)/) WITHOUT ROWID/}'
run 6 -t "$target" state list
err_has 'the table runs has no rowid'

# an id of runs that is not the rowid: the payload of a run is its own; a row that gets none is not left
meltano 's/id INTEGER NOT NULL PRIMARY KEY/id BIGINT PRIMARY KEY/'
run 0 -t "$target" state history dev:a-to-b -o json
[ "$(field payload)" = '{"singer_state": {"n": 500}}
{"singer_state": {"n": 2}}' ] || fail 'these are not the payloads of the runs'
run 6 -t "$target" state set dev:a-to-b '{"singer_state": {"n": 3}}' --yes
err_has 'gives a new row no id'
unchanged 'a refused write left something'
finish
