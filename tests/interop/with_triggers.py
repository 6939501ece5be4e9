"""Django's caches, django-redis and python-redis-lock beside penstock, on sessions of the triggers
framework: with_triggers.py redis|own_redis|file|database_postgres|database_sqlite [TEST...]

The session's bytes and the lock are made and read by the real packages. What the framework does in
between is triggers_protocol.py, or the framework itself where that can be imported.
"""

import base64
import datetime
import decimal
import hashlib
import importlib.util
import json
import logging
import os
import pickle
import time
import uuid
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import django
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from redis import StrictRedis

import harness
from harness import (CONFLICT, DONE, LOCKED, NOT_FOUND, Child, Held, Penstock, equal, fails, rounds,
                     until)

STEP = datetime.datetime(2024, 3, 5, 14, 7, 32, 373463)
FIRED = {"responses": {"name": "Zoë Müller 李 😀", "birthday": datetime.date(1990, 2, 28),
                       "spam": 0.75, "big": 1 << 80, "raw": b"\0\xff", "pair": (1, "2"),
                       "tags": {1, 2, 3}, "id": uuid.UUID(int=5), "sum": decimal.Decimal("12.50"),
                       "zone": datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc),
                       "nan": float("inf"), "none": None, "yes": True, "odd": {5: "a number as a key"}}}
TRACE = "Traceback (most recent call last):\n  …\nValueError: spam ☃\n" + "x" * 70000 + "\n"
TIMEOUT = 3600


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


class Redis:
    """A database of the tests' Redis that no other test uses."""

    def __init__(self):
        self.socket = harness.server("PENSTOCK_REDIS_SOCKET")
        for number in range(4, 16):
            self.url = f"unix://{self.socket}?db={number}"
            self.client = StrictRedis.from_url(self.url)
            if self.client.set("interop", os.getpid(), nx=True):
                self.number = number
                return
            self.client.close()
        raise AssertionError("every database of the Redis is taken")

    def waits(self):
        """Is anybody asleep for a lock in it?"""
        return any(client["cmd"] == "blpop" and client["db"] == str(self.number)
                   for client in self.client.client_list())

    def close(self):
        self.client.flushdb()
        self.client.close()


class Store:
    alias = "default"

    def __init__(self, **sessions):
        self.redis = Redis()
        self.default = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": self.redis.url,
                        "TIMEOUT": TIMEOUT}
        self.configure()
        # Here, and not above: the framework wants Django's settings when it is imported.
        global CacheStorageBackend, LockAcquisitionFailed, Manager
        try:
            from triggers.locking import LockAcquisitionFailed
            from triggers.manager import TriggerManager
            from triggers.storages.cache import CacheStorageBackend
            print("with the framework itself")
        except ImportError:
            from triggers_protocol import CacheStorageBackend, LockAcquisitionFailed, TriggerManager

        class Manager(TriggerManager):
            """Dispatches nothing; `scheduled` notes what it would have."""
            dispatch = True

            def _schedule_task(self, instance):
                if self.dispatch:
                    self.update_instance_status(instance.name, "scheduled")
        self.penstock = Penstock(self.address())

    def configure(self, databases=None, **more):
        settings.configure(CACHES=dict({"default": self.default}, **more), USE_TZ=True,
                           DATABASES=databases or {})
        django.setup()

    def close(self):
        for cache in caches.all() if hasattr(caches, "all") else []:
            cache.close()
        self.redis.close()

    def storage(self, uid):
        return CacheStorageBackend(uid, cache=self.alias, timeout=TIMEOUT)

    def manager(self, uid, dispatch=True):
        manager = Manager(self.storage(uid))
        manager.dispatch = dispatch
        return manager

    def put(self, uid, value):
        """Under the lock, as the framework does: its signal list is what tells of a uid when the
        name of a file does not."""
        with self.storage(uid).acquire_lock():
            caches[self.alias].set("triggers.storages.cache:" + uid, value, TIMEOUT)

    def get(self, uid):
        return caches[self.alias].get("triggers.storages.cache:" + uid)

    def lock_keys(self):
        return sorted(key.decode() for key in self.redis.client.scan_iter("lock:*"))


class DjangoRedis(Store):
    def address(self):
        return "triggers+" + self.redis.url

    def stored(self, uid):
        return self.redis.client.get(":1:triggers.storages.cache:" + uid)

    def left(self, uid):
        """Seconds until it expires."""
        return self.redis.client.ttl(":1:triggers.storages.cache:" + uid)


