#!/usr/bin/python3
"""Kill -9 at any point of apply: the store holds the old document or the new one, and the journal
says which.

    kill.py STORE     file | plain | vdk | vdk_properties | sqlite | postgres | postgres_lot |
                      redis

Each run applies the same change to the same fresh store and is killed at another point. With strace
these are the system calls that write, lock, sync, rename or send: one run for each of them, killed
when it is entered. Where strace may not trace, the points are moments spread over the time that an
undisturbed run takes. Afterwards the store is read by other means than penstock, and compared with
what was there before and with what an undisturbed run leaves. What was done is undone: then it is
what was there before.

PENSTOCK is the program. Postgres and Redis are those of tests/servers.
"""

import base64
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

PENSTOCK = os.environ["PENSTOCK"]
TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
RUNS = 100  # at least, and as many as there are system calls
LIMIT = 240  # at most
# Calls between which a crash makes a difference.
CALLS = ("openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,"
         "unlinkat,ftruncate,fchmod,fchown,mkdir,mkdirat,fcntl,flock,sendto,sendmsg,close").split(",")

# What a second run of the same change writes differently: moments, run ids and lock tokens.
LATE = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+\d\d(:\d\d)?)?|[0-9a-f]{32}"
                  rb"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{10}\.\d+")


def masked(content):
    return LATE.sub(b"<late>", content)


class Files:
    """A store of the demo in a directory of its own."""

    def __init__(self, work, path, address, change, reads):
        self.pristine, self.dir = os.path.join(work, "pristine"), os.path.join(work, "store")
        self.reads, self.change = reads, change
        self.target = address.format(os.path.join(self.dir, path))
        run([PENSTOCK, "demo", "--no-tui", "--dir", self.pristine], work)

    def make(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        shutil.copytree(self.pristine, self.dir)

    def read(self):
        return self.reads(self.dir)


def file_bytes(name):
    def read(directory):
        with open(os.path.join(directory, name), "rb") as file:
            return file.read()
    return read


def sqlite_rows(name):
    """Every row of `state` and `runs`, from a copy: reading in place would settle a hot journal."""
    def read(directory):
        with tempfile.TemporaryDirectory() as copy:
            for suffix in ("", "-wal", "-journal"):
                if os.path.exists(os.path.join(directory, name + suffix)):
                    shutil.copy(os.path.join(directory, name + suffix), copy)
            with sqlite3.connect(os.path.join(copy, name)) as db:
                assert db.execute("pragma integrity_check").fetchone() == ("ok",)
                rows = [list(db.execute("select * from state order by state_id")),
                        list(db.execute("select * from runs order by id"))]
            db.close()
        return "\n".join(repr(row) for table in rows for row in table).encode()
    return read


class Postgres:
    """The sample pipeline of tests/servers, in a database of its own."""

    def __init__(self, work):
        self.base = os.environ["PENSTOCK_POSTGRES"]
        self.psql_bin = os.path.join(os.environ.get("PENSTOCK_POSTGRES_BIN", ""), "psql")
        self.db = f"kill_{os.getpid()}"
        self.url = self.base.replace("/postgres?", f"/{self.db}?")
        self.target = "etl+" + self.url
        self.change = ["table", "rollback", "7/16451", "--yes"]

    def psql(self, url, *args):
        return run([self.psql_bin, "-XqAt", "-v", "ON_ERROR_STOP=1", url, *args], None)

    def make(self):
        self.close()
        self.psql(self.base, "-c", f"create database {self.db}")
        self.psql(self.url, "-f", os.path.join(TESTS, "servers", "etl_schema.sql"),
                  "-f", os.path.join(TESTS, "servers", "etl_sample.sql"))

    def wait_alone(self):
        """The server ends a dead client's session by itself, after what it was doing."""
        others = f"select count(*) from pg_stat_activity where datname = '{self.db}'"
        until(lambda: self.psql(self.base, "-c", others).strip() == b"0")

    def read(self):
        self.wait_alone()
        return self.psql(self.url, "-c", "select * from etl.replication_state order by id")

    def close(self):
        self.wait_alone()  # a drop that is forced waits five seconds alone
        self.psql(self.base, "-c", f"drop database if exists {self.db} with (force)")


class PostgresLot(Postgres):
    """Two tables in one transaction: both as they were, or both changed."""

    def __init__(self, work):
        super().__init__(work)
        self.change[3:] = ["7/16461", "--yes"]


class Redis:
    """A session of django-redis with a failed instance; its pickle was made by Python. It lies in a
    database that no other test selects: whoever is in there is ours."""

    DB = "9"

    def __init__(self, work):
        self.cli = ["redis-cli", "-s", os.environ["PENSTOCK_REDIS_SOCKET"], "-n", self.DB]
        self.uid = f"kill-{os.getpid()}"
        self.key = f":1:triggers.storages.cache:{self.uid}"
        with open(os.path.join(TESTS, "data", "triggers", "q-5f3c1.b64"), "rb") as file:
            self.pickle = base64.b64decode(file.read())
        self.target = "triggers+" + os.environ["PENSTOCK_REDIS"].replace("db=0", "db=" + self.DB)
        self.change = ["session", "replay", self.uid, "t_importSubject#0", "--yes"]

    def make(self):
        self.close()
        run([*self.cli, "-x", "setex", self.key, "86400"], None, stdin=self.pickle)

    def read(self):
        # What a dead client had sent is done once the server has seen its connection end.
        mine = b" db=" + self.DB.encode() + b" "
        until(lambda: run([*self.cli, "client", "list"], None).count(mine) <= 1)
        return run([*self.cli, "--raw", "get", self.key], None)

    def close(self):
        script = "for _, k in ipairs(redis.call('keys', ARGV[1])) do redis.call('del', k) end"
        run([*self.cli, "eval", script, "0", f"*{self.uid}*"], None)


def until(condition):
    end = time.monotonic() + 600
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    sys.exit("a server keeps the connection of a dead client")


def run(argv, cwd, env=None, stdin=b""):
    done = subprocess.run(argv, cwd=cwd, env=env, input=stdin, capture_output=True)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout.decode()}{done.stderr.decode()}")
    return done.stdout


