"""VDK's data source states beside penstock: with_vdk.py files|sqlite|postgres|properties [TEST...]

Reading and updating a state is VDK's own DataSourceState, over the storages that VDK's users write
for it (a file or a row a source, vdk.md 2.7 to 2.9) and over VDK's own: job properties kept by
vdk-properties-fs, which `vdk run` uses. VDK takes no lock anywhere.
"""

import contextlib
import json
import logging
import os
import shlex
import sqlite3
import subprocess
import sys

import psycopg2
from vdk.internal.builtin_plugins.job_properties.datajobs_service_properties import (
    DataJobsServiceProperties)
from vdk.plugin.data_sources.state import (DataSourceStateFactory, IDataSourceStateStorage,
                                           PropertiesBasedDataSourceStorage)
from vdk.plugin.properties_fs.fs_properties_client import FileSystemPropertiesServiceClient

import harness
from harness import CONFLICT, DONE, FAILED, LOCKED, NOT_FOUND, Penstock, equal, fails, rounds

logging.disable(logging.CRITICAL)

# Source -> streams and others: what samples of the reference hold, and what an editor might lose.
SAMPLES = {
    "auto": {"streams": {"stream_0": {"last_id": 42}, "stream_1": {"last_id": 40}}},
    "public db": {"streams": {"public-orders": {"bookmarks": {"public-orders": {
        "replication_key": "updated_at", "replication_key_value": "2025-03-04T10:11:12.000000Z",
        "version": 1741083072001}}, "currently_syncing": None}}},
    "crm": {"streams": {"orders": {"last_sync_time": "2025-03-04 10:11:12.345678",
                                   "last_row_id": 100233},
                        "customers": {"cursor": {"page": 17, "token": "eyJvIjo4MDB9"}},
                        "products": {}},
            "others": {"connection": {"connected_at": "2025-03-04T10:05:00"}}},
    "git ☃": {"streams": {"https://git.example.test/team/repo.git": {"head": "9c1f0e7a52b4"},
                          "a.b/c": {"big": 10 ** 29, "f": 1.0, "e": 1e-07, "inf": float("inf")},
                          "": {"n": 0}},
              "others": {"k": {"deep": {"er": [1, None, "</x>", "tab\t", "é😀"]}}},
              "kept": {"by": "nobody"}},
}


class JsonFiles(IDataSourceStateStorage):
    def __init__(self, directory):
        self.directory = directory
        os.makedirs(directory, exist_ok=True)

    def path(self, source):
        return os.path.join(self.directory, f"{source}_state.json")

    def read(self, source):
        if not os.path.exists(self.path(source)):
            return {}
        with open(self.path(source)) as file:
            return json.load(file)

    def write(self, source, state):
        with open(self.path(source), "w") as file:
            json.dump(state, file, indent=2, default=str)


class SqliteTable(IDataSourceStateStorage):
    def __init__(self, path):
        self.path = path
        with self.connect() as db:
            db.execute("create table if not exists data_source_state (source_name text primary key,"
                       " state_data text, updated_at timestamp default current_timestamp)")

    @contextlib.contextmanager
    def connect(self):
        db = sqlite3.connect(self.path, timeout=600)
        try:
            with db:
                yield db
        finally:
            db.close()

    def read(self, source):
        with self.connect() as db:
            row = db.execute("select state_data from data_source_state where source_name = ?",
                             (source,)).fetchone()
        return json.loads(row[0]) if row else {}

    def write(self, source, state):
        with self.connect() as db:
            db.execute("insert or replace into data_source_state (source_name, state_data)"
                       " values (?, ?)", (source, json.dumps(state, default=str)))

    @contextlib.contextmanager
    def open_write(self, source):
        """A transaction that has written the state and is not over."""
        with self.connect() as db:
            db.execute("update data_source_state set state_data = '{}' where source_name = ?", (source,))
            yield
            db.rollback()


