"""Django's caches, django-redis and python-redis-lock beside penstock, on sessions of the triggers
framework: with_triggers.py redis|own_redis|file|database_postgres|database_sqlite [TEST...]

The session's bytes and the lock are made and read by the real packages. What the framework does in
between is triggers_protocol.py, or the framework itself where that can be imported.
"""

import datetime
import decimal
import importlib.util
import json
import os
import time
import uuid

import django_stores  # first: it silences what is imported after it
from django.core.cache import caches
from django_stores import KEY, TIMEOUT

import harness
from harness import (CONFLICT, DONE, LOCKED, NOT_FOUND, REFUSED, Child, Held, Penstock, equal, fails,
                     rounds, until)

STEP = datetime.datetime(2024, 3, 5, 14, 7, 32, 373463)
FIRED = {"responses": {"name": "Zoë Müller 李 😀", "birthday": datetime.date(1990, 2, 28),
                       "spam": 0.75, "big": 1 << 80, "raw": b"\0\xff", "pair": (1, "2"),
                       "tags": {1, 2, 3}, "id": uuid.UUID(int=5), "sum": decimal.Decimal("12.50"),
                       "zone": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
                       "nan": float("inf"), "none": None, "yes": True, "odd": {5: "a number as a key"}}}
TRACE = "Traceback (most recent call last):\n  …\nValueError: spam ☃\n" + "x" * 70000 + "\n"


def config():
    """As the framework stores it: what it does not know first."""
    return {"t_import": {"after": ["page", "complete"], "unless": [], "andEvery": None,
                         "run": "app.import", "using": None, "withParams": {"p": {"q": 1}}},
            "t_score": {"own": "directive", "after": ["t_import"], "unless": ["cancelled"],
                        "andEvery": None, "run": "app.score", "using": None, "withParams": {}}}


def session(failed="failed"):
    """As the framework leaves it after a task failed; objects are shared as it shares them."""
    kwargs = {"page": FIRED, "complete": {}}
    stamps = {"created": STEP, "lastModified": STEP, "scheduled": STEP, failed: STEP}
    return {"tasks": config(),
            "instances": {"t_import#0": {
                "abandonState": [], "kwargs": kwargs,
                "metadata": {"timestamps": stamps, "actualKwargs": kwargs, "logLevel": 40,
                             "exceptionType": "builtins.ValueError", "exceptionInfo": TRACE,
                             "exceptionContext": {"spam_score": 0.75}},
                "status": failed, "task": "t_import"}},
            "metas": {"latest_kwargs": {"page": FIRED, "complete": kwargs["complete"]}}}


def comparable(value, since):
    """Equal for sessions that mean the same: sets are stored as lists in any order, and what was
    noted after `since` is now."""
    def walk(value, key=None):
        if isinstance(value, dict):
            return [(name, walk(item, name)) for name, item in value.items()]
        if isinstance(value, list) and key in ("after", "unless", "abandonState"):
            return sorted(value)
        if isinstance(value, datetime.datetime) and value.tzinfo is None and value > since:
            return "now"
        if isinstance(value, (list, tuple)):
            return type(value)(walk(item) for item in value)
        return type(value).__name__, value
    return walk(value)


def they_write_we_read(store):
    store.put("plain", session())
    store.put("applicant:1017 ü", session("running"))
    manager = store.manager("real")
    manager.update_configuration(config())
    manager.fire("page", FIRED)
    manager.fire("complete")
    equal({instance.status for instance in store.storage("real").get_unresolved_instances()},
          {"scheduled"})
    listed = {row["uid"]: row for row in store.penstock("session", "list", "--json").lines()}
    equal({uid: (row["tasks"], row["instances"], row["failed"]) for uid, row in listed.items()},
          {"plain": (2, 1, 1), "applicant:1017 ü": (2, 1, 0), "real": (2, 1, 0)})
    for uid in listed:
        shown = store.penstock("session", "get", uid).json()
        wanted = store.get(uid)
        equal(list(shown["tasks"]), list(wanted["tasks"]))
        row, = store.penstock("session", "instances", uid, "--json").lines()
        instance = wanted["instances"]["t_import#0"]
        equal((row["name"], row["status"], row["task"]), ("t_import#0", instance["status"], "t_import"))
        stamp = instance["metadata"]["timestamps"]["lastModified"]
        equal(row["last_modified"], stamp.isoformat() + "Z")
        given = shown["instances"]["t_import#0"]["kwargs"]["page"]["responses"]
        equal((given["name"], given["big"], given["spam"]),
              (FIRED["responses"]["name"], 1 << 80, 0.75))


