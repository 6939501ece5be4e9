"""Meltano and penstock on the same states: with_meltano.py file|windows|sqlite|postgres|plugin|redis [TEST...]

Meltano is called through its StateService, as `meltano state` and every run call it, and runs real
pipelines whose tap and target are scripts. 3.x and 4.x take the same calls.
"""

import json
import os
import subprocess
import sys
import time

import meltano_stores  # first: it sets the environment that Meltano reads when imported
from meltano.core.job import Payload

import harness
from harness import (CONFLICT, DAMAGED, DONE, FAILED, LOCKED, NOT_FOUND, Child, Held, equal, fails, rounds,
                     until)

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
    assert state_id in store.ids()
    # They go on with it, and take it away.
    store.meltano(lambda service: service.add_state(
        state_id, '{"singer_state": {"bookmarks": {"refunds": {"v": 9}}}}', Payload.INCOMPLETE_STATE))
    shown = json.loads(store.penstock("state", "get", state_id).out)
    equal(shown["singer_state"]["bookmarks"]["refunds"], {"v": 9})
    store.meltano(lambda service: service.clear_state(state_id))
    store.penstock("state", "get", state_id, exit=NOT_FOUND)
    assert not store.left(state_id)


def ids_that_look_like_patterns(store):
    """What means something in a glob, in LIKE or in Redis's patterns is a sign of an id like any
    other: each of us finds, and takes away, what the other made, and nothing else."""
    ids = ["glob*", "glob[a-c]", "globa", "what?", "back\\slash", "100%_sure", "100xysure", "^{1,2}"]
    whole = {"singer_state": {"bookmarks": {}}}
    for state_id in ids[::2]:
        store.put(state_id, whole, {})
    for state_id in ids[1::2]:
        store.penstock.change("state", "set", state_id, json.dumps(whole))

    def listed():
        return {row["id"] for row in store.penstock("state", "list", "--json").lines()}
    assert set(ids) <= store.ids(), store.ids()
    equal(listed(), store.ids())
    for i, state_id in enumerate(ids):
        before = store.ids()
        if i % 2:
            store.meltano(lambda service: service.clear_state(state_id))
        else:
            store.penstock.change("state", "clear", state_id)
        equal(store.ids(), before - {state_id})
        equal(listed(), store.ids())


def halves_that_are_not_there(store):
    """A half that was left out is an empty one. In the system database, where Meltano itself stops
    at it, it is damage, which we mend."""
    half = {"singer_state": {"bookmarks": {"s": {"n": 1}}}}
    for state_id, halves in {"no-partial": {"completed": half}, "no-completed": {"partial": half},
                             "neither": {}}.items():
        store.put_halves(state_id, **halves)
        before, pair = store.stored(state_id), (halves.get("completed", {}), halves.get("partial", {}))
        if store.null_is_damage:
            fails((TypeError, AttributeError), store.meltano,
                  lambda service: service.get_state(state_id))
            store.penstock("state", "get", state_id, exit=DAMAGED)
            store.penstock.change("state", "repair", state_id)
            equal(store.pair(state_id), pair)
            store.penstock.change("journal", "undo")
            equal(store.stored(state_id), before)
            store.penstock.change("state", "repair", state_id)
            before = store.stored(state_id)
        equal(store.pair(state_id), pair)
        equal(json.loads(store.penstock("state", "get", state_id).out), half if halves else {})
        store.penstock.change("state", "merge", state_id, '{"singer_state": {"bookmarks": {"t": 2}}}')
        more = dict(pair[1].get("singer_state", {}).get("bookmarks", {}), t=2)
        equal(store.pair(state_id), (pair[0], {"singer_state": {"bookmarks": more}}))
        store.penstock.change("journal", "undo")
        equal(store.stored(state_id), before)
        store.meltano(lambda service: service.clear_state(state_id))


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


def an_open_write_of_theirs_stops_us(store):
    """Where Meltano takes no lock, its transaction is one."""
    if store.locks:
        return "its lock does"
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"v": 1}}, {})
    before = store.stored(state_id)
    set_it = ("state", "set", state_id, '{"singer_state": {"v": 2}}', "--lock-wait", "0.2")
    with store.open_write(state_id):
        store.penstock.change(*set_it, exit=LOCKED)
        equal(json.loads(store.penstock("state", "get", state_id).out), {"singer_state": {"v": 1}})
    equal(store.stored(state_id), before)
    store.penstock.change(*set_it)
    equal(store.pair(state_id), ({"singer_state": {"v": 2}}, {}))


def the_lock_of_a_dead_holder_ends(store):
    """Theirs does not stop us for ever, nor ours them."""
    if not store.locks:
        return "Meltano takes none here"
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"v": 1}}, {})
    ready = os.path.join(harness.WORK, "locked")

    def hold(service):
        with service.state_store_manager.acquire_lock(state_id, retry_seconds=1):
            open(ready, "w").close()
            time.sleep(600)
    child = Child(lambda: store.meltano(hold))
    until(lambda: os.path.exists(ready), "they have the lock")
    child.die()
    store.lock_ends(state_id)
    store.penstock.change("state", "set", state_id, '{"singer_state": {"v": 2}}', "--lock-wait", "0")
    held = store.our_lock(state_id)
    if isinstance(held, Held):
        held.__enter__().die()
        equal([row["object"] for row in store.penstock("lock", "list", "--json").lines()], [state_id])
        store.lock_ends(state_id)
    store.meltano(lambda service: service.set_state(state_id, '{"singer_state": {"v": 3}}'))
    equal(store.pair(state_id), ({"singer_state": {"v": 3}}, {}))
    equal(store.penstock("lock", "list", "--json").lines(), [])