class PostgresTable(IDataSourceStateStorage):
    def __init__(self, url):
        self.url = url
        with self.cursor() as cursor:
            cursor.execute("create table if not exists data_source_state (source_name text primary"
                           " key, state_data text, updated_at timestamp default current_timestamp)")

    @contextlib.contextmanager
    def cursor(self):
        db = psycopg2.connect(self.url)
        try:
            with db, db.cursor() as cursor:
                yield cursor
        finally:
            db.close()

    def read(self, source):
        with self.cursor() as cursor:
            cursor.execute("select state_data from data_source_state where source_name = %s", (source,))
            row = cursor.fetchone()
        return json.loads(row[0]) if row else {}

    def write(self, source, state):
        with self.cursor() as cursor:
            cursor.execute("insert into data_source_state (source_name, state_data) values (%s, %s)"
                           " on conflict (source_name) do update set state_data = excluded.state_data,"
                           " updated_at = current_timestamp", (source, json.dumps(state, default=str)))

    @contextlib.contextmanager
    def open_write(self, source):
        with self.cursor() as cursor:
            cursor.execute("update data_source_state set state_data = '{}' where source_name = %s",
                           (source,))
            yield
            cursor.connection.rollback()


class JobProperties:
    """What job_input is to the storage: the properties of one job, in VDK's file client."""

    def __init__(self, directory, filename, job, team):
        self.client = FileSystemPropertiesServiceClient(directory, filename)
        self.job, self.team = job, team

    def get_all_properties(self):
        return self.client.read_properties(self.job, self.team)

    def get_property(self, name, default_value=None):
        return self.get_all_properties().get(name, default_value)

    def set_all_properties(self, properties):
        self.client.write_properties(self.job, self.team, properties)


class Store:
    prefix = ""
    separate = True  # sources share nothing: what one writer does cannot touch the other's
    compared = False  # the database compares and writes in one step, so ours never undoes theirs

    def __init__(self):
        self.factory = DataSourceStateFactory(self.storage)
        self.penstock = Penstock(self.address())

    def id(self, source):
        return self.prefix + source

    def state(self, source):
        return self.factory.get_data_source_state(source)

    def put(self, source, document):
        """Stored by VDK's own calls; a key of somebody else's goes in first."""
        self.storage.write(source, {key: value for key, value in document.items()
                                    if key not in ("streams", "others")})
        for name, state in document.get("streams", {}).items():
            self.state(source).update_stream(name, state)
        for name, state in document.get("others", {}).items():
            self.state(source).update_others(name, state)

    def kept(self, source):
        """What an undo has to give back."""
        return self.stored(source)

    def close(self):
        pass


class Files(Store):
    def __init__(self):
        self.storage = JsonFiles(os.path.join(harness.WORK, "states"))
        super().__init__()

    def address(self):
        return "vdk+file://" + self.storage.directory

    def stored(self, source):
        if not os.path.exists(self.storage.path(source)):
            return None
        with open(self.storage.path(source), "rb") as file:
            return file.read()


class Sqlite(Store):
    compared = True

    def __init__(self):
        self.storage = SqliteTable(os.path.join(harness.WORK, "state.db"))
        super().__init__()

    def address(self):
        return "vdk+sqlite://" + self.storage.path

    def stored(self, source):
        with self.storage.connect() as db:
            return db.execute("select state_data, updated_at is null from data_source_state"
                              " where source_name = ?", (source,)).fetchone()


class Postgres(Store):
    compared = True

    def __init__(self):
        self.server = harness.Postgres("vdk")
        self.storage = PostgresTable(self.server.url)
        super().__init__()

    def address(self):
        return "vdk+" + self.server.url

    def stored(self, source):
        with self.storage.cursor() as cursor:
            cursor.execute("select state_data, updated_at is null from data_source_state"
                           " where source_name = %s", (source,))
            return cursor.fetchone()

    def close(self):
        self.server.close()


