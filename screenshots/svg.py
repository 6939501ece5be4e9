#!/usr/bin/env python3
"""Turns what `tmux capture-pane -e -p` prints into a picture: svg.py COLUMNS ROWS <capture >svg

Understands what penstock's screen is made of: the sixteen colours of a terminal, bold, dim,
underline and reverse. Letters stay text."""

import html
import re
import sys
import unicodedata

CELL_W, CELL_H, BASE = 8.4, 18, 13.5
BACK, FRONT = "#16181d", "#d5d8de"
COLOURS = ["#16181d", "#e06c6c", "#86c07c", "#d9b45b", "#6fa8dc", "#c58fd6", "#66c2c2", "#d5d8de",
           "#7b818c", "#ff8a8a", "#a8e09e", "#f0cf7e", "#92c5f2", "#e0b3ee", "#8fe0e0", "#ffffff"]


def attributes(state, codes):
    codes = [int(c or 0) for c in codes.split(";")] if codes else [0]
    for code in codes:
        if code == 0:
            state = {"fg": None, "bg": None, "bold": False, "dim": False, "under": False,
                     "reverse": False}
        elif code == 1:
            state["bold"] = True
        elif code == 2:
            state["dim"] = True
        elif code == 4:
            state["under"] = True
        elif code == 7:
            state["reverse"] = True
        elif code in (22, 24, 27):
            for key in {22: ("bold", "dim"), 24: ("under",), 27: ("reverse",)}[code]:
                state[key] = False
        elif 30 <= code <= 37 or 90 <= code <= 97:
            state["fg"] = code - 30 if code < 90 else code - 82
        elif 40 <= code <= 47 or 100 <= code <= 107:
            state["bg"] = code - 40 if code < 100 else code - 92
        elif code == 39:
            state["fg"] = None
        elif code == 49:
            state["bg"] = None
    return state


def width(char):
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def runs(line):
    """Pieces of a line: column, cells, text, look."""
    state, column, pieces = attributes({}, ""), 0, []
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        if part.startswith("\x1b["):
            state = attributes(dict(state), part[2:-1])
            continue
        part = re.sub(r"\x1b[()][A-Z0-9]|[\x0e\x0f]", "", part)
        if part:
            cells = sum(width(c) for c in part)
            pieces.append((column, cells, part, dict(state)))
            column += cells
    return pieces


def draw(columns, rows, lines):
    w, h = columns * CELL_W + 24, rows * CELL_H + 24
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{w:.0f}" height="{h:.0f}" '
           f'viewBox="0 0 {w:.0f} {h:.0f}">',
           f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
           '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" '
           'xml:space="preserve">']
    for y, line in enumerate(lines[:rows]):
        for column, cells, text, look in runs(line):
            fg = FRONT if look["fg"] is None else COLOURS[look["fg"]]
            bg = None if look["bg"] is None else COLOURS[look["bg"]]
            if look["reverse"]:
                fg, bg = bg or BACK, fg
            x, top = 12 + column * CELL_W, 12 + y * CELL_H
            if bg:
                out.append(f'<rect x="{x:.1f}" y="{top}" width="{cells * CELL_W:.1f}" '
                           f'height="{CELL_H}" fill="{bg}"/>')
            if not text.strip():
                continue
            style = ' font-weight="bold"' if look["bold"] else ""
            style += ' opacity="0.6"' if look["dim"] else ""
            style += ' text-decoration="underline"' if look["under"] else ""
            out.append(f'<text x="{x:.1f}" y="{top + BASE}" fill="{fg}"{style} '
                       f'textLength="{cells * CELL_W:.1f}">{html.escape(text)}</text>')
    out.append("</g></svg>")
    return "\n".join(out)


print(draw(int(sys.argv[1]), int(sys.argv[2]), sys.stdin.read().split("\n")))
