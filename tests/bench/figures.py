#!/usr/bin/env python3
"""One JSON line per figure; run.sh beside this file starts the servers and says how it is called.

Each line has `figure`, `value` and `unit`. Where a raw client does the same work its time is `peer`,
and `ratio` is the quotient of the two. `goal` is what the ratio (without a peer: the value) should not
exceed. Both run in turn, and the medians count. Both write into a pipe that is read and counted: a
listing that misses an id is no figure but an error.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVERS = os.path.join(HERE, "..", "servers")
PENSTOCK = os.environ["PENSTOCK"]
ROUNDS = 7
LONG_ROUNDS = 3  # of what has to make its fixture anew each time

GOALS = {
    "postgres_first_page": 1.3,
    "postgres_all_ids": 1.3,
    "redis_all_ids": 1.2,
    "file_all_ids": 0.4,
    "etl_rollback": 1.5,
    "short_first_paint": 50,
    "short_first_rows": 150,
    "short_move": 1024,
    "short_idle_cpu": 1,
    "short_rss_anon_idle": 6144,
    "long_first_paint": 50,
    "long_first_rows": 500,
    "long_move": 1024,
    "long_sort": 1000,
    "long_filter": 1000,
    "long_idle_cpu": 1,
    "long_rss_anon_idle": 204800,
    **{f"{size}_key_{state}_{part}": goal
       for size, states in (("short", ["idle"]),
                            ("long", ["idle", "loading", "sorting", "filtered"]))
       for state in states for part, goal in (("median", 2), ("p99", 16))},
}


def say(figure, value, unit="ms", **more):
    line = {"figure": figure, "value": round(value, 2), "unit": unit, **more}
    if figure in GOALS:
        line["goal"] = GOALS[figure]
    print(json.dumps(line), flush=True)


def say_ratio(figure, ours, peers, of="took_ms"):
    mine = statistics.median(getattr(run, of) for run in ours)
    theirs = statistics.median(getattr(run, of) for run in peers)
    say(figure, mine, peer=round(theirs, 2), ratio=round(mine / theirs, 2))


class Run:
    """A command that writes: how long to its first byte and to its end, how many lines, how much
    memory at most."""

    def __init__(self, command, env):
        with tempfile.TemporaryFile() as complaints:
            begin = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, env=env)
            fd = process.stdout.fileno()
            data = os.read(fd, 1 << 20)
            self.first_ms = (time.monotonic() - begin) * 1000
            self.lines = 0
            while data:
                self.lines += data.count(b"\n")
                data = os.read(fd, 1 << 20)
            _, status, usage = os.wait4(process.pid, 0)
            self.took_ms = (time.monotonic() - begin) * 1000
            self.rss_kb = usage.ru_maxrss
            process.returncode = os.waitstatus_to_exitcode(status)
            process.stdout.close()
            if process.returncode:
                complaints.seek(0)
                raise SystemExit(f"figures.py: exit {process.returncode}: {' '.join(command)}\n"
                                 f"{complaints.read(2000).decode('utf-8', 'replace')}")


class Bench:
    def __init__(self, scale, place):
        self.scale = scale
        self.place = place
        self.env = dict(os.environ, HOME=place, XDG_STATE_HOME=place, XDG_CONFIG_HOME=place,
                        XDG_DATA_HOME=place, LC_ALL="C.UTF-8")
        self.env.pop("PENSTOCK_TARGET", None)

    def count(self, full):
        return max(20, int(full * self.scale))

    def pair(self, ours, peer, lines, rounds=ROUNDS):
        """Runs of both, in turn."""
        runs = [], []
        for _ in range(rounds):
            for command, done in zip((ours, peer), runs):
                done.append(Run(command, self.env))
                if done[-1].lines != lines:
                    raise SystemExit(f"figures.py: {done[-1].lines} lines where {lines} are: "
                                     f"{' '.join(command)}")
        return runs


# --- Postgres -------------------------------------------------------------------------------------

class Database:
    """One of our own on the private server."""

    def __init__(self, name):
        self.name = name
        self.socket = os.environ["PENSTOCK_POSTGRES_DIR"]

    def psql(self, *args, database=None):
        program = os.path.join(os.environ["PENSTOCK_POSTGRES_BIN"], "psql")
        return [program, "-X", "-q", "-At", "-h", self.socket, "-U", "postgres", "-v",
                "ON_ERROR_STOP=1", "-d", database or self.name, *args]

    def make(self, template="template1"):
        subprocess.run(self.psql("-c", f'drop database if exists "{self.name}" with (force)', "-c",
                                 f'create database "{self.name}" template "{template}"',
                                 database="postgres"), check=True, stderr=subprocess.DEVNULL)

    def ask(self, *args):
        return subprocess.run(self.psql(*args), check=True, stdout=subprocess.PIPE).stdout

    def address(self, system, layout=None):
        named = f"&layout={layout}" if layout else ""
        return f"{system}+postgresql://postgres@/{self.name}?host={self.socket}{named}"


STATES = """
insert into state (state_id, partial_state, completed_state, updated_at)
select format('dev:tap-%s-to-target-postgres', lpad(i::text, 7, '0')), '{}',
  '{"singer_state": {"bookmarks": {"orders": {"updated_at": "2024-05-01T00:00:00Z"}}}}', now()
