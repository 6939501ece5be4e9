#!/usr/bin/env python3
"""The screen in a pseudo-terminal: one JSON line per figure.

    screen.py PENSTOCK ADDRESS [--rows N]    N: how many rows the list will have

first_paint_ms, first_rows_ms, loaded_ms, key_repaint_ms (median, p99; idle, while it loads, while it
sorts, while it filters), move_bytes at 120x40, sort_ms, filter_ms, rss_anon_kb, idle_cpu_percent.
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


class Screen:
    def __init__(self, program, args, rows=40, columns=120):
        self.home = tempfile.TemporaryDirectory()
        env = dict(os.environ, HOME=self.home.name, TERM="xterm-256color", LC_ALL="C.UTF-8",
                   XDG_STATE_HOME=self.home.name, XDG_CONFIG_HOME=self.home.name)
        self.size = (rows, columns)
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(program, [program, *args], env)
        self.seen = b""
        self.loaded = False

    def read(self, timeout):
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return b""
        data = os.read(self.fd, 65536)
        self.seen += data
        self.loaded = self.loaded or b"as of" in self.seen
        return data

    def text(self):
        return re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b" ", self.seen).decode("utf-8", "replace")

    def wait(self, pattern, seconds):
        """Milliseconds since now until what was written matches."""
        begin = time.monotonic()
        while not re.search(pattern, self.text()):
            if time.monotonic() - begin > seconds:
                raise SystemExit(f"screen.py: never written: {pattern}\n{self.text()[-2000:]}")
            self.read(0.05)
        return (time.monotonic() - begin) * 1000

    def quiet(self, seconds=5):
        end = time.monotonic() + seconds
        while self.read(QUIET) and time.monotonic() < end:
            pass
        self.seen = b""

    def key(self, keys):
        """(milliseconds to the first byte written, bytes written)."""
        self.seen = b""
        begin = time.monotonic()
        os.write(self.fd, keys)
        data = self.read(2)
        took = (time.monotonic() - begin) * 1000
        size = len(data)
        while True:
            more = self.read(QUIET)
            if not more:
                break
            size += len(more)
        return took, size

    def keys(self, n, seconds=60):
        """n moves, each when the terminal is silent; their answers in milliseconds, and the bytes."""
        took, sizes = [], []
        end = time.monotonic() + seconds
        for i in range(n):
            if time.monotonic() > end:
                break
            while self.read(PAUSE) and time.monotonic() < end:
                pass
            self.seen = b""
            begin = time.monotonic()
            os.write(self.fd, b"j" if i % 40 < 20 else b"k")
            data = self.read(2)
            took.append((time.monotonic() - begin) * 1000)
            sizes.append(len(data))
        return sorted(took), sorted(sizes)

    def status(self, name):
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(rf"{name}:\s+(\d+)", f.read()).group(1))

    def cpu(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        end = time.monotonic() + 5
        while time.monotonic() < end and os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            time.sleep(0.01)
        os.close(self.fd)
        self.home.cleanup()


def say(figure, **values):
    print(json.dumps({"figure": figure, **values}), flush=True)


def say_keys(figure, screen, n):
    took, sizes = screen.keys(n)
    say(figure, n=len(took), median=round(took[len(took) // 2], 2),
        p99=round(took[int(len(took) * .99)], 2), max=round(took[-1], 2),
        bytes_median=sizes[len(sizes) // 2])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("address")
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--idle", type=float, default=10)
    parser.add_argument("--word", default="tap-123")
    args = parser.parse_args()
    screen = Screen(args.program, ["-t", args.address])
    screen.read(5)
    say("first_paint_ms", value=round((time.monotonic() - screen.started) * 1000, 1))
    screen.wait(r"tap-|app:|as of|loaded", 20)
    say("first_rows_ms", value=round((time.monotonic() - screen.started) * 1000, 1))
    long = args.rows > 5000
    if long:
        say_keys("key_repaint_ms.loading", screen, 300)
    if not screen.loaded:
        screen.wait(r"as of", 300)
    say("loaded_ms", value=round((time.monotonic() - screen.started) * 1000, 1))
    say("rss_anon_kb.loaded", value=screen.status("RssAnon"))
    screen.quiet()
    say_keys("key_repaint_ms.idle", screen, 500)
    took = [screen.key(b"j" if i % 2 else b"k") for i in range(20)]
    say("move_bytes", max=max(size for _, size in took))
    screen.quiet()
    if long:
        os.write(screen.fd, b">")
        say_keys("key_repaint_ms.sort", screen, 100)
        settle(screen)
        screen.seen = b""
        begin = time.monotonic()
        os.write(screen.fd, b"s")
        screen.wait("[\u2191\u2193]", 10)
        say("sort_ms", value=round((time.monotonic() - begin) * 1000))
        settle(screen)
        os.write(screen.fd, b"/" + args.word[:-1].encode())
        settle(screen)
        begin = time.monotonic()
        os.write(screen.fd, args.word[-1:].encode())
        silent = settle(screen)
        say("filter_ms", value=round((silent - begin) * 1000))
        os.write(screen.fd, b"\r")
        say_keys("key_repaint_ms.filtered", screen, 200)
        say("rss_anon_kb.filtered", value=screen.status("RssAnon"))
        os.write(screen.fd, b"\x1b")
        settle(screen)
    watch(screen, 3)  # until what the last key began is done
    before, begin = screen.cpu(), time.monotonic()
    watch(screen, args.idle)
    say("idle_cpu_percent", value=round((screen.cpu() - before) / (time.monotonic() - begin) * 100, 2))
    say("rss_anon_kb.idle", value=screen.status("RssAnon"))
    screen.close()


def watch(screen, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen.read(0.5)


def settle(screen):
    """When the terminal was written to last, once it is silent for longer than between two looks at
    the progress."""
    last = time.monotonic()
    while time.monotonic() - last < 0.4:
        if screen.read(0.02):
            last = time.monotonic()
    return last


if __name__ == "__main__":
    sys.exit(main())
