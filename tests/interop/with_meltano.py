"""Meltano and penstock on the same states: with_meltano.py file|sqlite|postgres|plugin [TEST...]

Meltano is called through its StateService, as `meltano state` and every run call it, and runs real
pipelines whose tap and target are scripts. 3.x and 4.x take the same calls.
"""

import contextlib
import importlib.util
import json
import logging
import os
import sqlite3
import subprocess
import sys
import time

# The trigger is what both write into a run that is an edit.
os.environ.update(MELTANO_SEND_ANONYMOUS_USAGE_STATS="false", MELTANO_CLI_LOG_LEVEL="warning",
                  MELTANO_JOB_TRIGGER="interop", NO_COLOR="1")

import structlog
from meltano.core import state_store
from meltano.core.db import project_engine
from meltano.core.job import Payload
from meltano.core.migration_service import MigrationService
from meltano.core.project import Project
from meltano.core.state_service import StateService
from meltano.core.state_store import filesystem

import harness
from harness import CONFLICT, DONE, LOCKED, NOT_FOUND, Child, Held, Penstock, equal, rounds, until

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

SPACED = "an id with spaces, no convention"
# State id -> what is stored: the samples of the reference, numbers and escapes that a careless
# reader would change among them.
SAMPLES = {
    "dev:tap-gitlab-to-target-postgres": ({"singer_state": {"bookmarks": {
        "commits": {"replication_key": "created_at",
                    "replication_key_value": "2026-03-01T12:00:00.000000+00:00"},
        "issues": {"partitions": [{"context": {"project_id": 42}, "replication_key": "updated_at",
                                   "replication_key_value": "2026-02-27T08:15:30Z"},
                                  {"context": {"project_id": 77}, "replication_key": "updated_at",
                                   "replication_key_value": "2026-02-28T23:59:59Z"}]}}}}, {}),
    "nightly-backfill": ({}, {"singer_state": {"bookmarks": {"orders": {"id": 900417}}}}),
    "prod:tap-shop-to-target-snowflake:eu": (
        {"singer_state": {"bookmarks": {"orders": {"updated_at": "2026-01-01T00:00:00Z",
                                                   "cursor": None},
                                        "items": {"updated_at": "2026-01-01T00:00:00Z"}},
                          "currently_syncing": None}},
        {"singer_state": {"bookmarks": {"orders": {"updated_at": "2026-01-15T00:00:00Z"},
                                        "refunds": {"updated_at": "2026-01-15T00:00:00Z"}},
                          "currently_syncing": "orders"}}),
    "prod:tap-pg-to-target-s3": ({"singer_state": {"bookmarks": {"public-orders": {
        "last_replication_method": "LOG_BASED", "lsn": 108197216, "version": 1767225600123,
        "xmin": None, "big": 1767225600123456789012}}, "currently_syncing": None}}, {}),
    "dev:tap-ünïcode-to-target-☃": ({"singer_state": {"bookmarks": {"straße": {
        "näme": "日本語 😀", "path": "C:\\tmp\\a/b", "tab": "a\tb", "q": 'say "hi"', "nul": "\0",
        "del": "\x7f", "half": "\ud800"}}}}, {}),
    SPACED: ({"singer_state": {"f": [1.0, 0.1, 1e16, 1e-05, -0.0, float("inf"), 1e22, 123456.789],
                               "e": {}, "l": [], "": {"": ""}}}, {}),
    "2026-01-01T000000--tap-a--target-b": ({"singer_state": {}}, {}),
}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


class Store:
    """A project whose states lie in one layout. Every call of Meltano's gets a service of its own,
    as every `meltano state` does: a session remembers what it read."""

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
            try:
                return call(service)
            finally:
                if hasattr(service, "close"):  # since 4.2
                    service.close()

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

    def ids(self):
        return self.meltano(lambda service: set(service.list_state()))


class File(Store):
    locks = True

    def __init__(self):
        self.directory = os.path.join(harness.WORK, "states")
        super().__init__("file", "file://" + self.directory)

    def address(self):
        return "meltano+file://" + self.directory

    def stored(self, state_id):
        """The bytes of one state."""
        with open(os.path.join(self.directory, state_id, "state.json"), "rb") as file:
            return file.read()

    def left(self, state_id):
        """What remains of it: nothing, when it was removed."""
        return os.path.exists(os.path.join(self.directory, state_id))

    def lock_path(self, state_id):
        return os.path.join(self.directory, state_id, "lock")

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


