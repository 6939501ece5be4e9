"""A state backend of Meltano's that keeps states in penstock's plain layout on Redis, written from
docs/stores.md: what somebody would write who wants his states in Redis and penstock beside them. It
is registered with the real Meltano as the backend of plainredis://SOCKET?DB:PREFIX, the prefix without its last colon.

A change is fenced: the script that writes looks whether the lock still holds our text.
"""

import contextlib
import datetime
import json
import os
import socket
from time import sleep

import redis
from meltano.core.state_store.base import MeltanoState, StateIDLockedError, StateStoreManager

LOCK_MS, LEFT_MS, ATTEMPTS = 30000, 3000, 30

# KEYS: record, lock. ARGV: our lock, ms it must last, the record or nothing.
WRITE = """
if redis.call('GET', KEYS[2]) ~= ARGV[1] or redis.call('PTTL', KEYS[2]) < tonumber(ARGV[2]) then
    return 0
end
if ARGV[3] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[3]) end
return 1
"""
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class PlainRedisStateStoreManager(StateStoreManager):
    label = "Redis"

    def __init__(self, uri, **kwargs):
        super().__init__(**kwargs)
        path, _, rest = uri.partition("://")[2].partition("?")
        db, _, prefix = rest.partition(":")
        self.prefix = prefix + ":"
        self.redis = redis.Redis(unix_socket_path=path, db=int(db))
        self.held = {}

    def key(self, state_id):
        return f"{self.prefix}meltano:{state_id}"

    def lock_key(self, state_id):
        return f"{self.prefix}lock:meltano:{state_id}"

    def write(self, state_id, text):
        if state_id not in self.held:  # an import takes no lock of its own
            with self.acquire_lock(state_id, retry_seconds=1):
                return self.write(state_id, text)
        if not self.redis.eval(WRITE, 2, self.key(state_id), self.lock_key(state_id),
                               self.held[state_id], LEFT_MS, text):
            raise StateIDLockedError(f"The lock of {state_id} ended before the write")

    def set(self, state):
        pair = {"completed": state.completed_state or {}, "partial": state.partial_state or {}}
        self.write(state.state_id, json.dumps({"document": pair}))

    def get(self, state_id):
        text = self.redis.get(self.key(state_id))
        if text is None:
            return None
        pair = json.loads(text)["document"]
        return MeltanoState(state_id, partial_state=pair.get("partial") or {},
                            completed_state=pair.get("completed") or {})

    def delete(self, state_id):
        self.write(state_id, "")

    def get_state_ids(self, pattern=None):
        escaped = "".join("\\" + c if c in "*?[]\\^" else c for c in self.key(""))
        keys = self.redis.scan_iter(match=escaped + (pattern or "*"), count=1000, _type="string")
        return sorted({key.decode()[len(self.key("")):] for key in keys})

    @contextlib.contextmanager
    def acquire_lock(self, state_id, *, retry_seconds=1):
        for attempt in range(ATTEMPTS):
            if attempt:
                sleep(retry_seconds)
            seconds, micros = self.redis.time()
            fence = seconds * 1000000 + micros
            ends = datetime.datetime.fromtimestamp(seconds + LOCK_MS // 1000, datetime.timezone.utc)
            text = json.dumps({"holder": f"meltano@{socket.gethostname()}/{os.getpid()}",
                               "fence": fence, "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ")})
            if self.redis.set(self.lock_key(state_id), text, nx=True, px=LOCK_MS):
                break
        else:
            raise StateIDLockedError(f"Could not acquire lock for state_id: {state_id}")
        self.held[state_id] = text
        try:
            yield
        finally:
            del self.held[state_id]
            self.redis.eval(RELEASE, 1, self.lock_key(state_id), text)

    def close(self):
        self.redis.close()
