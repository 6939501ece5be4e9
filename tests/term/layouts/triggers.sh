# shellcheck shell=bash disable=SC2034,SC2154
# The sessions of `triggers` for layouts.sh: one, of which an instance failed.
key=:1:triggers.storages.cache:applicant:0017
lock_key=lock:triggers:applicant:0017:lock

# pickled AS: the session as a cache of Django keeps it: value; file: behind its expiry, as a stream
# of zlib; text: as base64
pickled() {
    PYTHONPATH=$(dirname "${BASH_SOURCE[0]}")/../requirements PYTHONDONTWRITEBYTECODE=1 python3 - "$1" <<'PYTHON'
import base64, fixture, pickle, sys, time, zlib
session = pickle.dumps(fixture.session(17, True), 4)
how = {
    "value": lambda: session,
    "file": lambda: pickle.dumps(time.time() + 3600, 4) + zlib.compress(session),
    "text": lambda: base64.b64encode(session),
}
sys.stdout.buffer.write(how[sys.argv[1]]())
PYTHON
}
session_applicant() { row='applicant:0017' inside='no such subject 17'; }
replay_failed() { action='r prepare a replay of every failed' plan='t_import#0'; }
skip_instance() { action='s skip +t_import' part='t_import#0' plan='skipped'; }
clear_session() { action='c clear +failed' plan='the whole session goes' typed=applicant:0017 typed_undo=''; }
locked_by_redis() { left='applicant:0017.*unknown'; }
lock_session() { head -c 16 /dev/urandom | set_key "$lock_key" PX 600000; }
# the Redis that holds the locks, as the value of lock= in an address
lock_address() { printf %s "${PENSTOCK_REDIS:?run this with tests/servers/run.sh}" | sed 's/%/%25/g; s/&/%26/g; s/?/%3F/g'; }

make_triggers_django_redis() {
    pickled value | set_key "$key" PX 3600000
    target=triggers+$PENSTOCK_REDIS
    session_applicant
    replay_failed
    locked_by_redis
}
dump_triggers_django_redis() { keys; }
lock_triggers_django_redis() { lock_session; }

make_triggers_rediscache() {
    ends=$(($(date +%s) + 3600))
    pickled value | set_key "$key" PXAT "${ends}000"
    target="triggers+$PENSTOCK_REDIS&client=django&lock=$(lock_address)"
    session_applicant
    clear_session
    locked_by_redis
}
# To the minute: a key that comes back gets what would be left of its time, and that was told as a
# rest, by an answer that may have been on its way for a while.
dump_triggers_rediscache() {
    local name end sum off
    keys | while read -r name end sum; do
        off=$((end / 1000 - ends))
        [ "${off#-}" -gt 60 ] || end='in time'
        printf '%s %s %s\n' "$name" "$end" "$sum"
    done
}
lock_triggers_rediscache() { lock_session; }

make_triggers_djcache() {
    mkdir "$work/cache"
    pickled file >"$work/cache/$(printf %s "$key" | md5sum | cut -d' ' -f1).djcache"
    chmod 640 "$work/cache/"*
    target="triggers+file://$work/cache?lock=none"
    left='locks cannot be seen: lock=none'
    session_applicant
    skip_instance
    row=$(printf %s "$key" | md5sum | cut -c1-12)
    typed=$(basename "$work/cache/"*)
}
dump_triggers_djcache() { files "$work/cache"; }

make_triggers_sqlite() {
    sqlite "$work/cache.db" "$(cat "$servers/django_cache.sql")
        INSERT INTO django_cache VALUES ('$key', '$(pickled text)', '9999-01-02 03:04:05');"
    target="triggers+sqlite://$work/cache.db?lock=none"
    left='locks cannot be seen: lock=none'
    session_applicant
    replay_failed
    typed=applicant:0017
}
dump_triggers_sqlite() { sqlite "$work/cache.db"; }

make_triggers_postgres_redis() {
    postgres django_cache
    sql "insert into django_cache values ('$key', '$(pickled text)', now() + interval '1 hour')"
    target="triggers+$address&lock=$(lock_address)"
    session_applicant
    clear_session
    locked_by_redis
}
dump_triggers_postgres_redis() { rows django_cache; }
lock_triggers_postgres_redis() { lock_session; }

make_triggers_file() {
    penstock demo --no-tui --dir "$work/demo" >/dev/null 2>&1 || fail 'no demo'
    mkdir -p "$work/plain/triggers"
    mv "$work/demo/plain/triggers/applicant:1017.json" "$work/plain/triggers/"
    target=triggers+file://$work/plain
    row='applicant:1017' inside='no such subject 8812'
    replay_failed
    plan='t_importSubject#0'
    left='applicant:1017.*ana@db1'
}
dump_triggers_file() { files "$work/plain"; }
lock_triggers_file() { plain_lock >"$work/plain/triggers/applicant:1017.lock"; }