class SystemDatabase(Store):
    locks = False
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

    @contextlib.contextmanager
    def our_lock(self, state_id):
        """None outlives a call of ours here. So a change is held up, by a third session that has
        the row, when it has taken the state's lock."""
        import psycopg
        with psycopg.connect(self.server.url) as third:
            third.execute("select from state where state_id = %s for update", [state_id])
            change = self.penstock.popen("state", "set", state_id, '{"singer_state": {"v": 3}}',
                                         "--yes", "--lock-wait", "60")
            until(lambda: third.execute("select count(*) from pg_locks where locktype = 'advisory'"
                                        " and granted").fetchone() == (1,), "we have the lock")
            yield
        _, err = change.communicate(timeout=60)
        equal(change.returncode, DONE, err)

    @contextlib.contextmanager
    def unlocked_writes(self):
        """Every write is under the lock; they only look at it sooner than after a second."""
        manager = self.meltano(lambda service: type(service.state_store_manager))
        module = sys.modules[manager.__module__]
        sleep = module.sleep
        module.sleep = lambda seconds: sleep(seconds / 200)
        try:
            yield []
        finally:
            module.sleep = sleep

    def close(self):
        self.server.close()


def register_plugin():
    """Makes the plug-in known as an installed one is, for this process and for `meltano run`."""
    if importlib.util.find_spec("meltano_state_backend_postgresql"):
        print("with the plug-in itself")
        return
    directory = os.path.join(harness.WORK, "plugins")
    info = os.path.join(directory, "interop_plugin-1.dist-info")
    os.makedirs(info)
    with open(os.path.join(info, "METADATA"), "w", encoding="utf-8") as file:
        file.write("Metadata-Version: 2.1\nName: interop-plugin\nVersion: 1\n")
    with open(os.path.join(info, "entry_points.txt"), "w", encoding="utf-8") as file:
        file.write("[meltano.state_backends]\n"
                   "postgresql = meltano_plugin_protocol:PostgreSQLStateStoreManager\n")
    sys.path.insert(0, directory)
    os.environ["PYTHONPATH"] = os.pathsep.join([directory, os.path.dirname(__file__)])


def they_write_we_read(store):
    for state_id, (completed, partial) in SAMPLES.items():
        store.put(state_id, completed, partial)
    for state_id in SAMPLES:
        merged = store.meltano(lambda service: service.get_state(state_id))
        equal(store.penstock("state", "get", state_id).out, compact(merged) + "\n", state_id)
        completed, partial = store.pair(state_id)
        # A half alone is shown as it is stored, in Meltano's own spelling.
        for name, half in (("completed", completed), ("partial", partial)):
            equal(store.penstock("state", "get", state_id, "--part", name).out,
                  json.dumps(half) + "\n", state_id)
    listed = store.penstock("state", "list", "--json").lines()
    equal({row["id"] for row in listed}, store.ids())
    equal({row["id"]: row["completed"] for row in listed},
          {state_id: bool(completed) for state_id, (completed, _) in SAMPLES.items()})
    return f"{len(SAMPLES)} states"


def both_write_the_same(store):
    """Each operation once by Meltano and once by penstock, on two states that began alike: what is
    stored afterwards, and what a run history says of it, is the same to the byte."""
    value = json.dumps({"singer_state": {"bookmarks": {"neu ☃": {"v": 2.50, "n": 10 ** 20}}}})
    more = json.dumps({"singer_state": {"bookmarks": {"orders": {"updated_at": None}}, "x": []}})
    cases = 0
    for completed, partial in list(SAMPLES.values()) + [(None, None)]:
        for verb in ("set", "merge", "copy", "move", "merge --from", "clear"):
            if completed is None and verb in ("copy", "move", "clear"):
                continue
            theirs, ours, source = f"theirs-{verb}", f"ours-{verb}", f"source-{verb}"
            store.put(source, {"singer_state": {"bookmarks": {"from": {"here": 1}}}}, {})
            for state_id in (theirs, ours):
                store.put(state_id, completed, partial)
                if completed is None:
                    assert not store.left(state_id)
            before = len(store.runs(theirs)), len(store.runs(ours))
            at = f"{verb} on {completed!r}, {partial!r}"
            run = store.penstock.change
            if verb == "set":
                store.meltano(lambda service: service.set_state(theirs, value))
                run("state", "set", ours, value)
            elif verb == "merge":
                store.meltano(lambda service: service.add_state(theirs, more, Payload.INCOMPLETE_STATE))
                run("state", "merge", ours, more)
            elif verb == "merge --from":
                store.meltano(lambda service: service.merge_state(source, theirs))
                run("state", "merge", ours, "--from-state-id", source)
            elif verb == "copy":
                store.meltano(lambda service: service.copy_state(theirs, theirs + "2"))
                run("state", "copy", ours, ours + "2")
                equal(store.stored(ours + "2"), store.stored(theirs + "2"), at)
            elif verb == "move":
                store.meltano(lambda service: service.move_state(theirs, theirs + "2"))
                run("state", "move", ours, ours + "2")
                equal(store.stored(ours + "2"), store.stored(theirs + "2"), at)
            else:
                store.meltano(lambda service: service.clear_state(theirs))
                run("state", "clear", ours)
            if verb in ("clear", "move"):
                equal((store.left(ours), store.left(theirs)), (False, False), at)
            else:
                equal(store.stored(ours), store.stored(theirs), at)
            equal(store.runs(ours)[before[1]:], store.runs(theirs)[before[0]:], at)
            cases += 1
    return f"{cases} operations"


