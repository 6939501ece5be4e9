#!/usr/bin/env python3
"""The stores that the requirements are checked on.

    fixture.py etl                 SQL: pipeline 4 with 40 tables, 6 of them errored, each with its
                                   whole history; load it behind tests/servers/etl_schema.sql
    fixture.py sessions SOCKET N   N sessions and 3 locks in the Redis at SOCKET
    fixture.py failed SOCKET N     N sessions that failed, no lock
    fixture.py states DIR N        N state directories of Meltano

Moments are relative to now, so that ages on the screen are what a check expects."""

import datetime
import json
import os
import pickle
import socket
import sys

NOW = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None, microsecond=0)
CHAIN = ["init", "data_sync", "finished_copy", "sync_done", "ready"]
# table number: minutes ago, phases before it errored, error
ERRORED = {
    1: (131, 3, "orders", "[InvalidState] replication slot is active for another process", "manual_retry"),
    2: (126, 3, "items", "[DestinationTimeout] insert rows: timed out after 30s", "manual_retry"),
    3: (118, 3, "invoices", "[InvalidState] replication slot is active for another process", "manual_retry"),
    4: (97, 3, "payments", "[InvalidState] replication slot is active for another process", "manual_retry"),
    5: (61, 2, "refunds", "[SourceSchemaError] table has no primary key", "no_retry"),
    6: (33, 3, "customers", "[DestinationTimeout] insert rows: timed out after 30s", "manual_retry"),
}


def ago(minutes):
    return (NOW - datetime.timedelta(minutes=minutes)).isoformat(sep=" ")


def metadata(phase):
    if phase == "sync_done":
        return {"type": phase, "lsn": "0/4A0F3C8"}
    return {"type": phase}


def etl():
    print("set timezone = 'UTC';")
    row = 0
    for table in range(1, 41):
        errored = ERRORED.get(table)
        phases = CHAIN[: errored[1]] if errored else CHAIN
        name = errored[2] if errored else f"t{table:02d}"
        oid = 916400 + table
        previous = None
        steps = [(phase, metadata(phase), 3000 + table - i) for i, phase in enumerate(phases)]
        if errored:
            steps.append(("errored", {"type": "errored", "reason": errored[3], "solution": None,
                                      "retry_policy": {"type": errored[4]}}, errored[0]))
        for i, (phase, meta, minutes) in enumerate(steps):
            row += 1
            text = json.dumps(meta).replace("'", "''")
            print("insert into etl.replication_state (id, pipeline_id, table_id, state, metadata, prev,"
                  " is_current, created_at, updated_at) overriding system value values"
                  f" ({row}, 4, {oid}, '{phase}', '{text}', {previous or 'null'},"
                  f" {str(i == len(steps) - 1).lower()}, '{ago(minutes)}', '{ago(minutes)}');")
            previous = row
        print("insert into etl.table_schemas (pipeline_id, table_id, schema_name, table_name,"
              f" snapshot_id) values (4, {oid}, 'public', '{name}', '0/0');")
        print("insert into etl.destination_tables_metadata (pipeline_id, table_id,"
              " destination_table_id, snapshot_id, schema_status, replication_mask)"
              f" values (4, {oid}, 'public_{name}_0', '0/0', 'applied', '\\x01');")
    print("select setval(pg_get_serial_sequence('etl.replication_state', 'id'), %d);" % row)


def session(number, failed):
    stamp = NOW - datetime.timedelta(minutes=number % 50 + 1)
    stamps = {"created": stamp, "lastModified": stamp, "scheduled": stamp, "running": stamp}
    kwargs = {"start": {"subject": number}}
    status = "failed" if failed else "finished"
    meta = {"timestamps": {**stamps, status: stamp}, "actualKwargs": kwargs}
    if failed:
        meta |= {"exceptionContext": {}, "exceptionType": "builtins.ValueError", "logLevel": 40,
                 "exceptionInfo": "Traceback (most recent call last):\n"
                                  '  File "/srv/app/tasks.py", line 15, in _run\n'
                                  f"ValueError: no such subject {number}\n"}
    else:
        meta |= {"result": {}, "logLevel": 0}

    def task(after, run):
        return {"after": after, "unless": [], "andEvery": None, "run": run, "using": None,
                "withParams": {}}

    def instance(kwargs, metadata, status, task):
        return {"abandonState": [], "kwargs": kwargs, "metadata": metadata, "status": status,
                "task": task}

    return {
        "tasks": {"t_import": task(["start"], "app.Import"),
                  "t_score": task(["t_import", "review"], "app.Score")},
        "instances": {"t_import#0": instance(kwargs, meta, status, "t_import"),
                      **({"t_score#0": instance({}, {}, "unstarted", "t_score")} if failed else {})},
        "metas": {"latest_kwargs": kwargs},
    }


def command(*words):
    out = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        out.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(out)


def sessions(path, count, failed=False):
    commands = [command("FLUSHDB")]
    for i in range(1, count + 1):
        value = pickle.dumps(session(i, failed or i % 100 == 17), protocol=2 + i % 4)
        commands.append(command("SET", f":1:triggers.storages.cache:applicant:{i:04d}", value,
                                "PX", 3600_000 + i))
    locks = (("applicant:0017", 600_000), ("applicant:0500", 600_000), ("gone", 0))
    for name, life in () if failed else locks:
        lock = ["SET", f"lock:triggers:{name}:lock", os.urandom(16)]
        commands.append(command(*lock, *(["PX", life] if life else [])))
    with socket.socket(socket.AF_UNIX) as redis:
        redis.connect(path)
        redis.sendall(b"".join(commands))
        answers = redis.makefile("rb")
        for _ in commands:
            line = answers.readline()
            if not line.startswith(b"+OK"):
                sys.exit(f"redis: {line!r}")


def states(directory, count):
    for i in range(1, count + 1):
        folder = os.path.join(directory, f"dev:tap-{i:03d}-to-warehouse")
        os.makedirs(folder)
        state = {"completed": {"singer_state": {"bookmarks": {
            "public-orders": {"replication_key": "updated_at",
                              "replication_key_value": f"2026-11-{i % 28 + 1:02d}T01:00:00Z"}}}},
            "partial": {}}
        with open(os.path.join(folder, "state.json"), "w", encoding="utf-8") as out:
            json.dump(state, out)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "etl":
        etl()
    elif what == "sessions":
        sessions(rest[0], int(rest[1]))
    elif what == "failed":
        sessions(rest[0], int(rest[1]), failed=True)
    else:
        states(rest[0], int(rest[1]))