def environment(state):
    env = dict(os.environ, XDG_STATE_HOME=state, HOME=state, XDG_CONFIG_HOME=state)
    env.pop("PENSTOCK_TARGET", None)
    # The leak checker cannot work while somebody else traces the program.
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return env


def count_calls(argv, env, work):
    """How often the change makes each of CALLS; None where strace may not trace."""
    log = os.path.join(work, "strace")
    trace = ["strace", "-f", "-qq", "-o", log, "-e", "trace=" + ",".join(CALLS), "-e", "signal=none"]
    try:
        done = subprocess.run(trace + argv, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    except FileNotFoundError:
        return None
    if done.returncode:
        return None
    counts = {}
    with open(log, errors="replace") as lines:
        for line in lines:
            name = re.match(r"\d+ +(\w+)\(", line)
            if name:
                counts[name[1]] = counts.get(name[1], 0) + 1
    return counts


def moments(seconds, seen):
    """Moments spread over that time, and later ones while the machine is slower than it was."""
    for n in range(RUNS):
        yield [], seconds * n / RUNS
    while not seen["new"]:
        seconds *= 1.5
        yield [], seconds


def points(counts, seconds, seen):
    """The points to be killed at, each as a prefix of the command and a delay."""
    if counts is None:
        return moments(seconds, seen)
    every = [(call, n) for call, total in counts.items() for n in range(1, total + 1)]
    if len(every) > LIMIT:
        # Opening and closing come by the hundred while the program starts; keep all of the others.
        rest = [point for point in every if point[0] not in ("openat", "close")]
        common = [point for point in every if point[0] in ("openat", "close")]
        keep = max(LIMIT - len(rest), 0)
        every = rest[:LIMIT] + (common[::len(common) // keep + 1] if keep else [])
    found = [(["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e",
               f"inject={call}:signal=KILL:when={n}"], None) for call, n in every]
    # Fewer calls than runs: moments in between make up the number.
    rng = random.Random(4711)
    found += [([], rng.random() * seconds) for _ in range(max(RUNS - len(found), 0))]
    return found


def killed(argv, prefix, delay, env):
    child = subprocess.Popen(prefix + argv, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if delay is not None:
        try:
            child.wait(delay)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
    child.wait(600)


def journal_says(store, env):
    """The outcome of the change, once the journal has settled it; None: nothing was begun."""
    lines = run([PENSTOCK, "-t", store.target, "journal", "list", "-o", "json"], None, env)
    entries = [json.loads(line) for line in lines.splitlines()]
    if not entries:
        return None
    shown = run([PENSTOCK, "-t", store.target, "journal", "show", entries[0]["id"], "-o", "json"], None, env)
    items = json.loads(shown)["items"]
    outcomes = {item["outcome"] for item in items}
    assert len(entries) == 1 and len(outcomes) == 1, shown
    return outcomes.pop()


def undo(store, env, old, at):
    """What the dead one left beside the document goes with it. Its lock may outlive it."""
    done = subprocess.run([PENSTOCK, "-t", store.target, "journal", "undo", "--yes", "--lock-wait", "0"],
                          env=env, stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode not in (0, 5):
        sys.exit(f"killed {at}: undo: exit {done.returncode}\n{done.stderr.decode()}")
    if done.returncode == 0 and store.read() != old:
        sys.exit(f"killed {at}: the undo left\n{store.read()!r}")


def test(store, work):
    argv = [PENSTOCK, "-t", store.target, *store.change]
    states = (os.path.join(work, f"state{n}") for n in range(10000))

    store.make()
    old = store.read()
    env = environment(next(states))
    begin = time.monotonic()
    run(argv, None, env)
    seconds = time.monotonic() - begin
    new = store.read()
    assert new != old and masked(new) != masked(old), "the change changed nothing"
    assert journal_says(store, env) == "applied"

    store.make()
    counts = count_calls(argv, environment(next(states)), work)
    how = "at each system call" if counts else "at moments: strace may not trace here"
    seen = {"old": 0, "new": 0}
    for prefix, delay in points(counts, seconds * 1.1, seen):
        at = prefix[-1] if prefix else f"after {delay:.6f} s"
        state = next(states)
        env = environment(state)
        store.make()
        killed(argv, prefix, delay, env)
        now = store.read()
        if now == old:
            which = "old"
        elif masked(now) == masked(new):
            which = "new"
        else:
            sys.exit(f"killed {at}: neither the old nor the new document:\n{now!r}")
        try:
            says = journal_says(store, env)
        except SystemExit as failure:
            sys.exit(f"killed {at}: {failure}")
        if store.read() != now:
            sys.exit(f"killed {at}: looking at the journal changed the store")
        if says not in ({"old": (None, "not_tried"), "new": ("applied",)}[which]):
            sys.exit(f"killed {at}: the store holds the {which} document, the journal says {says}")
        if which == "new":
            undo(store, env, old, at)
        seen[which] += 1
        shutil.rmtree(state, ignore_errors=True)
    print(f"{sum(seen.values())} runs, killed {how}: {seen['old']} left the old document, "
          f"{seen['new']} the new one")
    # A test that only ever sees one side has not killed inside the change.
    assert seen["old"] and seen["new"], "every run ended on the same side"


STORES = {
    "file": lambda work: Files(
        work, "meltano", "meltano+file://{}",
        ["state", "set", "prod:tap-crm-to-target-wh", '{"singer_state": {"bookmarks": {}}}', "--yes"],
        file_bytes("meltano/prod:tap-crm-to-target-wh/state.json")),
    "plain": lambda work: Files(
        work, "plain", "etl+file://{}", ["table", "rollback", "7/16411", "--yes"],
        file_bytes("plain/etl/7%2F16411.json")),
    "vdk": lambda work: Files(
        work, "vdk", "vdk+file://{}",
        ["source", "set", "github-issues", "--stream", "issues", "--at", "/page", "13", "--yes"],
        file_bytes("vdk/github-issues_state.json")),
    "vdk_properties": lambda work: Files(
        work, "vdk_data_jobs.json", "vdk+file://{}",
        ["source", "set", "orders-api", "--stream", "apac", "--at", "/last_id", "183000", "--yes"],
        file_bytes("vdk_data_jobs.json")),
    "sqlite": lambda work: Files(
        work, "meltano.db", "meltano+sqlite://{}",
        ["state", "set", "prod:tap-crm-to-target-wh", '{"singer_state": {"bookmarks": {}}}', "--yes"],
        sqlite_rows("meltano.db")),
    "postgres": Postgres,
    "postgres_lot": PostgresLot,
    "redis": Redis,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in STORES:
        sys.exit(__doc__)
    server = "PENSTOCK_" + sys.argv[1].split("_")[0].upper()
    if STORES[sys.argv[1]] in (Postgres, PostgresLot, Redis) and server not in os.environ:
        print(f"{server} is not set: run this with tests/servers/run.sh", file=sys.stderr)
        sys.exit(1 if os.environ.get("CI") == "true" else 77)
    with tempfile.TemporaryDirectory(prefix="penstock-kill.") as work:
        store = STORES[sys.argv[1]](work)
        try:
            test(store, work)
        finally:
            getattr(store, "close", lambda: None)()


if __name__ == "__main__":
    main()
