"""Meltano projects whose states lie in each layout, for with_meltano.py: what Meltano does there, and
how to look at what is stored by other means than Meltano and penstock."""

import base64
import contextlib
import importlib.util
import json
import logging
import os
import sys

# The trigger is what both write into a run that is an edit.
os.environ.update(MELTANO_SEND_ANONYMOUS_USAGE_STATS="false", MELTANO_CLI_LOG_LEVEL="warning",
                  MELTANO_JOB_TRIGGER="interop", NO_COLOR="1")

import structlog
from meltano.core.db import project_engine
from meltano.core.job import Payload
from meltano.core.migration_service import MigrationService
from meltano.core.project import Project
from meltano.core.state_service import StateService
from meltano.core.state_store import filesystem

import harness
from harness import DONE, Held, Penstock, equal, until

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
logging.disable(logging.CRITICAL)

PROJECT = """\
version: 1
project_id: 6f1d2c1e-0f4b-4f5c-8f7e-0a3f3b1f6c11
send_anonymous_usage_stats: false
default_environment: dev
environments:
- name: dev
- name: prod
state_backend:
  uri: {backend}
  lock_timeout_seconds: 600
database_uri: {database}
plugins:
  extractors:
  - name: tap-i
    namespace: tap_i
    executable: ./tap
    capabilities: [state]
  loaders:
  - name: target-i
    namespace: target_i
    executable: ./target
"""

# Keeps what it was given as state, waits while a file `hold` is there, then emits a new state.
TAP = """\
#!/usr/bin/env python3
import json, os, shutil, sys, time
here = os.path.dirname(os.path.abspath(__file__))
given = os.path.join(here, "given.json")
if os.path.exists(given):
    os.remove(given)
if "--state" in sys.argv:
    shutil.copy(sys.argv[sys.argv.index("--state") + 1], given)
print(json.dumps({"type": "SCHEMA", "stream": "s", "key_properties": [],
                  "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}))
print(json.dumps({"type": "RECORD", "stream": "s", "record": {"n": 1}}), flush=True)
open(os.path.join(here, "started"), "w").close()
while os.path.exists(os.path.join(here, "hold")):
    time.sleep(0.01)
with open(os.path.join(here, "emit.json")) as file:
    print(json.dumps({"type": "STATE", "value": json.load(file)}), flush=True)
"""

TARGET = """\
#!/usr/bin/env python3
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message["type"] == "STATE":
        print(json.dumps(message["value"]), flush=True)
"""

class Store:
    """A project whose states lie in one layout. Every call of Meltano's gets a service of its own,
    as every `meltano state` does: a session remembers what it read."""
    runs_here = True
    null_is_damage = False
    lock_is_writer = False  # no change is planned while somebody has the lock

    def __init__(self, name, backend="systemdb", database=None):
        self.root = os.path.join(harness.WORK, "project")
        os.makedirs(os.path.join(self.root, ".meltano"))
        self.database = database or f"sqlite:///{self.root}/.meltano/meltano.db"
        self.write("meltano.yml", PROJECT.format(backend=backend, database=self.database))
        self.write("tap", TAP, 0o755)
        self.write("target", TARGET, 0o755)
        self.name = name
        self.project = Project(self.root)
        engine, self.session = project_engine(self.project)
        MigrationService(engine).upgrade(silent=True)
        self.penstock = Penstock(self.address())

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.root, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def close(self):
        pass

    def meltano(self, call):
        """call(service) in a session of its own."""
        with self.session() as session:
            service = StateService(self.project, session)
            self.prepare(service)
            try:
                return call(service)
            finally:
                if hasattr(service, "close"):  # since 4.2
                    service.close()

    def prepare(self, service):
        pass

    def pair(self, state_id):
        """What Meltano loads: (completed, partial), None when there is nothing."""
        state = self.meltano(lambda service: service.state_store_manager.get(state_id))
        return state and (state.completed_state, state.partial_state)

    def put(self, state_id, completed, partial):
        """Stores a pair through Meltano's own calls."""
        def store(service):
            service.clear_state(state_id)
            if completed:
                service.set_state(state_id, json.dumps(completed))
            if partial:
                service.add_state(state_id, json.dumps(partial), Payload.INCOMPLETE_STATE)
        self.meltano(store)

    def our_lock(self, state_id):
        return Held(self.penstock, state_id)

    def lock_ends(self, state_id):
        """The time of a lock that its holder left behind is over."""

    def ids(self):
        return self.meltano(lambda service: set(service.list_state()))