class OwnRedis(Store):
    """Django's own RedisCache, since 4.0; the locks are still those of the default cache."""
    alias = "sessions"

    def configure(self):
        self.sessions = Redis()
        super().configure(sessions={"BACKEND": "django.core.cache.backends.redis.RedisCache",
                                    "LOCATION": self.sessions.url})

    def address(self):
        return f"triggers+{self.sessions.url}&client=django&lock={harness.quote(self.redis.url)}"

    def stored(self, uid):
        return self.sessions.client.get(":1:triggers.storages.cache:" + uid)

    def left(self, uid):
        return self.sessions.client.ttl(":1:triggers.storages.cache:" + uid)

    def close(self):
        super().close()
        self.sessions.close()


class FileCache(Store):
    alias = "sessions"

    def configure(self):
        self.directory = os.path.join(harness.WORK, "cache")
        super().configure(sessions={
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": self.directory})
        os.makedirs(self.directory)

    def address(self):
        return (f"triggers+file://{self.directory}?layout=djcache"
                f"&lock={harness.quote(self.redis.url)}")

    def stored(self, uid):
        name = hashlib.md5(f":1:triggers.storages.cache:{uid}".encode()).hexdigest()
        with open(os.path.join(self.directory, name + ".djcache"), "rb") as file:
            return file.read()

    def left(self, uid):
        return pickle.loads(self.stored(uid)) - time.time()


class DatabaseCache(Store):
    alias = "sessions"
    TABLE = "cache_table"

    def configure(self):
        super().configure({"default": self.database()}, sessions={
            "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": self.TABLE})
        call_command("createcachetable", verbosity=0)

    def row(self, uid):
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute(f"select value, expires from {self.TABLE} where cache_key = %s",
                           [":1:triggers.storages.cache:" + uid])
            return cursor.fetchone() or (None, None)

    def stored(self, uid):
        value, _ = self.row(uid)
        return value and base64.b64decode(value)

    def left(self, uid):
        _, expires = self.row(uid)
        if isinstance(expires, str):
            expires = datetime.datetime.fromisoformat(expires)
        expires = expires.replace(tzinfo=expires.tzinfo or datetime.timezone.utc)
        return (expires - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


class DatabasePostgres(DatabaseCache):
    def database(self):
        self.server = harness.Postgres("django")
        return {"ENGINE": "django.db.backends.postgresql", "NAME": self.server.name,
                "USER": "postgres", "HOST": self.server.directory}

    def address(self):
        return f"triggers+{self.server.url}&table={self.TABLE}&lock={harness.quote(self.redis.url)}"

    def close(self):
        super().close()
        self.server.close()


class DatabaseSqlite(DatabaseCache):
    def database(self):
        self.path = os.path.join(harness.WORK, "cache.db")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": self.path}

    def address(self):
        return f"triggers+sqlite://{self.path}?table={self.TABLE}&lock={harness.quote(self.redis.url)}"


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
    caches[store.alias].delete("triggers.storages.cache:s2")
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
        fails(LockAcquisitionFailed, store.storage("s").acquire_lock(block=False).__enter__)
        child = Child(wait)
        until(store.redis.waits, "they wait")
        assert child.running()
        waiters, = [row["waiters"] for row in store.penstock("lock", "list", "--json").lines()]
        equal(waiters, 1)
        released = time.monotonic()
    took = child.result() - released
    assert took < 60, f"woken after {took} s"  # by the signal: their own time-out is an hour
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
                                         "--lock-wait", "60", exit=(DONE, CONFLICT)).code
        equal(code, DONE, "a conflict each time")
    rounds(theirs, ours)
    metas = store.get("s")["metas"]
    equal(metas["latest_kwargs"], {f"trigger{i}": {"i": i} for i in range(harness.ROUNDS)})
    equal(metas["ours"], {f"o{i}": i for i in range(harness.ROUNDS)})
    equal(store.get("s")["instances"], session()["instances"])


def every_form(store):
    """django-redis writes in many forms: each is read, edited and left in the form it had."""
    if not isinstance(store, DjangoRedis):
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
        key = "triggers.storages.cache:ü s"
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


LAYOUTS = {"redis": DjangoRedis, "own_redis": OwnRedis, "file": FileCache,
           "database_postgres": DatabasePostgres, "database_sqlite": DatabaseSqlite}
TESTS = [they_write_we_read, every_form, both_write_the_same, they_go_on_with_what_we_left,
         undo_gives_back_theirs, our_old_plan_is_refused, their_lock_stops_us, our_lock_stops_them,
         a_broken_lock_wakes_them, two_writers]

if __name__ == "__main__":
    harness.main(LAYOUTS, TESTS)