class Properties(Store):
    prefix = "sales_ingest/"
    separate = False
    NAME = "vdk_data_jobs.json"

    def __init__(self):
        self.properties = JobProperties(harness.WORK, self.NAME, "ingest", "sales")
        self.properties.set_all_properties({"api_uri": "https://api.example.test", "n": 1.0,
                                            "secret": "é"})
        JobProperties(harness.WORK, self.NAME, "scratch", None).set_all_properties({})
        self.storage = PropertiesBasedDataSourceStorage(self.properties)
        super().__init__()

    def address(self):
        return "vdk+file://" + os.path.join(harness.WORK, self.NAME)

    def stored(self, source):
        """The whole file: what belongs to others is in it."""
        with open(os.path.join(harness.WORK, self.NAME), "rb") as file:
            content = file.read()
        return content.replace(f'"{source}"'.encode(), b'"source"')

    def kept(self, source):
        """Everything, and the source as it was written; one that was removed comes back last."""
        return json.loads(self.stored(source)), json.dumps(self.storage.read(source))


def they_write_we_read(store):
    for source, document in SAMPLES.items():
        store.put(source, document)
    listed = {row["id"]: row for row in store.penstock("source", "list", "--json").lines()}
    equal({name: (row["streams"], row["others"]) for name, row in listed.items()},
          {store.id(source): (len(document["streams"]), len(document.get("others", {})))
           for source, document in SAMPLES.items()})
    for source in SAMPLES:
        shown = store.penstock("source", "get", store.id(source)).out
        equal(json.loads(shown), store.storage.read(source), source)
        equal(json.dumps(json.loads(shown)), json.dumps(store.storage.read(source)), source)


def both_write_the_same(store):
    """One state set by VDK and one by penstock: the same bytes are stored."""
    value = {"last_id": 10 ** 25, "f": 2.5, "☃": ["é", None, {}], "t": "2025-01-02 03:04:05"}
    cases = {
        "a stream": (["--stream", "orders"], lambda state: state.update_stream("orders", value)),
        "a new stream": (["--stream", "new/ one"], lambda state: state.update_stream("new/ one", value)),
        "others": (["--other", "connection"], lambda state: state.update_others("connection", value)),
        "new others": (["--other", "new"], lambda state: state.update_others("new", value)),
    }
    for document in list(SAMPLES.values()) + [None]:
        for name, (words, call) in cases.items():
            written = []
            for by in ("theirs", "ours"):
                for other in ("theirs", "ours"):
                    with contextlib.suppress(KeyError):
                        remove(store, other)
                if document is not None:
                    store.put(by, document)
                if by == "theirs":
                    call(store.state(by))
                else:
                    store.penstock.change("source", "set", store.id(by), json.dumps(value), *words,
                                          "--retype")
                written.append(store.stored(by))
            equal(written[1], written[0], f"{name} in {document}")
    remove(store, "ours")
    return f"{len(cases) * (len(SAMPLES) + 1)} writes"


def remove(store, source):
    """VDK has no call for it: what an operator does by hand."""
    if isinstance(store, Files):
        with contextlib.suppress(FileNotFoundError):
            os.remove(store.storage.path(source))
    elif isinstance(store, Properties):
        properties = store.properties.get_all_properties()
        del properties[PropertiesBasedDataSourceStorage.KEY][source]
        store.properties.set_all_properties(properties)
    else:
        with (store.storage.connect() if isinstance(store, Sqlite) else store.storage.cursor()) as db:
            db.execute(f"delete from data_source_state where source_name = '{source}'")


def they_go_on_with_what_we_left(store):
    change, shop = store.penstock.change, store.id("shop")
    store.put("shop", SAMPLES["crm"])
    change("source", "set", shop, "100000", "--stream", "orders", "--at", "/last_row_id")
    equal(store.state("shop").read_stream("orders"),
          {"last_sync_time": "2025-03-04 10:11:12.345678", "last_row_id": 100000})
    change("source", "clear", shop, "--stream", "customers")
    equal(store.state("shop").read_stream("customers"), {})
    store.state("shop").update_stream("customers", {"cursor": {"page": 1}})
    equal(json.loads(store.penstock("source", "get", shop).out), store.storage.read("shop"))
    change("source", "copy", shop, store.id("shop2"))
    equal(store.storage.read("shop2"), store.storage.read("shop"))
    for source in ("shop", "shop2"):
        change("source", "clear", store.id(source))
        equal(store.state(source).read_stream("orders"), {})
        store.penstock("source", "get", store.id(source), exit=NOT_FOUND)