from generate_series(1, :n) i;
vacuum analyze state;
"""


def make_states(bench):
    database = Database("bench_states")
    n = bench.count(1000000)
    script = os.path.join(bench.place, "states.sql")
    with open(script, "w") as f:
        f.write(STATES)
    database.make()
    database.ask("-f", os.path.join(SERVERS, "meltano_postgres.sql"), "-v", f"n={n}", "-f", script)
    return database, n


def measure_postgres(bench):
    database, n = make_states(bench)
    ids = [PENSTOCK, "-t", database.address("meltano", "systemdb"), "state", "list", "--ids"]
    copy = database.psql("-c", "copy (select state_id from state) to stdout")
    ours, peers = bench.pair(ids, copy, n)
    say_ratio("postgres_first_page", ours, peers, of="first_ms")
    say_ratio("postgres_all_ids", ours, peers)
    say("postgres_all_ids_rss", max(run.rss_kb for run in ours), "kB")


# --- Redis ----------------------------------------------------------------------------------------

SESSIONS = """
local session = string.rep('x', 200)
for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local uid = string.sub(redis.sha1hex(i), 1, 32)
  redis.call('SET', ':1:triggers.storages.cache:' .. uid, session)
end
"""


def measure_redis(bench):
    n, lot = bench.count(1000000), 100000
    socket = os.environ["PENSTOCK_REDIS_SOCKET"]
    cli = ["redis-cli", "-s", socket, "-n", "9"]
    for at in range(1, n + 1, lot):
        subprocess.run([*cli, "eval", SESSIONS, "0", str(at), str(min(at + lot - 1, n))],
                       check=True, stdout=subprocess.DEVNULL)
    ids = [PENSTOCK, "-t", f"triggers+redis+unix://{socket}?db=9", "session", "list", "--ids"]
    say_ratio("redis_all_ids", *bench.pair(ids, [os.environ["PENSTOCK_BENCH_SCAN"], socket, "9"], n))
    subprocess.run([*cli, "flushdb"], check=True, stdout=subprocess.DEVNULL)


# --- files ----------------------------------------------------------------------------------------

def measure_files(bench):
    n = bench.count(100000)
    base = os.path.join(bench.place, "states")
    for i in range(n):
        place = f"{base}/dev:tap-{i:07}-to-target-postgres"
        os.makedirs(place)
        with open(f"{place}/state.json", "w") as f:
            f.write('{"completed": {"singer_state": {"bookmarks": {}}}}')
    ids = [PENSTOCK, "-t", f"meltano+file://{base}", "state", "list", "--ids"]
    say_ratio("file_all_ids", *bench.pair(ids, ["find", base, "-name", "state.json"], n))
    shutil.rmtree(base)


# --- a batch of changes ---------------------------------------------------------------------------

# Each table was copied, then failed; it has one schema version of three columns.
TABLES = """
insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
select 1, 20000 + i, 'init', '{"type": "init"}', null, false from generate_series(1, :n) i;
insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
select 1, 20000 + i, 'data_sync', '{"type": "data_sync"}', i, false from generate_series(1, :n) i;
insert into etl.replication_state (pipeline_id, table_id, state, metadata, prev, is_current)
select 1, 20000 + i, 'errored', '{"type": "errored", "reason": "destination refused a row",
  "solution": "mend the row", "retry_policy": {"type": "manual_retry"}}', :n + i, true