def both_write_the_same(store):
    """Each operation once by the framework and once by penstock, on equal sessions."""
    kwargs = {"page": {"responses": {"name": "Zoë", "n": 1 << 70}}}
    result = {"subjectId": 7, "☃": [1.5, None]}
    cases = {
        "replay": (["replay", "t_import#0"], lambda m: m.replay_failed_instance("t_import#0")),
        "replay with kwargs": (["replay", "t_import#0", "--kwargs", json.dumps(kwargs)],
                               lambda m: m.replay_failed_instance("t_import#0", kwargs)),
        "skip": (["skip", "t_import#0"], lambda m: m.skip_failed_instance("t_import#0")),
        "skip with result": (["skip", "t_import#0", "--result", json.dumps(result)],
                             lambda m: m.skip_failed_instance("t_import#0", result=result)),
        "skip and cascade": (["skip", "t_import#0", "--cascade", "--result", json.dumps(result)],
                             lambda m: m.skip_failed_instance("t_import#0", True, result)),
        "resolve logs": (["resolve-logs", "t_import#0"],
                         lambda m: m.mark_instance_logs_resolved("t_import#0")),
        "fail": (["fail", "t_import#0"], lambda m: m.update_instance_status("t_import#0", "failed")),
    }
    for name, (words, call) in cases.items():
        since = datetime.datetime.utcnow() - datetime.timedelta(seconds=1)
        for uid in ("theirs", "ours"):
            store.put(uid, session("running" if name == "fail" else "failed"))
        before = store.stored("ours")[:2]
        call(store.manager("theirs", dispatch=False))
        args = ["session", words[0], "ours", *words[1:]]
        if name == "fail":
            args += ["--force", "--reason", "the worker is dead", "--confirm", "ours"]
        store.penstock.change(*args)
        equal(comparable(store.get("ours"), since), comparable(store.get("theirs"), since), name)
        equal(store.stored("ours")[:2], before, "protocol")
    return f"{len(cases)} operations"


def they_go_on_with_what_we_left(store):
    """A clone of ours is unstarted until something fires; what we skipped lets nothing wait."""
    store.put("s", session())
    left = store.left("s")
    store.penstock.change("session", "replay", "s", "t_import#0")
    assert left - 600 < store.left("s") <= left, f"{left} s to live became {store.left('s')}"
    store.manager("s").fire("page", {"again": 1})
    equal({name: instance.status for name, instance in store.storage("s").instances.items()},
          {"t_import#0": "replayed", "t_import#1": "scheduled"})
    store.manager("s").update_instance_status("t_import#1", "failed")
    store.penstock.change("session", "skip", "s", "t_import#1")
    equal(store.storage("s").get_unresolved_instances(), [])
    store.manager("s").fire("t_import", {"late": True})
    equal(store.storage("s")["t_score#0"].status, "scheduled")
    store.manager("s").update_instance_status("t_score#0", "finished")
    store.penstock.change("session", "set", "s", '{"a": [1, "ü"]}', "--at", "/metas/own")
    equal(store.get("s")["metas"]["own"], {"a": [1, "ü"]})
    store.penstock.change("session", "copy", "s", "s2")
    equal(store.get("s2"), store.get("s"))
    store.penstock.change("session", "clear", "s", "--reason", "done with", "--confirm", "s")
    equal(store.get("s"), None)
    caches[store.alias].delete(KEY + "s2")
    store.penstock("session", "get", "s2", exit=NOT_FOUND)


def undo_gives_back_theirs(store):
    store.put("s", session())
    before = store.stored("s")
    for words in (["replay", "s", "t_import#0"], ["skip", "s", "t_import#0"],
                  ["clear", "s", "--reason", "r", "--confirm", "s"]):
        store.penstock.change("session", *words)
        store.penstock.change("journal", "undo")
        equal(store.stored("s"), before, f"{words}")
        assert store.left("s") > TIMEOUT - 600, store.left("s")
    equal(store.get("s"), session())


def our_old_plan_is_refused(store):
    store.put("s", session())
    plan = os.path.join(harness.WORK, "plan.json")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(store.penstock("plan", "session", "replay", "s", "t_import#0", "-o", "json").out)
    store.manager("s").skip_failed_instance("t_import#0")
    skipped = store.stored("s")
    store.penstock.change("apply", plan, exit=CONFLICT)
    equal(store.stored("s"), skipped)


