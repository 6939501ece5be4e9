"""Django projects whose sessions lie in each cache, for with_triggers.py: what Django, django-redis and
the triggers framework do there, and how to look at what is stored by other means than theirs."""

import base64
import datetime
import hashlib
import logging
import os
import pickle
import time
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

import django
from django.conf import settings
from django.core.cache import caches
from django.core.management import call_command
from redis import StrictRedis

import harness
from harness import Penstock

TIMEOUT = 3600
KEY = "triggers.storages.cache:"


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
    # What is stored as the expiry of a session that never expires, and of one that an application
    # west of Greenwich without USE_TZ keeps for ever.
    never = never_in_chicago = None

    def __init__(self, **sessions):
        self.redis = Redis()
        self.default = {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": self.redis.url,
                        "TIMEOUT": TIMEOUT}
        self.configure()
        self.framework()
        self.penstock = Penstock(self.address())

    def framework(self):
        """Here, and not above: the framework wants Django's settings when it is imported."""
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
        self.Storage, self.Manager = CacheStorageBackend, Manager
        self.LockAcquisitionFailed = LockAcquisitionFailed

    def configure(self, databases=None, **more):
        settings.configure(CACHES=dict({"default": self.default}, **more), USE_TZ=True,
                           DATABASES=databases or {})
        django.setup()

    def close(self):
        for cache in caches.all() if hasattr(caches, "all") else []:
            cache.close()
        self.redis.close()

    def storage(self, uid):
        return self.Storage(uid, cache=self.alias, timeout=TIMEOUT)

    def manager(self, uid, dispatch=True):
        manager = self.Manager(self.storage(uid))
        manager.dispatch = dispatch
        return manager

    def cache(self, **options):
        """Another cache on the same data, of the same kind, with options of its own."""
        return type(caches[self.alias])(self.location, dict({"TIMEOUT": TIMEOUT}, **options))

    def put(self, uid, value, timeout=TIMEOUT, cache=None):
        """Under the lock, as the framework does: its signal list is what tells of a uid when the
        name of a file does not."""
        with self.storage(uid).acquire_lock():
            (cache or caches[self.alias]).set(KEY + uid, value, timeout)

    def get(self, uid, cache=None):
        return (cache or caches[self.alias]).get(KEY + uid)

    def lock_keys(self):
        return sorted(key.decode() for key in self.redis.client.scan_iter("lock:*"))


class DjangoRedis(Store):
    location = property(lambda self: self.redis.url)

    def address(self):
        return "triggers+" + self.redis.url

    def expiry(self, uid):
        """When it expires, as it is stored."""
        at = self.redis.client.pexpiretime(f":1:{KEY}{uid}")
        return None if at == -1 else at

    def stored(self, uid):
        return self.redis.client.get(f":1:{KEY}{uid}")

    def left(self, uid):
        """Seconds until it expires."""
        return self.redis.client.ttl(f":1:{KEY}{uid}")


class OwnRedis(Store):
    """Django's own RedisCache, since 4.0; the locks are still those of the default cache."""
    alias = "sessions"
    location = property(lambda self: self.sessions.url)

    def configure(self):
        self.sessions = Redis()
        super().configure(sessions={"BACKEND": "django.core.cache.backends.redis.RedisCache",
                                    "LOCATION": self.sessions.url})

    def address(self):
        return f"triggers+{self.sessions.url}&client=django&lock={harness.quote(self.redis.url)}"

    def stored(self, uid):
        return self.sessions.client.get(f":1:{KEY}{uid}")

    def left(self, uid):
        return self.sessions.client.ttl(f":1:{KEY}{uid}")

    def expiry(self, uid):
        at = self.sessions.client.pexpiretime(f":1:{KEY}{uid}")
        return None if at == -1 else at

    def close(self):
        super().close()
        self.sessions.close()


class FileCache(Store):
    alias = "sessions"
    location = property(lambda self: self.directory)

    def configure(self):
        self.directory = os.path.join(harness.WORK, "cache")
        super().configure(sessions={
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": self.directory})
        os.makedirs(self.directory)

    def address(self):
        return (f"triggers+file://{self.directory}?layout=djcache"
                f"&lock={harness.quote(self.redis.url)}")

    def path(self, uid):
        name = hashlib.md5(f":1:{KEY}{uid}".encode()).hexdigest()
        return os.path.join(self.directory, name + ".djcache")

    def stored(self, uid):
        with open(self.path(uid), "rb") as file:
            return file.read()

    def left(self, uid):
        return pickle.loads(self.stored(uid)) - time.time()

    def expiry(self, uid):
        return pickle.loads(self.stored(uid))


class DatabaseCache(Store):
    alias = "sessions"
    location = TABLE = "cache_table"
    never = never_in_chicago = "9999-12-31 23:59:59"

    def configure(self):
        super().configure({"default": self.database()}, sessions={
            "BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": self.TABLE})
        call_command("createcachetable", verbosity=0)

    def row(self, uid):
        from django.db import connection
        with connection.cursor() as cursor:
            cursor.execute(f"select value, expires from {self.TABLE} where cache_key = %s",
                           [f":1:{KEY}{uid}"])
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
    never_in_chicago = "10000-01-01 05:59:59"

    def database(self):
        self.server = harness.Postgres("django")
        return {"ENGINE": "django.db.backends.postgresql", "NAME": self.server.name,
                "USER": "postgres", "HOST": self.server.directory}

    def address(self):
        return f"triggers+{self.server.url}&table={self.TABLE}&lock={harness.quote(self.redis.url)}"

    def expiry(self, uid):
        """By the server, since Python knows no year 10000."""
        return self.server.sql(f"select expires at time zone 'UTC' from {self.TABLE}"
                               f" where cache_key = ':1:{KEY}{uid}'").strip()

    def close(self):
        super().close()
        self.server.close()


class DatabaseSqlite(DatabaseCache):
    def database(self):
        self.path = os.path.join(harness.WORK, "cache.db")
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": self.path}

    def address(self):
        return f"triggers+sqlite://{self.path}?table={self.TABLE}&lock={harness.quote(self.redis.url)}"

    def expiry(self, uid):
        _, expires = self.row(uid)
        return str(expires)


LAYOUTS = {"redis": DjangoRedis, "own_redis": OwnRedis, "file": FileCache,
           "database_postgres": DatabasePostgres, "database_sqlite": DatabaseSqlite}
