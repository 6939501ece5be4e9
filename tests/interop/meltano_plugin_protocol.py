"""What meltano-state-backend-postgresql keeps and locks, under its own names.

The plug-in is not on the Python package index. This one is written from the reference (meltano.md
6.1) and is registered with the real Meltano as the backend of postgresql://; where the plug-in can
be imported, with_meltano.py uses that instead.
"""

import contextlib
import hashlib
import json
from time import sleep

import psycopg
from meltano.core.state_store.base import MeltanoState, StateIDLockedError, StateStoreManager

ATTEMPTS = 30


class PostgreSQLStateStoreManager(StateStoreManager):
    label = "PostgreSQL"

    def __init__(self, uri, **kwargs):
        super().__init__(**kwargs)
        self.db = psycopg.connect(uri, autocommit=True)
        self.db.execute("create table if not exists state (state_id varchar(900) primary key,"
                        " partial_state text, completed_state text,"
                        " updated_at timestamp default current_timestamp)")

    def set(self, state):
        halves = [json.dumps(half) if half else None
                  for half in (state.partial_state, state.completed_state)]
        self.db.execute("insert into state values (%s, %s, %s, current_timestamp)"
                        " on conflict (state_id) do update set partial_state = excluded.partial_state,"
                        " completed_state = excluded.completed_state, updated_at = current_timestamp",
                        [state.state_id, *halves])

    def get(self, state_id):
        row = self.db.execute("select partial_state, completed_state from state where state_id = %s",
                              [state_id]).fetchone()
        if row is None:
            return None
        partial, completed = (json.loads(half) if half is not None else {} for half in row)
        return MeltanoState(state_id, partial_state=partial, completed_state=completed)

    def delete(self, state_id):
        self.db.execute("delete from state where state_id = %s", [state_id])

    def get_state_ids(self, pattern=None):
        like = (pattern or "*").replace("*", "%").replace("?", "_")
        return [row[0] for row in self.db.execute("select state_id from state where state_id like %s",
                                                  [like])]

    @contextlib.contextmanager
    def acquire_lock(self, state_id, *, retry_seconds=1):
        key = int.from_bytes(hashlib.md5(state_id.encode()).digest()[:8], "big", signed=True)
        for attempt in range(ATTEMPTS):
            if attempt:
                sleep(retry_seconds)
            if self.db.execute("select pg_try_advisory_lock(%s)", [key]).fetchone()[0]:
                break
        else:
            raise StateIDLockedError(f"Could not acquire lock for state_id: {state_id}")
        try:
            yield
        finally:
            self.db.execute("select pg_advisory_unlock(%s)", [key])

    def close(self):
        self.db.close()
