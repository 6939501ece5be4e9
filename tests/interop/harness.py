"""What the test of every partner needs: penstock as a subprocess, a directory and databases of its
own, two writers at once, and a runner that goes on after a failure.

A partner's script has a table LAYOUTS (name -> store class, made once for the whole run) and a list
TESTS of functions that take such a store; `main(LAYOUTS, TESTS)` runs all of them on the layout that
is named on the command line. The partner's code is called in this process, penstock is a program.
"""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from urllib.parse import quote as quote_path

ROUNDS = 200

# penstock's exit codes
DONE, FAILED, NOT_FOUND, CONFLICT, LOCKED, REFUSED, DAMAGED, PARTLY = 0, 1, 3, 4, 5, 6, 8, 9

WORK = None


class Result:
    def __init__(self, args, code, out, err):
        self.args, self.code, self.out, self.err = args, code, out, err

    def __str__(self):
        return "penstock {}\nexit {}\n{}{}".format(" ".join(self.args), self.code, self.out, self.err)

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [json.loads(line) for line in self.out.splitlines()]


class Penstock:
    """The program on one store, with journal and configuration in a directory of its own."""

    def __init__(self, target, name="penstock"):
        self.target = target
        self.env = dict(os.environ)
        for variable in ("PENSTOCK_TARGET", "VISUAL", "EDITOR"):
            self.env.pop(variable, None)
        for kind in ("STATE", "CONFIG", "DATA"):
            self.env[f"XDG_{kind}_HOME"] = os.path.join(WORK, name, kind.lower())

    def popen(self, *args, **options):
        # What must happen may take long, on a machine that has other things to do.
        return subprocess.Popen([os.environ["PENSTOCK"], "--timeout", "600", "-t", self.target, *args],
                                env=self.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, encoding="utf-8", **options)

    def __call__(self, *args, exit=DONE):
        """Runs a command; anything but the exit code, or one of the codes, is a failure."""
        process = self.popen(*args)
        try:
            out, err = process.communicate(timeout=900)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise
        result = Result(args, process.returncode, out, err)
        wanted = exit if isinstance(exit, tuple) else (exit,)
        assert result.code in wanted, f"exit {result.code}, not {wanted}: {result}"
        return result

    def change(self, *args, exit=DONE):
        return self(*args, "--yes", exit=exit)


def quote(address):
    """An address as the value of a parameter of another."""
    return quote_path(address, safe="")


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}\n     got {around(got, wanted)}\n  wanted {around(wanted, got)}")


def around(value, other, width=1500):
    """A value for a message: of a long one, where it begins to differ."""
    text, other = repr(value), repr(other)
    same = next((i for i, pair in enumerate(zip(text, other)) if pair[0] != pair[1]), 0)
    start = max(0, same - width // 2) if len(text) > width else 0
    return ("…" if start else "") + text[start:start + width]


def until(condition, what, seconds=600):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"never: {what}"
        time.sleep(0.005)


def fails(kind, call, *args, **options):
    """The call must raise that exception, which is returned."""
    try:
        call(*args, **options)
    except kind as error:
        return error
    raise AssertionError(f"{call} did not raise {kind}")


class Held:
    """A lock of penstock's, held for as long as the block runs: `lock hold` on a command that waits
    for its standard input to end."""

    def __init__(self, penstock, name, seconds=600):
        self.args = [os.environ["PENSTOCK"], "--timeout", "600", "-t", penstock.target, "lock", "hold", name, "--for",
                     str(seconds), "--", "sh", "-c", "echo held; read end"]
        self.env = penstock.env

    def __enter__(self):
        self.process = subprocess.Popen(self.args, env=self.env, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        encoding="utf-8")
        line = self.process.stdout.readline()
        assert line == "held\n", f"{line}{self.process.stderr.read()}"
        return self

    def __exit__(self, *_):
        _, err = self.process.communicate("end\n", timeout=900)
        equal(self.process.returncode, 0, err)

    def die(self):
        """Instead of leaving the block: penstock ends without a chance to release the lock."""
        self.process.kill()
        self.process.communicate(timeout=900)


class Child:
    """A call in a process of its own, as a second writer is; `result()` waits for what it returned."""

    def __init__(self, call, *args):
        self.parent, child = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=self._run, args=(child, call, args))
        self.process.start()
        child.close()

    @staticmethod
    def _run(pipe, call, args):
        try:
            pipe.send((True, call(*args)))
        except BaseException:
            pipe.send((False, traceback.format_exc()))

    def running(self):
        return self.process.is_alive() and not self.parent.poll()

    def die(self):
        """Instead of `result`: it ends without a chance to clean up."""
        self.process.kill()
        self.process.join(600)
        self.parent.close()

    def result(self, seconds=900):
        if not self.parent.poll(seconds):
            self.process.kill()
            raise AssertionError("the partner's process does not answer")
        good, answer = self.parent.recv()
        self.process.join(seconds)
        self.parent.close()
        assert good, f"the partner failed\n{answer}"
        return answer