def they_load_what_we_write(store):
    """What Meltano's API has no call for: one value, one stream, one half."""
    state_id = "prod:tap-shop-to-target-snowflake:eu"
    store.put(state_id, *SAMPLES[state_id])
    change = store.penstock.change
    change("state", "reset", state_id, "refunds")
    change("state", "set", state_id, "--part", "completed", "--at",
           "/singer_state/bookmarks/items/updated_at", '"2026-02-02T00:00:00Z"')
    completed, partial = store.pair(state_id)
    equal(completed["singer_state"]["bookmarks"]["items"]["updated_at"], "2026-02-02T00:00:00Z")
    equal(completed["singer_state"]["bookmarks"]["orders"]["cursor"], None)
    assert "refunds" not in partial["singer_state"]["bookmarks"], partial
    equal(store.penstock("state", "get", state_id).out,
          compact(store.meltano(lambda service: service.get_state(state_id))) + "\n")
    # They go on with it, and take it away.
    store.meltano(lambda service: service.add_state(
        state_id, '{"singer_state": {"bookmarks": {"refunds": {"v": 9}}}}', Payload.INCOMPLETE_STATE))
    shown = json.loads(store.penstock("state", "get", state_id).out)
    equal(shown["singer_state"]["bookmarks"]["refunds"], {"v": 9})
    store.meltano(lambda service: service.clear_state(state_id))
    store.penstock("state", "get", state_id, exit=NOT_FOUND)
    assert not store.left(state_id)


def undo_gives_back_theirs(store):
    for state_id, (completed, partial) in SAMPLES.items():
        store.put(state_id, completed, partial)
        before = store.stored(state_id), store.runs(state_id)
        for change in (("clear", state_id), ("set", state_id, '{"singer_state": {"a": 1}}')):
            store.penstock.change("state", *change)
            store.penstock.change("journal", "undo")
            equal((store.stored(state_id), store.runs(state_id)), before, f"{change}")
            equal(store.pair(state_id), (completed, partial))


def our_old_plan_is_refused(store):
    """A plan made before Meltano wrote is stale, and nothing of theirs is lost."""
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"v": 1}}, {})
    plan = store.penstock("plan", "state", "set", state_id, '{"singer_state": {"v": 3}}', "-o", "json").out
    path = os.path.join(harness.WORK, "plan.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write(plan)
    store.meltano(lambda service: service.set_state(state_id, '{"singer_state": {"v": 2}}'))
    store.penstock.change("apply", path, exit=CONFLICT)
    equal(store.pair(state_id), ({"singer_state": {"v": 2}}, {}))


def their_lock_stops_us(store):
    if not store.locks:
        return "Meltano takes none here"
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"v": 1}}, {})
    before = store.stored(state_id)
    set_it = ("state", "set", state_id, '{"singer_state": {"v": 2}}', "--lock-wait", "0.2")

    def locked(service):
        with service.state_store_manager.acquire_lock(state_id, retry_seconds=1):
            store.penstock.change(*set_it, exit=LOCKED)
            store.penstock.change("state", "clear", state_id, "--lock-wait", "0.2", exit=LOCKED)
            equal(store.stored(state_id), before)
            shown = [row["object"] for row in store.penstock("lock", "list", "--json").lines()]
            equal(shown, [state_id])
    store.meltano(locked)
    equal(store.penstock("lock", "list", "--json").lines(), [])
    store.penstock.change(*set_it)
    equal(store.pair(state_id), ({"singer_state": {"v": 2}}, {}))


def our_lock_stops_them(store):
    if not store.locks:
        return "Meltano takes none here"
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"v": 1}}, {})
    before = store.stored(state_id)
    with store.our_lock(state_id):
        child = Child(lambda: store.meltano(
            lambda service: service.set_state(state_id, '{"singer_state": {"v": 2}}')))
        # Meltano looks at a held lock once a second; longer than that it has to have waited.
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            assert child.running(), "it did not wait for our lock"
            time.sleep(0.05)
        equal(store.stored(state_id), before)
    child.result()
    equal(store.pair(state_id), ({"singer_state": {"v": 2}}, {}))


