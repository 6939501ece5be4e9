#!/usr/bin/env python3
"""The screen in a pseudo-terminal of 120x40: one JSON line per figure.

    screen.py PENSTOCK ADDRESS [--rows N] [--idle SECONDS] [--word WORD]

N says how many rows the list will have. Of a long one it is also measured how keys are answered while
it loads, while it is put in order by a column and while it is filtered by WORD, and what that takes.

A key is answered when the terminal is written to; the next key is sent when it is silent.
"""
import argparse
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import tempfile
import termios
import time

PAUSE = 0.002  # what was written before is not the answer to the next key
QUIET = 0.03  # a repaint is over when nothing comes for so long
SETTLED = 0.4  # longer than between two looks at the progress
LONG = 5000  # rows beyond which values are read only where they are seen


class Screen:
    def __init__(self, program, address, rows):
        self.home = tempfile.TemporaryDirectory()
        self.rows = rows
        env = dict(os.environ, HOME=self.home.name, TERM="xterm-256color", LC_ALL="C.UTF-8",
                   XDG_STATE_HOME=self.home.name, XDG_CONFIG_HOME=self.home.name)
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
            os.execve(program, [program, "-t", address], env)
        self.seen = b""
        self.loaded = False

    def age(self):
        return (time.monotonic() - self.started) * 1000

    def read(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return b""
        data = os.read(self.fd, 65536)
        self.loaded = self.loaded or b"as of" in self.seen[-4:] + data
        self.seen += data
        return data

    def wait(self, pattern, seconds):
        """Until what was written matches."""
        end = time.monotonic() + seconds
        while True:
            text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b" ", self.seen).decode("utf-8", "replace")
            if re.search(pattern, text):
                return
            if time.monotonic() > end:
                raise SystemExit(f"screen.py: never written: {pattern}\n{text[-2000:]}")
            self.read(0.05)

    def settle(self, silence=SETTLED):
        """When the terminal was written to last, once it is silent."""
        last = time.monotonic()
        while time.monotonic() - last < silence:
            if self.read(0.02):
                last = time.monotonic()
        self.seen = b""
        return last

    def move(self, i):
        """Key i of a walk down and up again that never leaves the list."""
        swing = min(20, self.rows - 1)
        os.write(self.fd, b"j" if i % (2 * swing) < swing else b"k")

    def answers(self, n, seconds=60):
        """Milliseconds to the first byte after each of n moves, sorted."""
        took = []
        end = time.monotonic() + seconds
        for i in range(n):
            while self.read(PAUSE) and time.monotonic() < end:
                pass
            begin = time.monotonic()
            self.move(i)
            self.read(2)
            took.append((time.monotonic() - begin) * 1000)
            if time.monotonic() > end:
                break
        return sorted(took)

    def sizes(self, n):
        """Bytes that each of n moves costs, with all that follows from it, sorted."""
        sizes = []
        for i in range(n):
            self.seen = b""
            self.move(i)
            self.read(2)
            while self.read(QUIET):
                pass
            sizes.append(len(self.seen))
        return sorted(sizes)

    def rss_anon_kb(self):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1))

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def idle_cpu_percent(self, seconds):
        self.settle()
        before, begin = self.cpu_seconds(), time.monotonic()
        while time.monotonic() - begin < seconds:
            self.read(0.5)
        return (self.cpu_seconds() - before) / (time.monotonic() - begin) * 100

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + 60
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                raise SystemExit("screen.py: the program does not end")
            try:
                self.read(0.01)
            except OSError:  # it has ended, and is not waited for yet
                time.sleep(0.01)
        os.close(self.fd)
        self.home.cleanup()


def say(figure, value, unit="ms"):
    print(json.dumps({"figure": figure, "value": round(value, 2), "unit": unit}), flush=True)


def say_answers(state, screen, n):
    took = screen.answers(n)
    say(f"key_{state}_median", took[len(took) // 2])
    say(f"key_{state}_p99", took[int(len(took) * .99)])


def measure_start(screen):
    screen.read(5)
    say("first_paint", screen.age())
    screen.wait(r"tap-|public\.|app:|as of|loaded", 600)
    say("first_rows", screen.age())
    if screen.rows > LONG:
        say_answers("loading", screen, 300)
    if not screen.loaded:
        screen.wait(r"as of", 600)
    say("loaded", screen.age())
    say("rss_anon_loaded", screen.rss_anon_kb(), "kB")


def measure_sort(screen):
    os.write(screen.fd, b">")  # begins to order by the next column
    say_answers("sorting", screen, 100)
    screen.settle()
    begin = time.monotonic()
    os.write(screen.fd, b"s")
    screen.wait("[\u2191\u2193]", 600)
    say("sort", (time.monotonic() - begin) * 1000)
    screen.settle()


def measure_filter(screen, word):
    os.write(screen.fd, b"/" + word[:-1].encode())
    screen.settle()
    begin = time.monotonic()
    os.write(screen.fd, word[-1:].encode())
    say("filter", (screen.settle() - begin) * 1000)
    os.write(screen.fd, b"\r")
    say_answers("filtered", screen, 200)
    os.write(screen.fd, b"\x1b")
    screen.settle()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("address")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--idle", type=float, default=10)
    parser.add_argument("--word", default="tap-00")
    args = parser.parse_args()
    screen = Screen(args.program, args.address, args.rows)
    measure_start(screen)
    screen.settle()
    say_answers("idle", screen, 500)
    say("move", screen.sizes(40)[20], "bytes")
    if args.rows > LONG:
        measure_sort(screen)
        measure_filter(screen, args.word)
    say("idle_cpu", screen.idle_cpu_percent(args.idle), "%")
    say("rss_anon_idle", screen.rss_anon_kb(), "kB")
    screen.close()


if __name__ == "__main__":
    sys.exit(main())