def their_lock_stops_us(store):
    store.put("s", session())
    before = store.stored("s")
    with store.storage("s").acquire_lock():
        store.penstock.change("session", "replay", "s", "t_import#0", "--lock-wait", "0.2", exit=LOCKED)
        equal(store.stored("s"), before)
        locks = store.penstock("lock", "list", "--json").lines()
        equal([(row["object"], row["mine"]) for row in locks], [("s", False)])
    equal(store.penstock("lock", "list", "--json").lines(), [])
    store.penstock.change("session", "replay", "s", "t_import#0")
    equal(store.lock_keys(), [])


def our_lock_stops_them(store):
    """They fail at once when they do not want to wait, and sleep until we release when they do."""
    store.put("s", session())

    def wait():
        with store.storage("s").acquire_lock():
            return time.monotonic()
    with Held(store.penstock, "s"):
        fails(store.LockAcquisitionFailed, store.storage("s").acquire_lock(block=False).__enter__)
        child = Child(wait)
        until(store.redis.waits, "they wait")
        assert child.running()
        waiters, = [row["waiters"] for row in store.penstock("lock", "list", "--json").lines()]
        equal(waiters, 1)
        released = time.monotonic()
    took = child.result() - released
    assert took < TIMEOUT / 2, f"woken after {took} s"  # by the signal: their own time-out is an hour
    equal(store.lock_keys(), [])


def a_broken_lock_wakes_them(store):
    """The lock of a worker that died: broken by us, whoever waits for it goes on at once."""
    store.put("s", session())
    store.redis.client.set("lock:triggers:s:lock", os.urandom(16), ex=TIMEOUT)

    def skip():
        store.manager("s").skip_failed_instance("t_import#0")
    child = Child(skip)
    until(store.redis.waits, "they wait")
    store.penstock.change("lock", "break", "s", "--confirm", "s", "--reason", "its worker is dead")
    child.result()
    equal(store.get("s")["instances"]["t_import#0"]["status"], "skipped")
    equal(store.lock_keys(), [])


def two_writers(store):
    """The lock is real: nothing of either side is lost."""
    store.put("s", dict(session(), metas={"latest_kwargs": {}, "ours": {}}))

    def theirs(i):
        store.manager("s").fire(f"trigger{i}", {"i": i})

    def ours(i):
        code = CONFLICT
        for _ in range(50):
            if code == DONE:
                break
            code = store.penstock.change("session", "set", "s", str(i), "--at", f"/metas/ours/o{i}",
                                         "--lock-wait", "600", exit=(DONE, CONFLICT)).code
        equal(code, DONE, "a conflict each time")
    rounds(theirs, ours)
    metas = store.get("s")["metas"]
    equal(metas["latest_kwargs"], {f"trigger{i}": {"i": i} for i in range(harness.ROUNDS)})
    equal(metas["ours"], {f"o{i}": i for i in range(harness.ROUNDS)})
    equal(store.get("s")["instances"], session()["instances"])


def every_form(store):
    """django-redis writes in many forms: each is read, edited and left in the form it had."""
    if not isinstance(store, django_stores.DjangoRedis):
        return "one form only"
    zipped = "django_redis.compressors.{0}.{1}Compressor"
    forms = {name: {"COMPRESSOR": zipped.format(name, label)} for name, label in (
        ("zlib", "Zlib"), ("lzma", "Lzma"), ("lz4", "Lz4"), ("zstd", "ZStd"), ("gzip", "Gzip"))}
    if not importlib.util.find_spec("django_redis.compressors.gzip"):
        del forms["gzip"]
    forms["protocol2"], forms["protocol5"] = {"PICKLE_VERSION": 2}, {"PICKLE_VERSION": 5}
    forms["herd"] = {"CLIENT_CLASS": "django_redis.client.HerdClient"}
    forms["json"] = {"SERIALIZER": "django_redis.serializers.json.JSONSerializer"}
    simple = {"tasks": config(), "metas": {"latest_kwargs": {"page": {"n": 1 << 70, "s": "☃"}}},
              "instances": {"t_import#0": dict(abandonState=[], kwargs={"page": {"s": "☃" * 200}},
                                               metadata={}, status="failed", task="t_import")}}
    from django_redis.cache import RedisCache
    for number, (name, options) in enumerate(forms.items(), 2):
        cache = RedisCache(store.redis.url, {"KEY_PREFIX": f"p:{name}", "VERSION": number,
                                             "TIMEOUT": TIMEOUT, "OPTIONS": options})
        key = KEY + "ü s"
        cache.set(key, simple)
        raw = f"p:{name}:{number}:{key}"
        before = store.redis.client.get(raw)
        penstock = Penstock(f"{store.address()}&prefix={harness.quote('p:' + name)}&version={number}")
        equal([row["uid"] for row in penstock("session", "list", "--json").lines()], ["ü s"], name)
        equal(penstock("session", "get", "ü s", "--at", "/metas/latest_kwargs/page").json(),
              {"n": 1 << 70, "s": "☃"}, name)
        penstock.change("session", "set", "ü s", '"ü☃"', "--at", "/metas/own")
        equal(cache.get(key), dict(simple, metas=dict(simple["metas"], own="ü☃")), name)
        equal(store.redis.client.get(raw)[:2], before[:2], name)
        penstock.change("journal", "undo")
        equal(store.redis.client.get(raw), before, name)
        cache.close()
    return " ".join(forms)