class File(Store):
    locks = True

    def __init__(self):
        self.directory = os.path.join(harness.WORK, "states")
        super().__init__("file", "file://" + self.directory)

    def address(self):
        return f"meltano+file://{self.directory}?lock_timeout=600"

    def place(self, state_id):
        return os.path.join(self.directory, state_id)

    def stored(self, state_id):
        """The bytes of one state."""
        with open(os.path.join(self.place(state_id), "state.json"), "rb") as file:
            return file.read()

    def left(self, state_id):
        """What remains of it: nothing, when it was removed."""
        return os.path.exists(self.place(state_id))

    def put_halves(self, state_id, **halves):
        """Stores those halves and no others, as somebody else may have."""
        os.makedirs(self.place(state_id))
        with open(os.path.join(self.place(state_id), "state.json"), "w", encoding="ascii") as file:
            json.dump(halves, file)

    def lock_ends(self, state_id):
        lock = os.path.join(self.place(state_id), "lock")
        with open(lock, encoding="ascii") as file:
            taken = float(file.read())
        with open(lock, "w", encoding="ascii") as file:
            file.write(str(taken - 3600))

    def runs(self, state_id):
        return []

    @contextlib.contextmanager
    def unlocked_writes(self):
        """Meltano looks whether there is a lock and then writes its own over whatever is there by
        then. Yields a list with an entry for each time it did so, and lets it look again sooner
        than after a second."""
        overwritten = []
        manager, sleep = filesystem.LocalFilesystemStateStoreManager, filesystem.sleep
        writer = manager.get_writer

        def watched(self, path):
            if os.path.basename(path) == "lock":
                try:
                    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
                except FileExistsError:
                    overwritten.append(path)
            return writer(self, path)
        manager.get_writer, filesystem.sleep = watched, lambda seconds: sleep(seconds / 200)
        try:
            yield overwritten
        finally:
            manager.get_writer, filesystem.sleep = writer, sleep


class WindowsFile(File):
    """The same, by Meltano's manager for Windows, which names directories by base64. It wants a
    path where a URI has its host: here the name of a directory in the working directory."""
    runs_here = False

    def __init__(self):
        os.chdir(harness.WORK)
        super().__init__()

    def prepare(self, service):
        manager = getattr(filesystem, "_WindowsFilesystemStateStoreManager", None)
        manager = manager or filesystem.WindowsFilesystemStateStoreManager  # before 3.7
        service._state_store_manager = manager(uri="file://states", lock_timeout_seconds=600)

    def address(self):
        return f"meltano+file://{self.directory}?layout=base64&lock_timeout=600"

    def place(self, state_id):
        return os.path.join(self.directory, base64.b64encode(state_id.encode()).decode())


class SystemDatabase(Store):
    locks = False
    null_is_damage = True
    COLUMNS = "completed_state, partial_state, updated_at is null"
    RUNS = ("state, payload, payload_flags, trigger, started_at = ended_at, ended_at is null,"
            " last_heartbeat_at is null")

    def stored(self, state_id):
        """The columns of one state, text as it is stored; of its time, whether there is one."""
        rows = self.query(f"select {self.COLUMNS} from state where state_id = :id", state_id)
        return rows[0] if rows else None

    def left(self, state_id):
        return self.stored(state_id) is not None

    def runs(self, state_id):
        return self.query(f"select {self.RUNS} from runs where job_name = :id order by id", state_id)

    def unlocked_writes(self):
        return contextlib.nullcontext([])

    def query(self, sql, state_id):
        from sqlalchemy import text
        with self.session() as session:
            return [tuple(row) for row in session.execute(text(sql), {"id": state_id})]

    def put_halves(self, state_id, **halves):
        from sqlalchemy import text
        values = {f"{half}_state": json.dumps(value) for half, value in halves.items()}
        names = ["state_id", *values]
        with self.session() as session:
            session.execute(text(f"insert into state ({', '.join(names)})"
                                 f" values ({', '.join(':' + name for name in names)})"),
                            dict(values, state_id=state_id))
            session.commit()

    @contextlib.contextmanager
    def open_write(self, state_id):
        """A transaction of Meltano's that has written the state and is not over."""
        from sqlalchemy import text
        with self.session() as session:
            session.execute(text("update state set partial_state = '{}' where state_id = :id"),
                            {"id": state_id})
            yield
            session.rollback()


class Sqlite(SystemDatabase):
    def __init__(self):
        super().__init__("sqlite")

    def address(self):
        return f"meltano+sqlite://{self.root}/.meltano/meltano.db"


class Postgres(SystemDatabase):
    def __init__(self):
        self.server = harness.Postgres("meltano")
        super().__init__("postgres", database=self.server.url.replace("postgresql:", "postgresql+psycopg:"))

    def address(self):
        return "meltano+" + self.server.url

    def close(self):
        self.server.close()