from generate_series(1, :n) i;
insert into etl.table_schemas (pipeline_id, table_id, schema_name, table_name)
select 1, 20000 + i, 'public', 'table_' || i from generate_series(1, :n) i;
insert into etl.table_columns (table_schema_id, column_name, column_type, type_modifier, nullable,
  ordinal_position) select s.id, 'c' || k, 'INT4', -1, false, k
from etl.table_schemas s, generate_series(1, 3) k;
vacuum analyze;
"""

# The transaction of the system's own rollback (formats/supabase-etl.md), one per table.
ROLLBACK = """begin;
select id, prev from etl.replication_state
where pipeline_id = 1 and table_id = {oid} and is_current = true \\gset
delete from etl.replication_state where id = :id;
update etl.replication_state set is_current = true, updated_at = now() where id = :prev;
select * from etl.replication_state where id = :prev;
commit;
"""


def make_tables(bench, name, n):
    database = Database(name)
    script = os.path.join(bench.place, "tables.sql")
    with open(script, "w") as f:
        f.write(TABLES)
    database.make()
    database.ask("-f", os.path.join(SERVERS, "etl_schema.sql"), "-v", f"n={n}", "-f", script)
    return database


def measure_etl(bench):
    n = bench.count(10000)
    make_tables(bench, "bench_etl_full", n)
    database = Database("bench_etl")
    script = os.path.join(bench.place, "rollback.sql")
    with open(script, "w") as f:
        f.writelines(ROLLBACK.format(oid=20000 + i) for i in range(1, n + 1))
    rollback = [PENSTOCK, "-t", database.address("etl"), "-o", "name", "-y", "table", "rollback",
                "--errored", "--pipeline", "1"]
    ours, peers = [], []
    for _ in range(LONG_ROUNDS):
        for done, command in ((ours, rollback), (peers, database.psql("-f", script))):
            database.make("bench_etl_full")
            done.append(Run(command, bench.env))
            left = database.ask("-c", "select count(*) from etl.replication_state"
                                " where is_current and state = 'data_sync'")
            if int(left) != n:
                raise SystemExit(f"figures.py: {int(left)} of {n} tables are rolled back")
    say_ratio("etl_rollback", ours, peers)
    say("etl_rollback_rss", max(run.rss_kb for run in ours), "kB")


# --- the program itself ---------------------------------------------------------------------------

def measure_start(bench):
    psql = os.path.join(os.environ["PENSTOCK_POSTGRES_BIN"], "psql")
    say_ratio("start", *bench.pair([PENSTOCK, "--version"], [psql, "--version"], 1, rounds=21))


def say_screen(bench, name, address, rows):
    """What screen.py measures, its figures with a name in front."""
    idle = "10" if bench.scale >= 1 else "1"
    lines = subprocess.run([os.path.join(HERE, "screen.py"), PENSTOCK, address, "--rows", str(rows),
                            "--idle", idle], check=True, env=bench.env, stdout=subprocess.PIPE)
    for line in lines.stdout.splitlines():
        fields = json.loads(line)
        say(f"{name}_{fields['figure']}", fields["value"], fields["unit"])


def measure_screen(bench):
    tables = make_tables(bench, "bench_short", 50)
    say_screen(bench, "short", tables.address("etl"), 50)
    states, n = make_states(bench)
    say_screen(bench, "long", states.address("meltano", "systemdb"), n)


GROUPS = {"start": measure_start, "postgres": measure_postgres, "redis": measure_redis,
          "files": measure_files, "etl": measure_etl, "screen": measure_screen}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", choices=GROUPS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-bench.") as place:
        bench = Bench(args.scale, place)
        for name, measure in GROUPS.items():
            if args.only in (None, name):
                measure(bench)


if __name__ == "__main__":
    sys.exit(main())
