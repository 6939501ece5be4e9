#!/usr/bin/env python3
"""A run at a very small scale: the figures are those of docs/performance.md, and each is a number.

How fast is no test: machines differ.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SCALE = "0.006"  # just beyond the length from which on a list is long


def documented():
    with open(os.path.join(HERE, "..", "..", "docs", "performance.md")) as f:
        return set(re.findall(r"^\| `(\w+)` \|", f.read(), re.MULTILINE))


def main():
    run = subprocess.run([os.path.join(HERE, "figures.py"), "--scale", SCALE],
                         stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    wrong = [line for line in lines if not all(
        isinstance(line.get(key, 0), (int, float)) and line.get(key, 0) >= 0
        for key in ("value", "peer", "ratio", "goal")) or ("peer" in line) != ("ratio" in line)]
    figures = {line["figure"] for line in lines}
    for line in wrong:
        print(f"check.py: no number: {line}")
    for name in sorted(figures ^ documented()):
        print(f"check.py: {name} is {'not documented' if name in figures else 'not measured'}")
    return 1 if wrong or figures != documented() or len(lines) != len(figures) else 0


if __name__ == "__main__":
    sys.exit(main())