def listed(penstock):
    return [row["uid"] for row in penstock("session", "list", "--json").lines()]


def keys_of_ones_own(store):
    """KEY_PREFIX, VERSION and KEY_FUNCTION. What means something in a pattern of the store's means
    nothing in a prefix, so a neighbour whose prefix fits such a pattern is not listed."""
    def key_function(key, prefix, version):
        return f"own/{version}/{prefix}/{key}/end"
    own = {"KEY_PREFIX": "a%b_*[x]?", "VERSION": 7}
    near = dict(own, KEY_PREFIX="aXbY[x]Z")
    template = "own/{version}/{prefix}/triggers.storages.cache:{uid}/end"
    for options, more in ((own, ""), (dict(own, KEY_FUNCTION=key_function),
                                      "&template=" + harness.quote(template))):
        cache = store.cache(**options)
        store.put("u:1 ü", session(), cache=cache)
        store.put("near", session(), cache=store.cache(**dict(options, **near)))
        penstock = Penstock(f"{store.address()}&prefix={harness.quote(own['KEY_PREFIX'])}&version=7{more}")
        found = listed(penstock)
        assert "u:1 ü" in found and "near" not in found, found
        penstock.change("session", "skip", "u:1 ü", "t_import#0")
        equal(store.get("u:1 ü", cache)["instances"]["t_import#0"]["status"], "skipped")
        penstock.change("session", "clear", "u:1 ü", "--reason", "r", "--confirm", "u:1 ü")
        equal(store.get("u:1 ü", cache), None)
        penstock.change("journal", "undo")
        equal(store.get("u:1 ü", cache)["instances"]["t_import#0"]["status"], "skipped")


def uids_of_files(store):
    """The name of a file does not tell whose it is: the list that python-redis-lock leaves behind,
    and that never expires, does. Before there is one a session answers to its uid all the same."""
    if not isinstance(store, django_stores.FileCache):
        return "keys tell"
    caches[store.alias].set(KEY + "unlocked", session(), TIMEOUT)
    name = os.path.basename(store.path("unlocked"))
    caches[store.alias].set("no session", {"tasks": "what else an application keeps"}, TIMEOUT)
    found = listed(store.penstock)
    assert name in found and "unlocked" not in found, found
    equal(len(found), len(os.listdir(store.directory)) - 1)
    store.penstock.change("session", "skip", name, "t_import#0", exit=REFUSED)
    store.penstock.change("session", "skip", "unlocked", "t_import#0")
    equal(store.get("unlocked")["instances"]["t_import#0"]["status"], "skipped")
    with store.storage("unlocked").acquire_lock():
        pass
    equal(store.redis.client.ttl("lock-signal:triggers:unlocked:lock"), -1)
    found = listed(store.penstock)
    assert name not in found and "unlocked" in found, found


