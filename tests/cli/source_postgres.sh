#!/usr/bin/env bash
# VDK sources on a real server ($PENSTOCK_POSTGRES): the table data_source_state with columns of the
# types that ports give it, read back exactly as the plan said.
. "$(dirname "$0")/postgres.sh"
target=vdk+$(address)

key=text
table() {
    sql -c 'drop table if exists data_source_state' \
        -c "create table data_source_state (source_name $key primary key, state_data $1, updated_at $2 default current_timestamp $3)" \
        -c "insert into data_source_state (source_name, state_data) values ('crm', '{\"streams\": {\"orders\": {\"last_id\": 123456789012345678901, \"f\": 1.10}}, \"others\": {}}')" \
        -c "update data_source_state set updated_at = '2025-03-04 10:11:12.345678'"
}
whole() { sql -c "select state_data, updated_at from data_source_state where source_name = 'crm'"; }

for type in text 'character varying' json jsonb; do
    key=$type # as wide as the other column, where that can be a key
    [ "${type#json}" = "$type" ] || key='varchar(255)'
    for time in timestamp timestamptz; do
        table "$type" "$time" ''
        before=$(whole)
        run 0 -t "$target" source list -o json
        field_is bytes "$(sql -c "select octet_length(state_data::text) from data_source_state")"
        run 0 -t "$target" source get crm --stream orders --at /f
        out_is 1.10
        run 0 -t "$target" source set crm --stream b '{"zz": 1e2, "a": 1.0}' --yes
        out_has verified
        [ "$(sql -c "select updated_at > now() - interval '10 minutes' from data_source_state")" = t ] ||
            fail "updated_at of $type, $time"
        run 0 -t "$target" journal undo --yes
        out_has verified
        [ "$(whole)" = "$before" ] || fail "$type, $time: the undo is not exact: $(whole)"
        run 0 -t "$target" source clear crm --yes
        run 0 -t "$target" journal undo --yes
        [ "$(whole)" = "$before" ] || fail "$type, $time: the row did not come back: $(whole)"
    done
done

# what the type refuses is refused by the plan
run 6 -t "$target" source set crm --stream b '{"x": NaN}' --dry-run
err_has "the column's type refuses it"
table text timestamp ''
run 0 -t "$target" source set crm --stream b '{"x": NaN}' --yes
run 0 -t "$target" source get crm --stream b
out_is '{"x": NaN}'

# what a trigger drops or alters is not said to be done
for trigger in 'update return null' 'insert return null' 'delete return null' \
    "update new.state_data = '{}'; return new" "insert new.state_data = '{}'; return new"; do
    table text timestamp ''
    before=$(whole)
    sql -c "create or replace function meddle() returns trigger language plpgsql as \$\$begin ${trigger#* }; end\$\$" \
        -c "create trigger meddler before ${trigger%% *} on data_source_state for each row execute function meddle()"
    case $trigger in
    'insert return null') run 4 -t "$target" source set new --stream b '{"x": 1}' --yes ;;
    insert*) run 6 -t "$target" source set new --stream b '{"x": 1}' --yes ;;
    update*) run 6 -t "$target" source set crm --stream b '{"x": 1}' --yes ;;
    delete*) run 6 -t "$target" source clear crm --yes ;;
    esac
    [ "$rc" = 4 ] || err_has 'nothing was kept'
    [ "$(whole)" = "$before" ] || fail "$trigger: $(whole)"
    [ "$(sql -c 'select count(*) from data_source_state')" = 1 ] || fail "$trigger: rows"
done

# columns that are not ours stay, and keep a row from being removed
table text timestamp ', note text, n int'
sql -c "update data_source_state set note = 'keep'"
run 0 -t "$target" source set crm --stream b '{"x": 1}' --yes
[ "$(sql -c 'select note from data_source_state')" = keep ] || fail 'the note is gone'
run 6 -t "$target" source clear crm --yes
err_has 'no undo could bring back: note'
[ "$(sql -c 'select count(*) from data_source_state')" = 1 ] || fail 'the row is gone'

# NULL is damage, named with its command, and mended
sql -c 'update data_source_state set state_data = null'
run 0 -t "$target" check -o json
field_is code damaged
field_is fix "penstock -t '$target' source clear crm"
run 8 -t "$target" source get crm
sql -c 'alter table data_source_state drop note'
run 0 -t "$target" source clear crm --yes
run 0 -t "$target" check -o json
lines_are 0
finish
