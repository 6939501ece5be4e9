#!/usr/bin/env bash
# Sessions in Django's file and database caches: what expires between a change and its undo, and a cache
# that its last session leaves empty.
. "$(dirname "$0")/harness.sh"
document='{"tasks": {}, "instances": {}, "metas": {"m": {"k": 1}}}'
changed='{"tasks": {}, "instances": {}, "metas": {"m": {"k": 2}}}'

# put SECONDS: session u expires in so many, in both caches
put() {
    python3 - "$1" "$document" <<'PYTHON'
import base64, hashlib, json, os, pickle, sqlite3, sys, time, zlib
seconds, session = float(sys.argv[1]), pickle.dumps(json.loads(sys.argv[2]), 4)
key = ":1:triggers.storages.cache:u"
os.makedirs("cache", exist_ok=True)
with open(f"cache/{hashlib.md5(key.encode()).hexdigest()}.djcache", "wb") as file:
    file.write(pickle.dumps(time.time() + seconds, 4) + zlib.compress(session))
with sqlite3.connect("cache.db") as db:
    db.execute("create table if not exists cache (cache_key varchar(255) primary key, value text, expires datetime)")
    db.execute("replace into cache values (?, ?, ?)", (key, base64.b64encode(session).decode(),
               time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + seconds))))
PYTHON
}
# seen: everything that both caches hold
seen() { cat cache/* 2>/dev/null; python3 -c 'import sqlite3; print(list(sqlite3.connect("cache.db").execute("select * from cache")))'; }
file="triggers+file://$work/cache?lock=none"
rows="triggers+sqlite://$work/cache.db?lock=none"

put 3600
seen >before
for target in "$file" "$rows"; do # that none is held is not known
    run 0 -t "$target" lock list
    err_has 'locks cannot be seen: lock=none'
    ! grep -q 'no locks' err || fail 'it says that there are no locks'
    run 6 -t "$target" lock show u
    err_has 'locks cannot be seen: lock=none'
done
for target in "$file" "$rows"; do
    run 0 -t "$target" session set u "$changed" --yes
    seen | cmp -s before - && fail 'nothing was written'
    run 0 -t "$target" journal undo --yes
    seen | cmp -s before - || fail 'the undo left something'
    run 0 -t "$target" session clear u --yes # the last one
    seen | cmp -s before - && fail 'nothing was removed'
    run 0 -t "$target" journal undo --yes
    seen | cmp -s before - || fail 'the session did not come back as it was'
done

# what has expired is gone for Django: it is neither cleared nor edited, and no undo writes to it
for target in "$file" "$rows"; do
    put 3600
    run 0 -t "$target" session set u "$changed" --yes
    python3 - <<'PYTHON'
import glob, pickle, sqlite3, time
for name in glob.glob("cache/*"):
    with open(name, "rb") as file:
        pickle.load(file)
        value = file.read()
    with open(name, "wb") as file:
        file.write(pickle.dumps(time.time() - 1, 4) + value)
with sqlite3.connect("cache.db") as db:
    db.execute("update cache set expires = '2020-01-01 00:00:00'")
PYTHON
    seen >before
    run 6 -t "$target" journal undo --yes
    run 6 -t "$target" session clear u --yes
    err_has 'expired'
    run 6 -t "$target" session set u "$document" --yes
    seen | cmp -s before - || fail 'an expired session was touched'
done

# a row that holds more than we know is changed, and not removed
put 3600
python3 -c 'import sqlite3; sqlite3.connect("cache.db").executescript("alter table cache add owner text; update cache set owner = 1")'
seen >before
run 6 -t "$rows" session clear u --yes
err_has 'no undo could bring back: owner'
run 0 -t "$rows" session set u "$changed" --yes
run 0 -t "$rows" journal undo --yes
seen | cmp -s before - || fail 'the other column was touched'
python3 -c 'import sqlite3; sqlite3.connect("cache.db").executescript("alter table cache drop owner")'

# a trigger that lets the session end is not passed over
put 3600
python3 -c 'import sqlite3; sqlite3.connect("cache.db").executescript("""create trigger t after update of value on cache
    begin update cache set expires = "2020-01-01 00:00:00" where cache_key = new.cache_key; end""")'
seen >before
run 6 -t "$rows" session set u "$changed" --yes
err_has 'drops or alters'
seen | cmp -s before - || fail 'written past the trigger'

# SQLite keeps `expires` without a zone: what may be over is said to be, and zone= makes it exact.
rm -f cache.db
# expires SECONDS: the row's text, as UTC, lies so far ahead; one instance has failed
expires() {
    put "$1"
    python3 - <<'PYTHON'
import base64, pickle, sqlite3
session = {"tasks": {"t": {"after": [], "unless": [], "andEvery": None, "run": "a.B", "using": None, "withParams": {}}},
           "instances": {"t#0": {"abandonState": [], "kwargs": {}, "metadata": {}, "status": "failed", "task": "t"}},
           "metas": {"latest_kwargs": {}}}
with sqlite3.connect("cache.db") as db:
    db.execute("update cache set value = ?", (base64.b64encode(pickle.dumps(session, 4)).decode(),))
PYTHON
}
hour=3600
for ahead in $((-3 * hour)) $((5 * hour)); do # each may be over
    expires "$ahead"
    run 0 -t "$rows" check -o json
    out_has 'the session has expired or expires in'
    run 0 -t "$rows" session show u
    out_has 'at the latest'
    run 0 -t "$rows" session clear u --dry-run
    run 0 -t "$rows" --dry-run session replay u t#0
    out_has 'where Django takes it for gone, this is in vain'
done
expires $((-15 * hour)) # over in every zone
run 0 -t "$rows" check -o json
out_has 'expired: Django takes it for gone'
expires $((20 * hour)) # in none
run 0 -t "$rows" check -o json
! grep -q expire out || fail 'it cannot have expired'

expires $((-1 * hour))
run 6 -t "$rows&zone=UTC" session replay u t#0 --yes
run 0 -t "$rows&zone=-05:00" --dry-run session replay u t#0 # as far as New York, 4 h are left
! grep -q expire out || fail '4 hours are left'
# one that cannot be read is not said to be over either, so that it can be removed and come back
python3 -c 'import sqlite3; db = sqlite3.connect("cache.db"); db.execute("update cache set value = ?", ("!",)); db.commit()'
seen >before
run 6 -t "$rows&zone=UTC" session clear u --yes --force --confirm u
err_has 'it has expired'
run 0 -t "$rows" session clear u --yes --force --confirm u
run 0 -t "$rows" journal undo --yes --force
seen | cmp -s before - || fail 'the undo did not bring it back'
put 3600
expires $((8 * hour))
run 6 -t "$rows&zone=+09:00" session replay u t#0 --yes # over for an hour in Tokyo
run 0 -t "$rows&zone=%2B07:30" session list -o json
[ $(($(date -u -d "$(field expires_at)" +%s) - $(date +%s))) -le 1800 ] || fail 'half an hour is left'
run 2 -t "$rows&zone=Tokyo" session list
err_has 'zone=Tokyo: neither UTC nor'
run 2 -t "$rows&zone=+90:00" session list # of +09:00 mistyped
err_has 'zone=+90:00: neither UTC nor'
finish
