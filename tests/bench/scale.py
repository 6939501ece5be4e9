#!/usr/bin/env python3
"""Every layout that can hold many records, listed with small values and with large ones: each record
comes once, and the large values cost no memory. scale.py [LAYOUT...]

A test runs all of them at a small size. By hand, under tests/servers/run.sh, with PENSTOCK set:

    scale.py --records 1000000 --small 100 --large 0 postgres_vdk

Each line it prints has the layout, the records, and for `--ids` and for the whole list the
milliseconds it took and the kB of memory that the program had at most, with small values and (unless
their size is 0) with large ones.
"""
import argparse
import base64
import hashlib
import json
import multiprocessing
import os
import pickle
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import zlib

from figures import SERVERS, Database, Run

PENSTOCK = os.environ["PENSTOCK"]
# What the list may keep of large values: a page of them, and what an allocator makes of it.
PAGE_KB = 40 * 1024


def pad(bytes_, seed):
    """Text that no compressor makes smaller than half."""
    return random.Random(seed).randbytes(bytes_ // 2).hex()


def document(system, text):
    return json.dumps({
        "meltano": {"completed": {"singer_state": {"pad": text}}, "partial": {}},
        "vdk": {"streams": {"s": {"pad": text}}},
        "etl": {"states": [{"id": 1, "state": "init", "metadata": {"type": "init", "pad": text},
                            "prev": None, "is_current": True}]}}[system])


def record_id(system, i):
    return f"7/{i + 1}" if system == "etl" else f"dev:tap-{i:07}-to-x"


def session(text):
    return pickle.dumps({"tasks": {}, "instances": {}, "metas": {"pad": text}}, 4)


def session_key(i):
    return f":1:triggers.storages.cache:{i:07}"


# --- files ----------------------------------------------------------------------------------------

def write(path, data):
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def file_meltano(place, n, text):
    for i in range(n):
        os.makedirs(f"{place}/{record_id('meltano', i)}")
        write(f"{place}/{record_id('meltano', i)}/state.json", document("meltano", text))
    return f"meltano+file://{place}", "state"


def file_vdk(place, n, text):
    for i in range(n):
        write(f"{place}/{record_id('vdk', i)}_state.json", document("vdk", text))
    return f"vdk+file://{place}", "source"


def file_plain(place, n, text):
    os.makedirs(f"{place}/etl")
    for i in range(n):
        write(f"{place}/etl/7%2F{i + 1}.json", '{"document": %s}' % document("etl", text))
    return f"etl+file://{place}", "table"


def file_djcache(place, n, text):
    header, value = pickle.dumps(None, 4), zlib.compress(session(text))
    for i in range(n):
        write(f"{place}/{hashlib.md5(session_key(i).encode()).hexdigest()}.djcache", header + value)
    return f"triggers+file://{place}?lock=none", "session"


# --- databases ------------------------------------------------------------------------------------

def sqlite_of(script, statement, rows):
    """A layout: the fixture's script, and how a row is put in."""
    def make(place, n, text):
        system, values = rows(text)
        db = sqlite3.connect(f"{place}/s.db")
        with open(f"{SERVERS}/{script}.sql", encoding="utf-8") as f:
            db.executescript(f.read())
        for table in ("django_cache", "penstock_records"):
            if table in statement:
                db.execute(f"delete from {table}")
        db.executemany(statement, (values(i) for i in range(n)))
        db.commit()
        db.close()
        return f"{system}+sqlite://{place}/s.db" + ("?lock=none" if system == "triggers" else ""), \
            {"meltano": "state", "vdk": "source", "etl": "table", "triggers": "session"}[system]
    return make


def base64_session(text):
    return base64.b64encode(session(text)).decode()


sqlite_meltano = sqlite_of(
    "meltano_sqlite", "insert into state (state_id, completed_state, partial_state) values (?, ?, '{}')",
    lambda text: ("meltano", lambda i, state=json.dumps({"singer_state": {"pad": text}}):
                  (record_id("meltano", i), state)))
sqlite_vdk = sqlite_of(
    "vdk", "insert into data_source_state (source_name, state_data) values (?, ?)",
    lambda text: ("vdk", lambda i, state=document("vdk", text): (record_id("vdk", i), state)))
sqlite_plain = sqlite_of(
    "plain_sqlite", "insert into penstock_records (key, record) values (?, ?)",
    lambda text: ("etl", lambda i, state='{"document": %s}' % document("etl", text):
                  ("etl:" + record_id("etl", i), state)))
sqlite_dbcache = sqlite_of(
    "django_cache", "insert into django_cache values (?, ?, '9999-12-31 23:59:59')",
    lambda text: ("triggers", lambda i, value=base64_session(text): (session_key(i), value)))


def postgres_of(system, noun, scripts, statement, value, more=""):
    """A layout: `statement` makes :n rows i = 0 … of the text :v."""
    def make(place, n, text):
        database = Database(f"scale_{system}")
        script = f"{place}/rows.sql"
        # As a file, since a value may be longer than a command line.
        write(script, f"""create temp table v as select $penstock${value(text)}$penstock$::text v;
            {statement.replace(':n', str(n))};
            drop table v; vacuum analyze;""")
        database.make()
        database.ask(*(word for name in scripts for word in ("-f", f"{SERVERS}/{name}.sql")),
                     "-f", script)
        return database.address(system) + more, noun
    return make


IDS = "from v, generate_series(0, :n - 1) i"
NAME = "'dev:tap-' || lpad(i::text, 7, '0') || '-to-x'"
postgres_meltano = postgres_of(
    "meltano", "state", ["meltano_postgres"],
    f"insert into state (state_id, completed_state, partial_state) select {NAME}, v, '{{}}' {IDS}",
    lambda text: json.dumps({"singer_state": {"pad": text}}))
postgres_plugin = postgres_of(
    "meltano", "state", ["meltano_plugin"],
    f"delete from state; insert into state (state_id, completed_state) select {NAME}, v {IDS}",
    lambda text: json.dumps({"singer_state": {"pad": text}}))
postgres_vdk = postgres_of(
    "vdk", "source", ["vdk"],
    f"insert into data_source_state (source_name, state_data) select {NAME}, v {IDS}",
    lambda text: document("vdk", text))
postgres_job_properties = postgres_of(
    "vdk", "source", ["vdk_job_properties"],
    f"delete from job_properties; insert into job_properties select {NAME}, v {IDS}",
    lambda text: json.dumps({".vdk.data_sources.state": {"auto": {"streams": {"s": {"p": text}}}}}))
postgres_dbcache = postgres_of(
    "triggers", "session", ["django_cache"],
    "delete from django_cache; insert into django_cache select ':1:triggers.storages.cache:' ||"
    f" lpad(i::text, 7, '0'), v, '9999-12-31' {IDS}", base64_session, "&lock=none")
postgres_etl = postgres_of(
    "etl", "table", ["etl_schema"],
    "insert into etl.replication_state (pipeline_id, table_id, state, metadata) select 7, i + 1,"
    f" 'init', jsonb_build_object('type', 'init', 'pad', v) {IDS}", lambda text: text)


# --- Redis ----------------------------------------------------------------------------------------

FILL = """
for i = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('SET', ARGV[3] .. (ARGV[4] == 'etl' and tostring(i + 1) or string.format('%07d', i)), ARGV[5])
end
"""


def redis_of(system, noun, head, value, more=""):
    def make(place, n, text):
        socket, lot = os.environ["PENSTOCK_REDIS_SOCKET"], 100000
        cli = ["redis-cli", "-x", "-s", socket, "-n", "9"]
        subprocess.run([*cli[:1], *cli[2:], "flushdb"], check=True, stdout=subprocess.DEVNULL)
        for at in range(0, n, lot):
            subprocess.run([*cli, "eval", FILL, "0", str(at), str(min(at + lot, n) - 1), head, system],
                           input=value(text), check=True, stdout=subprocess.DEVNULL)
        return f"{system}+redis+unix://{socket}?db=9{more}", noun
    return make


redis_sessions = redis_of("triggers", "session", ":1:triggers.storages.cache:", session)
redis_plain_meltano = redis_of("meltano", "state", "penstock:meltano:dev:",
                               lambda text: f'{{"document": {document("meltano", text)}}}'.encode())
redis_plain_vdk = redis_of("vdk", "source", "penstock:vdk:",
                           lambda text: f'{{"document": {document("vdk", text)}}}'.encode())
redis_plain_etl = redis_of("etl", "table", "penstock:etl:7/",
                           lambda text: f'{{"document": {document("etl", text)}}}'.encode())

LAYOUTS = {make: globals()[make] for make in (
    "file_meltano", "file_vdk", "file_plain", "file_djcache", "sqlite_meltano", "sqlite_vdk",
    "sqlite_plain", "sqlite_dbcache", "postgres_meltano", "postgres_plugin", "postgres_vdk",
    "postgres_job_properties", "postgres_dbcache", "postgres_etl", "redis_sessions",
    "redis_plain_meltano", "redis_plain_vdk", "redis_plain_etl")}
LISTS = {"ids": ["--ids"], "rows": ["-o", "tsv"]}


def make_layout(name, place, n, bytes_):
    return LAYOUTS[name](place, n, pad(bytes_, n))


def measure(name, n, bytes_, env):
    place = tempfile.mkdtemp(prefix="penstock-scale.")
    try:
        # By another process: of a child's memory the kernel counts what its parent had when it began.
        with multiprocessing.Pool(1) as other:
            address, noun = other.apply(make_layout, (name, place, n, bytes_))
        answers = {}
        for what, words in LISTS.items():
            run = answers[what] = Run([PENSTOCK, "-t", address, noun, "list", *words], env)
            lines = run.lines - (what == "rows")  # its head
            if lines != n:
                raise SystemExit(f"scale.py: {lines} lines of {n} records: {address} {words}")
        return answers
    finally:
        shutil.rmtree(place)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("layouts", nargs="*", metavar="LAYOUT")
    parser.add_argument("--records", type=int, default=1500)
    parser.add_argument("--small", type=int, default=64, metavar="BYTES")
    parser.add_argument("--large", type=int, default=40000, metavar="BYTES")
    args = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="penstock-scale.") as home:
        # What is freed goes back at once, with the address sanitizer too.
        env = dict(os.environ, HOME=home, XDG_STATE_HOME=home, XDG_CONFIG_HOME=home,
                   XDG_DATA_HOME=home, LC_ALL="C.UTF-8", ASAN_OPTIONS="quarantine_size_mb=0")
        for name in args.layouts or LAYOUTS:
            small = measure(name, args.records, args.small, env)
            large = measure(name, args.records, args.large, env) if args.large else small
            line = {"layout": name, "records": args.records}
            for what in LISTS:
                line[what] = [[round(run[what].took_ms), run[what].rss_kb] for run in (small, large)]
                more = large[what].rss_kb - small[what].rss_kb
                if more > PAGE_KB:
                    wrong += 1
                    print(f"scale.py: {name}: {what}: {more} kB more for large values")
            print(json.dumps(line), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