class Plugin(Store):
    """The tables of the PostgreSQL state backend; the runs stay in the project's own database."""
    locks = True

    def __init__(self):
        self.server = harness.Postgres("meltano")
        register_plugin()
        super().__init__("plugin", self.server.url.replace("postgres@", "postgres:any@"))

    def address(self):
        return "meltano+" + self.server.url

    def stored(self, state_id):
        import psycopg
        with psycopg.connect(self.server.url) as db:
            return db.execute("select completed_state, partial_state, updated_at is null from state"
                              " where state_id = %s", [state_id]).fetchone()

    def left(self, state_id):
        return self.stored(state_id) is not None

    def runs(self, state_id):
        return []

    def put_halves(self, state_id, **halves):
        import psycopg
        names = ["state_id", *(f"{half}_state" for half in halves)]
        with psycopg.connect(self.server.url) as db:
            db.execute(f"insert into state ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})",
                       [state_id, *map(json.dumps, halves.values())])

    def lock_ends(self, state_id):
        """It ended with the session of its holder, as soon as the server has noticed."""
        until(lambda: self.server.sql("select count(*) from pg_locks join pg_database d"
                                      " on d.oid = database where locktype = 'advisory'"
                                      " and datname = current_database()") == "0\n", "the lock ends")

    @contextlib.contextmanager
    def our_lock(self, state_id):
        """None outlives a call of ours here. So a change is held up, by a third session that has
        the row, when it has taken the state's lock."""
        import psycopg
        with psycopg.connect(self.server.url) as third:
            third.execute("select from state where state_id = %s for update", [state_id])
            change = self.penstock.popen("state", "set", state_id, '{"singer_state": {"v": 3}}',
                                         "--yes", "--lock-wait", "600")
            until(lambda: third.execute("select count(*) from pg_locks join pg_database d"
                                        " on d.oid = database where locktype = 'advisory'"
                                        " and datname = current_database() and granted"
                                        ).fetchone() == (1,), "we have the lock")
            yield
        _, err = change.communicate(timeout=300)
        equal(change.returncode, DONE, err)

    @contextlib.contextmanager
    def unlocked_writes(self):
        """Every write is under the lock."""
        with sooner(self):
            yield []

    def close(self):
        self.server.close()


class PlainRedis(Store):
    """penstock's plain layout on Redis, as the state backend that docs/stores.md makes possible."""
    locks = lock_is_writer = True

    def __init__(self):
        self.url = harness.server("PENSTOCK_REDIS")
        self.prefix = f"interop[{os.getpid()}]*:"  # signs of a pattern are signs like others
        path, _, db = self.url.partition("://")[2].partition("?db=")
        register("plainredis", "meltano_redis_protocol:PlainRedisStateStoreManager")
        import redis
        self.redis = redis.Redis(unix_socket_path=path, db=int(db))
        super().__init__("redis", f"plainredis://{path}?{db}:{self.prefix[:-1]}")

    def address(self):
        return f"meltano+{self.url}&prefix={harness.quote(self.prefix)}"

    def stored(self, state_id):
        return self.redis.get(f"{self.prefix}meltano:{state_id}")

    def left(self, state_id):
        return self.stored(state_id) is not None

    def runs(self, state_id):
        return []

    def put_halves(self, state_id, **halves):
        self.redis.set(f"{self.prefix}meltano:{state_id}", json.dumps({"document": halves}))

    def lock_ends(self, state_id):
        lock = f"{self.prefix}lock:meltano:{state_id}"
        assert self.redis.pttl(lock) > 0, "a lock that never ends"
        self.redis.pexpire(lock, 1)
        until(lambda: not self.redis.exists(lock), "the lock ends")

    @contextlib.contextmanager
    def unlocked_writes(self):
        with sooner(self):
            yield []

    def close(self):
        for key in self.redis.scan_iter():
            if key.startswith(self.prefix.encode()):
                self.redis.delete(key)


@contextlib.contextmanager
def sooner(store):
    """Whoever waits for a lock looks again sooner than after a second, and as often more."""
    manager = store.meltano(lambda service: type(service.state_store_manager))
    module = sys.modules[manager.__module__]
    sleep, attempts = module.sleep, getattr(module, "ATTEMPTS", 0)
    module.sleep, module.ATTEMPTS = lambda seconds: sleep(seconds / 200), attempts * 200
    try:
        yield
    finally:
        module.sleep, module.ATTEMPTS = sleep, attempts


def register_plugin():
    if importlib.util.find_spec("meltano_state_backend_postgresql"):
        print("with the plug-in itself")
        return
    register("postgresql", "meltano_plugin_protocol:PostgreSQLStateStoreManager")


def register(scheme, manager):
    """Makes a backend known as an installed one is, for this process and for `meltano run`."""
    directory = os.path.join(harness.WORK, "plugins")
    info = os.path.join(directory, "interop_plugin-1.dist-info")
    os.makedirs(info)
    with open(os.path.join(info, "METADATA"), "w", encoding="utf-8") as file:
        file.write("Metadata-Version: 2.1\nName: interop-plugin\nVersion: 1\n")
    with open(os.path.join(info, "entry_points.txt"), "w", encoding="utf-8") as file:
        file.write(f"[meltano.state_backends]\n{scheme} = {manager}\n")
    sys.path.insert(0, directory)
    os.environ["PYTHONPATH"] = os.pathsep.join([directory, os.path.dirname(__file__)])


LAYOUTS = {"file": File, "windows": WindowsFile, "sqlite": Sqlite,
           "postgres": Postgres, "plugin": Plugin, "redis": PlainRedis}