def two_writers_on_one_state(store):
    """Both add to one state, round by round. With a lock nothing is lost. Without one, in a system
    database, no write of theirs is lost by ours; of ours only what falls between their reading and
    their writing, and among themselves they would lose that too."""
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"bookmarks": {}, "ours": {}}}, {})

    def theirs(i):
        with store.unlocked_writes() as count:
            store.meltano(lambda service: service.add_state(
                state_id, json.dumps({"singer_state": {"bookmarks": {f"s{i}": i}}}),
                Payload.INCOMPLETE_STATE))
        return len(count)

    def ours(i):
        code = CONFLICT
        for _ in range(50):
            if code == DONE:
                break
            code = store.penstock.change("state", "set", state_id, "--part", "completed", "--at",
                                         f"/singer_state/ours/s{i}", str(i), "--lock-wait", "20",
                                         exit=(DONE, CONFLICT)).code
        equal(code, DONE, "a conflict each time")

    unlocked, _ = rounds(theirs, ours)
    completed, partial = store.pair(state_id)
    wanted = {f"s{i}": i for i in range(harness.ROUNDS)}
    kept_theirs, kept_ours = partial["singer_state"]["bookmarks"], completed["singer_state"]["ours"]
    assert kept_theirs.items() <= wanted.items() and kept_ours.items() <= wanted.items(), partial
    lost_theirs, lost_ours = len(wanted) - len(kept_theirs), len(wanted) - len(kept_ours)
    if store.locks:
        assert lost_theirs + lost_ours <= sum(unlocked), \
            f"lost {lost_theirs} of theirs, {lost_ours} of ours, {sum(unlocked)} without a lock"
    else:
        equal(lost_theirs, 0, "theirs lost")
    return f"{lost_ours} of ours overwritten"


def two_writers_side_by_side(store):
    """Each on states of its own: nothing is lost on either side."""
    def theirs(i):
        store.meltano(lambda service: service.set_state(
            f"theirs{i % 10}", json.dumps({"singer_state": {"round": i}})))

    def ours(i):
        store.penstock.change("state", "set", f"ours{i % 10}",
                              json.dumps({"singer_state": {"round": i}}))

    before = {name: len(store.runs(name)) for name in ("theirs3", "ours3")}
    count = 40
    rounds(theirs, ours, count)
    last = count - 10
    for i in range(10):
        for name in ("theirs", "ours"):
            equal(store.pair(f"{name}{i}"), ({"singer_state": {"round": last + i}}, {}))
    if store.runs("theirs3"):
        for name, there in before.items():
            equal(len(store.runs(name)) - there, count // 10, name)


def they_run_from_what_we_wrote(store):
    state_id = "dev:tap-i-to-target-i"
    written = {"bookmarks": {"s": {"n": 10 ** 19, "☃": "ü"}}}
    emitted = {"bookmarks": {"s": {"n": 10 ** 19 + 1}}}
    store.penstock.change("state", "set", state_id, json.dumps({"singer_state": written}))
    store.penstock.change("state", "merge", state_id, '{"singer_state": {"bookmarks": {"t": 1}}}')
    store.write("emit.json", json.dumps(emitted))
    store.write("hold", "")
    command = [os.path.join(os.path.dirname(sys.executable), "meltano"), "run", "tap-i", "target-i"]
    log = os.path.join(harness.WORK, "run.log")
    with open(log, "w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=store.root, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output)
    try:
        until(lambda: os.path.exists(os.path.join(store.root, "started")) or process.poll() is not None,
              "the tap starts", 60)
        if store.runs(state_id):
            # The run is seen, and an edit under it refused.
            row, = store.penstock("state", "list", "--json", "--pattern", state_id).lines()
            equal((row["run"]["state"], row["run"]["live"]), ("RUNNING", True))
            store.penstock.change("state", "set", state_id, '{"singer_state": {}}', exit=LOCKED)
    finally:
        os.remove(os.path.join(store.root, "hold"))
        code = process.wait(60)
    with open(log, encoding="utf-8") as output:
        equal(code, 0, output.read())
    with open(os.path.join(store.root, "given.json"), encoding="utf-8") as file:
        equal(json.load(file), {"bookmarks": dict(written["bookmarks"], t=1)}, "what the tap was given")
    equal(store.pair(state_id), ({"singer_state": emitted}, {}))
    equal(json.loads(store.penstock("state", "get", state_id).out), {"singer_state": emitted})
    if store.runs(state_id):
        history = store.penstock("state", "history", state_id, "--json").lines()
        equal(sorted(row["state"] for row in history)[-1], "SUCCESS", history)


LAYOUTS = {"file": File, "sqlite": Sqlite, "postgres": Postgres, "plugin": Plugin}
TESTS = [they_write_we_read, both_write_the_same, they_load_what_we_write, undo_gives_back_theirs,
         our_old_plan_is_refused, their_lock_stops_us, our_lock_stops_them,
         two_writers_side_by_side, two_writers_on_one_state, they_run_from_what_we_wrote]

if __name__ == "__main__":
    harness.main(LAYOUTS, TESTS)