def expiry(store):
    """A session that never expires goes on so; one that has is shown where it still lies, never
    edited, brought back or deleted by looking, which is what Django itself does."""
    def expires(uid):
        return [row["expires_at"] for row in store.penstock("session", "list", "--json").lines()
                if row["uid"] == uid]
    store.put("for ever", session(), timeout=None)
    equal((store.expiry("for ever"), expires("for ever")), (store.never, [None]))
    store.penstock.change("session", "skip", "for ever", "t_import#0")
    equal((store.expiry("for ever"), expires("for ever")), (store.never, [None]))
    store.penstock.change("session", "clear", "for ever", "--reason", "r", "--confirm", "for ever")
    store.penstock.change("journal", "undo")
    equal((store.expiry("for ever"), store.get("for ever") is None), (store.never, False))

    seconds, code = 1, None
    while code != DONE:  # cleared while it lives, on a machine of any speed
        seconds *= 2
        store.put("late", session(), timeout=seconds)
        code = store.penstock.change("session", "clear", "late", "--reason", "r", "--confirm", "late",
                                     exit=(DONE, NOT_FOUND, CONFLICT, REFUSED)).code
    store.put("later", session(), timeout=seconds)
    until(lambda: store.get("later") is None, "its time is over")
    # SQLite's column says in no zone when: it is brought back for half a day, expired as it was
    no_zone = isinstance(store, django_stores.DatabaseSqlite)
    store.penstock.change("journal", "undo", exit=DONE if no_zone else REFUSED)
    equal(store.get("late"), None)

    store.put("past", session(), timeout=-3 * 86400)
    if isinstance(store, (django_stores.DjangoRedis, django_stores.OwnRedis)):
        store.penstock("session", "get", "past", exit=NOT_FOUND)
        return "Redis drops it itself"
    before = store.stored("past"), store.expiry("past")
    past, = expires("past")
    assert past < datetime.datetime.utcnow().isoformat(), past
    store.penstock("session", "get", "past")
    store.penstock.change("session", "skip", "past", "t_import#0", exit=REFUSED)
    equal((store.stored("past"), store.expiry("past")), before, "looking changed it")
    equal(store.get("past"), None)
    store.penstock("session", "get", "past", exit=NOT_FOUND)
    return None


def year_10000(store):
    """An application west of Greenwich without USE_TZ: its `never` is a moment of the year 10000."""
    if not isinstance(store, django_stores.DatabaseCache):
        return "not in a database"
    from django.test import override_settings
    with override_settings(USE_TZ=False, TIME_ZONE="America/Chicago"):
        store.put("never", session(), timeout=None)
        wanted = store.get("never")
    row, = [row for row in store.penstock("session", "list", "--json").lines() if row["uid"] == "never"]
    equal(row["expires_at"], None)
    store.penstock.change("session", "set", "never", "1", "--at", "/metas/own")
    equal(store.expiry("never"), store.never_in_chicago)
    store.penstock.change("session", "clear", "never", "--reason", "r", "--confirm", "never")
    store.penstock.change("journal", "undo")
    equal(store.expiry("never"), store.never_in_chicago)
    with override_settings(USE_TZ=False, TIME_ZONE="America/Chicago"):
        equal(store.get("never"), dict(wanted, metas=dict(wanted["metas"], own=1)))
        caches[store.alias].delete(KEY + "never")


def culling(store):
    """A cache that is too full deletes live sessions at any write of Django's: never at ours, and a
    session that went that way between plan and change is a conflict."""
    if isinstance(store, (django_stores.DjangoRedis, django_stores.OwnRedis)):
        return "Redis does not"
    uids = ["c0", "c1", "c2", "c3"]
    for uid in uids:
        store.put(uid, session())
    store.penstock.change("session", "skip", "c1", "t_import#0")
    equal([store.get(uid) is None for uid in uids], [False] * 4)
    plan = os.path.join(harness.WORK, "culled.json")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(store.penstock("plan", "session", "replay", "c2", "t_import#0", "-o", "json").out)
    store.put("one more", session(), cache=store.cache(OPTIONS={"MAX_ENTRIES": 1, "CULL_FREQUENCY": 0}))
    equal([store.get(uid) is None for uid in uids], [True] * 4, "Django has culled")
    store.penstock.change("apply", plan, exit=CONFLICT)
    equal(store.get("c2"), None)
    equal(listed(store.penstock), ["one more"])


def the_lock_of_a_dead_holder_ends(store):
    store.put("s", session())
    with store.storage("s").acquire_lock(ttl=1):
        store.penstock.change("session", "skip", "s", "t_import#0", "--lock-wait", "600")
    Held(store.penstock, "s").__enter__().die()
    fails(store.LockAcquisitionFailed, store.storage("s").acquire_lock(block=False).__enter__)
    key, = store.lock_keys()
    assert store.redis.client.pttl(key) > 0, "a lock that never ends"
    store.redis.client.pexpire(key, 1)
    until(lambda: not store.lock_keys(), "it ends")
    with store.storage("s").acquire_lock(block=False):
        pass


TESTS = [they_write_we_read, every_form, both_write_the_same, they_go_on_with_what_we_left,
         undo_gives_back_theirs, our_old_plan_is_refused, their_lock_stops_us, our_lock_stops_them,
         a_broken_lock_wakes_them, the_lock_of_a_dead_holder_ends, keys_of_ones_own, uids_of_files,
         expiry, year_10000, two_writers, culling]

if __name__ == "__main__":
    harness.main(django_stores.LAYOUTS, TESTS)