def a_lock_that_ended_writes_nothing(store):
    """The fence: whoever comes back after his lock ended, and we wrote since, is stopped."""
    if store.name != "redis":
        return "not in Meltano's own layouts"
    from meltano.core.state_store.base import MeltanoState, StateIDLockedError
    state_id = "dev:tap-a-to-target-b"
    store.put(state_id, {"singer_state": {"v": 1}}, {})

    def late(service):
        manager = service.state_store_manager
        with manager.acquire_lock(state_id, retry_seconds=1):
            store.lock_ends(state_id)
            store.penstock.change("state", "set", state_id, '{"singer_state": {"v": 2}}')
            fails(StateIDLockedError, manager.set,
                  MeltanoState(state_id, {}, {"singer_state": {"v": 3}}))
    store.meltano(late)
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
        """Again after a conflict, or when Meltano wrote its lock over ours and we noticed in time
        or, where its state came over ours as well, too late, or when it had the lock while we
        planned and that says that it is at work."""
        taken = 0
        for _ in range(50):
            code = store.penstock.change("state", "set", state_id, "--part", "completed", "--at",
                                         f"/singer_state/ours/s{i}", str(i), "--lock-wait", "600",
                                         exit=(DONE, FAILED, CONFLICT, LOCKED)).code
            if code == DONE:
                return taken
            taken += code in (FAILED, LOCKED)
        raise AssertionError("never done")

    unlocked, taken = rounds(theirs, ours)
    if not store.lock_is_writer:
        assert sum(taken) <= sum(unlocked), \
            f"locked {sum(taken)} times, {sum(unlocked)} without a lock"
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
    if not store.runs_here:
        return "not on this system"
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
              "the tap starts", 300)
        if store.runs(state_id):
            # The run is seen, and an edit under it refused.
            row, = store.penstock("state", "list", "--json", "--pattern", state_id).lines()
            equal((row["run"]["state"], row["run"]["live"]), ("RUNNING", True))
            store.penstock.change("state", "set", state_id, '{"singer_state": {}}', exit=LOCKED)
    finally:
        os.remove(os.path.join(store.root, "hold"))
        code = process.wait(300)
    with open(log, encoding="utf-8") as output:
        equal(code, 0, output.read())
    with open(os.path.join(store.root, "given.json"), encoding="utf-8") as file:
        equal(json.load(file), {"bookmarks": dict(written["bookmarks"], t=1)}, "what the tap was given")
    equal(store.pair(state_id), ({"singer_state": emitted}, {}))
    equal(json.loads(store.penstock("state", "get", state_id).out), {"singer_state": emitted})
    if store.runs(state_id):
        history = store.penstock("state", "history", state_id, "--json").lines()
        equal(sorted(row["state"] for row in history)[-1], "SUCCESS", history)


def what_a_backend_has_to_do(store):
    """The contract of a state backend (meltano.md 6.4), on the layout that we define: through the
    manager itself, with penstock as the witness."""
    if store.name != "redis":
        return "Meltano's own backends"
    from meltano.core.state_store.base import MeltanoState

    def listed():
        return {row["id"] for row in store.penstock("state", "list", "--json").lines()}

    def contract(service):
        manager = service.state_store_manager
        assert manager.clear_all() == len(before)
        equal((listed(), manager.clear_all(), manager.set_all([])), (set(), 0, 0))
        manager.delete("missing")
        manager.clear("missing")
        equal(manager.get("missing"), None)
        ids = ["multiple-complete", "x-multiple-complete", "multiple-complete-x", "a[b]"]
        states = [MeltanoState(name, {}, {"singer_state": {"n": i}}) for i, name in enumerate(ids)]
        equal(manager.set_all(state for state in states), len(ids))
        equal((listed(), set(manager.get_state_ids()), set(manager.get_state_ids(""))),
              (set(ids), set(ids), set(ids)))
        for pattern, found in {"multiple-complete": ids[:1], "*multiple-complete": ids[:2],
                               "*": ids, "multiple*": [ids[0], ids[2]], "nothing*": []}.items():
            equal(set(manager.get_state_ids(pattern)), set(found), pattern)
        equal({state.state_id: (state.completed_state, state.partial_state)
               for state in manager.get_all("*")},
              {state.state_id: (state.completed_state, {}) for state in states})
        manager.update(MeltanoState(ids[0], {"singer_state": {"p": 1}}, {}))
        equal(json.loads(store.penstock("state", "get", ids[0]).out), {"singer_state": {"n": 0, "p": 1}})
        error = ZeroDivisionError()
        try:
            with manager.acquire_lock(ids[0], retry_seconds=1):
                raise error
        except ZeroDivisionError:
            pass
        equal(store.penstock("lock", "list", "--json").lines(), [], "released on an error")
        for state in manager.get_all():
            manager.clear(state.state_id)
        equal(listed(), set())
        manager.close()
        manager.close()
    before = listed()
    store.meltano(contract)


TESTS = [they_write_we_read, both_write_the_same, they_load_what_we_write,
         ids_that_look_like_patterns, halves_that_are_not_there, undo_gives_back_theirs,
         our_old_plan_is_refused, their_lock_stops_us, our_lock_stops_them,
         an_open_write_of_theirs_stops_us, the_lock_of_a_dead_holder_ends,
         a_lock_that_ended_writes_nothing, two_writers_side_by_side, two_writers_on_one_state,
         they_run_from_what_we_wrote, what_a_backend_has_to_do]

if __name__ == "__main__":
    harness.main(meltano_stores.LAYOUTS, TESTS)
