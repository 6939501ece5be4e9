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
finish