def undo_gives_back_theirs(store):
    for source, document in SAMPLES.items():
        store.put(source, document)
        before = store.kept(source)
        for words in (["clear", store.id(source)],
                      ["set", store.id(source), '{"x": [1]}', "--stream", "added"]):
            store.penstock.change("source", *words)
            store.penstock.change("journal", "undo")
            equal(store.kept(source), before, f"{words}")


def our_old_plan_is_refused(store):
    store.put("auto", SAMPLES["auto"])
    plan = os.path.join(harness.WORK, "plan.json")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(store.penstock("plan", "source", "set", store.id("auto"), '{"last_id": 1}',
                                  "--stream", "stream_0", "-o", "json").out)
    store.state("auto").update_stream("stream_0", {"last_id": 43})
    store.penstock.change("apply", plan, exit=CONFLICT)
    equal(store.state("auto").read_stream("stream_0"), {"last_id": 43})


def two_writers_on_one_source(store):
    """Without a lock on their side a write of one may fall between reading and writing of the other.
    What is stored is whole all the same, and holds nothing that nobody wrote."""
    store.put("shared", {"streams": {"first": {}}})

    def theirs(i):
        store.state("shared").update_stream(f"theirs{i}", {"i": i})

    lost_theirs, lost_ours = race(store, "shared", theirs)
    if store.compared:
        equal(lost_theirs, 0, "theirs lost")
    return f"{lost_theirs} of theirs, {lost_ours} of ours overwritten"


def race(store, source, theirs, count=harness.ROUNDS):
    def ours(i):
        code = CONFLICT
        for _ in range(50):
            if code == DONE:
                break
            # FAILED: theirs came over ours before it was read back, perhaps with ours in it
            code = store.penstock.change("source", "set", store.id(source), json.dumps({"i": i}),
                                         "--stream", f"ours{i}", "--lock-wait", "600",
                                         exit=(DONE, CONFLICT, FAILED)).code
        equal(code, DONE, "a conflict each time")
    rounds(theirs, ours, count)
    streams = dict(store.storage.read(source)["streams"])
    equal(streams.pop("first"), {})
    wanted = {f"{by}{i}": {"i": i} for by in ("theirs", "ours") for i in range(count)}
    assert streams.items() <= wanted.items(), streams
    return [count - sum(name.startswith(by) for name in streams) for by in ("theirs", "ours")]


def two_writers_side_by_side(store):
    """On sources of their own, that lie in a file or row of their own, nothing is lost."""
    if not store.separate:
        return "all sources of all jobs are one file, which VDK rewrites"
    store.put("ours", {"streams": {"first": {}}})
    store.put("theirs", {"streams": {"first": {}}})

    def theirs(i):
        store.state("theirs").update_stream(f"theirs{i}", {"i": i})
    _, lost_ours = race(store, "ours", theirs, 40)
    equal(lost_ours, 0)
    equal(len(store.storage.read("theirs")["streams"]), 40 + 1)


def an_open_write_of_theirs_stops_us(store):
    """VDK takes no lock, but its transaction is one."""
    if not store.compared:
        return "files"
    store.put("auto", SAMPLES["auto"])
    before = store.stored("auto")
    words = ("source", "set", store.id("auto"), '{"last_id": 1}', "--stream", "stream_0",
             "--lock-wait", "0.2")
    with store.storage.open_write("auto"):
        store.penstock.change(*words, exit=LOCKED)
        equal(json.loads(store.penstock("source", "get", store.id("auto")).out), SAMPLES["auto"])
    equal(store.stored("auto"), before)
    store.penstock.change(*words)
    equal(store.state("auto").read_stream("stream_0"), {"last_id": 1})


