#!/usr/bin/env bash
# R11: the context is unmistakable, in text, and comes from the live connection.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

databases+=("${database}_prod")
make_database "${database}_prod"
fresh_etl
fresh_states
cat >>"$XDG_CONFIG_HOME/penstock/config.yaml" <<YAML
  - {name: shop, address: "triggers+unix://$PENSTOCK_REDIS_SOCKET?db=1", env: prod, refresh: 1s}
YAML
# Of a picture that says how fresh it is: one that waits for its store says that instead.
header() {
    local line
    until_true 60 has_freshness || fail 'nothing is read'
    sed 's/ *as of.*//; s/ *$//' "$work/header"
}
has_freshness() { cap | head -1 >"$work/header" && grep -q ' as of ' "$work/header"; }

# Lists of several stores, with the same session and the same lock in two of them: on each row whose
# it is, however narrow the screen.
rows_of_several_stores() {
    fresh_sessions 20
    redis copy "$session" "$session" DB 1 >/dev/null
    redis -n 1 set "$lock" 'sixteen bytes of' PX 600000 >/dev/null
    start 'penstock cache shop' 80 24
    see 'cache +DEV +✖ +20 sessions'
    see 'shop +! PROD READ-ONLY +✖ +1 sessions?'
    k L
    see '▸? +triggers +applicant:0017 .* DEV'
    see '▸? +triggers +applicant:0017 .*! PROD'
    k Escape
    k :
    lit instances
    k Enter
    see 'instances of all sessions +23'
    filter_by 0017 # the order is Redis's
    see ' 4 of 23'
    see 'applicant:0017 +t_import#0 .* DEV'
    see 'applicant:0017 +t_import#0 .*! PROD'
}
session=:1:triggers.storages.cache:applicant:0017
lock=lock:triggers:applicant:0017:lock

A1() {
    start 'penstock dev' 140 40
    see 'public\.orders'
    see "^ dev +DEV .*$database"
    k x
    see 'rollback one step'
    see '(┌|\+).*DEV dev'
    see "^ dev +DEV .*$database"
    start "penstock 'etl+$(address_of "$database")'" 140 40
    see 'public\.orders'
    see '^ .* (ENV\?|LOCAL) '
    start 'penstock dev prod states'
    see '1 PROD READ-ONLY'
    see '2 DEV'
    see 'prod .*PROD'
    rows_of_several_stores
    start 'NO_COLOR=1 penstock prod' 140 40
    see 'public\.orders'
    see '^ prod +PROD READ-ONLY'
    # a bar over the whole width, without a colour: reverse video to the last cell
    capc | head -1 | grep -q $'\e\\[[0-9;]*7m' || fail 'no bar'
    ! capc | grep -qP '\e\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m' || fail 'a colour in spite of NO_COLOR'
}

A2() {
    local by_option by_command
    start 'penstock -t prod' 140 40
    see 'public\.orders'
    by_option=$(header)
    start 'penstock dev prod' 140 40
    see '6 errored.*34 ready'
    until_true 60 both_read || fail 'prod is not read'
    k :
    lit 'context prod'
    k Enter
    see '^ prod +PROD'
    see 'public\.orders'
    by_command=$(header)
    [ "$by_option" = "$by_command" ] || fail "'$by_option' is not '$by_command'"
}
both_read() { [ "$(cap | grep -c '34 ready')" = 2 ]; }

A3() {
    cat >>"$XDG_CONFIG_HOME/penstock/config.yaml" <<YAML
  - {name: sly, address: "etl+$(address_of "${database}_prod")", env: dev, refresh: 1s}
YAML
    start 'penstock sly' 140 40
    see 'warning|PROD|prod'
    see 'public\.orders'
    see 'PROD READ-ONLY'
    k x
    see 'READ-ONLY: '
}

A4() {
    start 'penstock -t dev' 140 40
    see '^ dev +DEV'
    local first
    first=$(header)
    (
        starts=$((starts + 50))
        start 'penstock -t prod' 140 40
        see '^ prod +PROD'
        t kill-server
    )
    k C-r
    see '^ dev +DEV'
    [ "$(header)" = "$first" ] || fail 'the context changed'
}

check A1 'name, live database, environment on every screen; counts with several; without colour too'
check A2 'by option and by command: the same header'
check A3 'a name that says dev for a place that is prod: warned, and the rules of prod'
check A4 'two programs do not change each other'
report