def rounds(theirs, ours, count=ROUNDS):
    """Two writers at once: in each round both start at the same moment, ours(i) in this process and
    theirs(i) in one of its own, later by a random part of the time that ours takes, so that over
    the rounds theirs falls into every moment of ours. Returns what they answered, a list each."""
    barrier, took = multiprocessing.Barrier(2), multiprocessing.Value("d", 0.0)

    def writer():
        answers, chance = [], random.Random(0)
        try:
            for i in range(count):
                barrier.wait(900)
                time.sleep(chance.random() * took.value)
                answers.append(theirs(i))
        except BaseException:
            barrier.abort()
            raise
        return answers

    child, answers = Child(writer), []
    try:
        for i in range(count):
            barrier.wait(900)
            started = time.monotonic()
            answers.append(ours(i))
            took.value = time.monotonic() - started
    except threading.BrokenBarrierError:
        pass  # the child's answer says what went wrong
    except BaseException:
        barrier.abort()
        raise
    return child.result(), answers


def server(variable):
    """What tests/servers/run.sh says of a server; without one there is nothing to test."""
    if variable in os.environ:
        return os.environ[variable]
    print(f"no {variable}: run this under tests/servers/run.sh", file=sys.stderr)
    sys.exit(1 if os.environ.get("CI") == "true" else 77)


class Postgres:
    """A database of its own on the tests' server."""

    def __init__(self, name):
        self.name = f"interop_{name}_{os.getpid()}"
        self.base = server("PENSTOCK_POSTGRES")
        self.url = self.base.replace("/postgres?", f"/{self.name}?")
        self.directory = server("PENSTOCK_POSTGRES_DIR")
        self.psql(self.base, f"create database {self.name}")

    @staticmethod
    def psql(url, *commands):
        program = os.path.join(os.environ["PENSTOCK_POSTGRES_BIN"], "psql")
        words = [word for command in commands for word in ("-c", command)]
        return subprocess.run([program, "-XqAt", "-v", "ON_ERROR_STOP=1", url, *words], check=True,
                              stdout=subprocess.PIPE, encoding="utf-8").stdout

    def sql(self, *commands):
        return self.psql(self.url, *commands)

    def close(self):
        until(self.drop, "its sessions end")

    def drop(self):
        """False when a session lives for longer than the server waits, which is five seconds."""
        try:
            self.psql(self.base, f"drop database if exists {self.name} with (force)")
        except subprocess.CalledProcessError:
            return False
        return True


def main(layouts, tests):
    global WORK
    layout = sys.argv[1]
    only = sys.argv[2:]
    # A test that takes too long is ended from outside; leave nothing behind then either.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    WORK = tempfile.mkdtemp(prefix="penstock-interop-")
    os.environ["HOME"] = WORK
    failures, store = [], None
    try:
        store = layouts[layout]()
        for test in tests:
            if only and test.__name__ not in only:
                continue
            started = time.monotonic()
            try:
                note = test(store)
                verdict = f"ok ({note})" if note else "ok"
            except Exception:
                failures.append(test.__name__)
                verdict = "FAILED\n" + traceback.format_exc()
            print(f"{layout}.{test.__name__} {time.monotonic() - started:.1f} s: {verdict}", flush=True)
    finally:
        if store is not None:
            store.close()
        shutil.rmtree(WORK, ignore_errors=True)
    if failures:
        sys.exit(f"{len(failures)} failed: {' '.join(failures)}")