def what_keeps_a_job_from_running(store):
    """Properties with which VDK cannot read or write any state: `check` finds each and names the
    command, after which the state that was there is read and written again."""
    if not isinstance(store, Properties):
        return "no other properties there"
    key, good = PropertiesBasedDataSourceStorage.KEY, {"auto": SAMPLES["auto"]}
    cases = {"string_key": {key: json.dumps(good)}, "wrong_key": {key: None},
             "blocked_boolean": {"on": True, key: good}, "blocked_name": {"a name": 1, key: good}}
    for code, properties in cases.items():
        JobProperties(harness.WORK, store.NAME, code, "sales").set_all_properties(properties)
        client = FileSystemPropertiesServiceClient(harness.WORK, store.NAME)
        storage = PropertiesBasedDataSourceStorage(
            DataJobsServiceProperties(code, "sales", client))
        state = DataSourceStateFactory(storage).get_data_source_state("auto")
        fails(Exception, state.update_stream, "stream_1", {"last_id": 41})
        found = [row for row in store.penstock("check", "--json").lines() if row["code"] == code]
        equal(len(found), 1, code)
        store.penstock.change(*shlex.split(found[0]["fix"])[3:])
        assert code not in [row["code"] for row in store.penstock("check", "--json").lines()], code
        kept = code != "wrong_key"
        equal(state.read_stream("stream_0"), SAMPLES["auto"]["streams"]["stream_0"] if kept else {})
        state.update_stream("stream_1", {"last_id": 41})
        equal(json.loads(store.penstock("source", "get", f"sales_{code}/auto", "--stream",
                                        "stream_1").out), {"last_id": 41})
    store.penstock.change("source", "clear", "sales_blocked_name/auto")


STEP = """\
from vdk.plugin.data_sources.auto_generated import *
from vdk.plugin.data_sources.ingester import DataSourceIngester, IngestDestination

def run(job_input):
    source = AutoGeneratedDataSource()
    source.configure(AutoGeneratedDataSourceConfiguration(num_records=3, num_streams=1))
    ingester = DataSourceIngester(job_input)
    ingester.start_ingestion("auto", source, [IngestDestination(map_function=lambda payload: None)])
    ingester.terminate_and_wait_to_finish()
    ingester.raise_on_error()
"""


def they_run_from_what_we_wrote(store):
    """`vdk run` of a job whose source counts on from the state that it finds."""
    if not isinstance(store, Properties):
        return "VDK's own runs keep their state in job properties"
    job = os.path.join(harness.WORK, "ingest")
    os.makedirs(job)
    with open(os.path.join(job, "10_step.py"), "w", encoding="utf-8") as file:
        file.write(STEP)
    with open(os.path.join(job, "config.ini"), "w", encoding="utf-8") as file:
        file.write("[owner]\nteam = sales\n")
    store.put("auto", SAMPLES["auto"])
    store.penstock.change("source", "set", store.id("auto"), "1000", "--stream", "stream_0", "--at",
                          "/last_id")
    env = dict(os.environ, VDK_PROPERTIES_DEFAULT_TYPE="fs-properties-client",
               VDK_FS_PROPERTIES_DIRECTORY=harness.WORK, VDK_FS_PROPERTIES_FILENAME=store.NAME)
    vdk = os.path.join(os.path.dirname(sys.executable), "vdk")
    ran = subprocess.run([vdk, "run", job], env=env, stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    equal(ran.returncode, 0, ran.stdout)
    shown = json.loads(store.penstock("source", "get", store.id("auto")).out)
    equal(shown["streams"], {"stream_0": {"last_id": 1003}, "stream_1": {"last_id": 40}})


LAYOUTS = {"files": Files, "sqlite": Sqlite, "postgres": Postgres, "properties": Properties}
TESTS = [they_write_we_read, both_write_the_same, they_go_on_with_what_we_left,
         undo_gives_back_theirs, our_old_plan_is_refused, two_writers_side_by_side,
         two_writers_on_one_source, an_open_write_of_theirs_stops_us,
         what_keeps_a_job_from_running, they_run_from_what_we_wrote]

if __name__ == "__main__":
    harness.main(LAYOUTS, TESTS)
