#!/usr/bin/env python3
"""Python's side of the pickle test: `make DIR` writes DIR/NAME.PROTOCOL.in for a list of values in
every protocol; `check DIR` loads each beside the DIR/NAME.PROTOCOL.out that penstock made of it and
fails unless both are the same graph: types, order, floats to the bit, and which objects are
shared."""
import collections
import datetime
import decimal
import fractions
import pathlib
import pickle
import struct
import sys
import uuid


class Plain:
    """Pickled by NEWOBJ and BUILD (protocol 2 and up), copyreg._reconstructor below."""

    def __init__(self, **kw):
        self.__dict__.update(kw)


class Slots:
    """A two-part state: (None, {slots})."""

    __slots__ = ("a", "b")

    def __init__(self):
        self.a, self.b = 1, [2]


class Keywords:
    """NEWOBJ_EX in protocol 4 and up."""

    def __new__(cls, *, size):
        self = super().__new__(cls)
        self.size = size
        return self

    def __getnewargs_ex__(self):
        return (), {"size": self.size}


class ManyItems(list):
    """APPENDS and BUILD on an object."""


Point = collections.namedtuple("Point", "x y")


def shared():
    text, inner = "text of its own", {"deep": [1]}
    pair = (inner, text)
    return {"a": inner, "b": [inner, pair, pair], text: text, "c": {"again": pair}}


def values():
    tz = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))
    now = datetime.datetime(2024, 3, 5, 14, 7, 32, 373463)
    yield "scalars", [None, True, False, 0, -1, 255, 256, 65535, 65536, -2**31, 2**31 - 1, 2**31,
                      -2**31 - 1, 0.0, -0.0, 1.5, 1e300, float("inf"), float("-inf"), float("nan")]
    yield "longs", [sign * (2**bits + add) for bits in (7, 8, 15, 16, 31, 32, 63, 64, 100, 2040, 2100)
                    for add in (-1, 0, 1) for sign in (1, -1)]
    yield "texts", ["", "a", "é", "日本", "\U0001f600", "\ud800", "\0\n\r\\u0041\x1a", "x" * 255,
                    "x" * 256, "é" * 128, "long " * 20000]
    yield "bytes", [b"", b"a", b"\x00\xff\x80", b"y" * 255, b"y" * 256, bytearray(b"changes")]
    yield "containers", [[], {}, (), set(), frozenset(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4),
                         {1, 2}, frozenset({"f"}), {"k": {"l": [(), [], {}]}}]
    yield "batches", [list(range(999)), list(range(1000)), list(range(1001)), list(range(2500)),
                      {i: str(i) for i in range(2500)}, set(range(1500))]
    yield "keys", {1: "int", "1": "text", (1, "t"): "tuple", None: "none", 2.5: "float",
                   b"b": "bytes", frozenset({1}): "frozen"}
    yield "times", [now, now, now.replace(tzinfo=datetime.timezone.utc), now.replace(tzinfo=tz),
                    now.replace(fold=1), now.date(), now.time(), datetime.timedelta(1, 2, 3), tz]
    yield "library", [decimal.Decimal("1.10"), uuid.UUID(int=5), complex(1, -0.0), Point(1, [2]),
                      collections.OrderedDict([("z", 1), ("a", 2)]),
                      collections.defaultdict(list, k=[1]), fractions.Fraction(1, 3),
                      collections.deque([1, 2], 5), collections.Counter("abca"), range(3),
                      slice(1, 2), len, int, ValueError("why", 3), Ellipsis]
    yield "objects", [Plain(), Plain(a=1, b=[Plain(c=2)]), ManyItems([1, 2]), ManyItems()]
    yield "newer objects", [Slots(), Keywords(size=3)]
    yield "shared", shared()
    deep = []
    for _ in range(100):
        deep = [deep]
    yield "deep", deep


def state(x):
    return x.__reduce_ex__(2)


def same(x, y, pairs, where):
    """Graphs compared like value_same_graph, on Python's side."""
    if type(x) is not type(y):
        raise SystemExit(f"{where}: {type(x)} became {type(y)}")
    if x is None or isinstance(x, (bool, int, type, type(len), type(Ellipsis))):
        ok = x == y
    elif isinstance(x, float):
        ok = struct.pack("d", x) == struct.pack("d", y)
    else:
        # Empty tuples and short strings may be single objects of the interpreter.
        if not (isinstance(x, (str, bytes, tuple, frozenset)) and len(x) < 2):
            if id(x) in pairs:
                if pairs[id(x)] is not y:
                    raise SystemExit(f"{where}: no longer one object")
                return
            pairs[id(x)] = y
        if isinstance(x, (str, bytes, bytearray)):
            ok = x == y
        elif isinstance(x, (set, frozenset)):
            ok = x == y
        elif isinstance(x, (list, tuple)) and type(x) in (list, tuple):
            ok = len(x) == len(y)
            for i, (a, b) in enumerate(zip(x, y)):
                same(a, b, pairs, f"{where}[{i}]")
        elif type(x) is dict:
            ok = len(x) == len(y)
            for (k, a), (l, b) in zip(x.items(), y.items()):
                same(k, l, pairs, f"{where} key {k!r}")
                same(a, b, pairs, f"{where}[{k!r}]")
        elif isinstance(x, slice):
            ok = x == y
        else:
            a, b = state(x), state(y)
            ok = a[0] == b[0]
            for i, (p, q) in enumerate(zip(a[1:], b[1:])):
                if hasattr(p, "__next__"):
                    p, q = list(p), list(q)
                same(p, q, {}, f"{where}.{i}")
    if not ok:
        raise SystemExit(f"{where}: {x!r} became {y!r}")


def make(where):
    for name, value in values():
        for protocol in range(2 if name.startswith("newer") else 0, 6):
            (where / f"{name}.{protocol}.in").write_bytes(pickle.dumps(value, protocol))


def check(where):
    made = sorted(where.glob("*.in"))
    if not made:
        raise SystemExit("nothing to check")
    for path in made:
        out = path.with_suffix(".out").read_bytes()
        same(pickle.loads(path.read_bytes()), pickle.loads(out), {}, path.stem)
        if out[0] != 0x80 or out[1] != max(2, int(path.suffixes[0][1:])):
            raise SystemExit(f"{path.stem}: another protocol")


if __name__ == "__main__":
    {"make": make, "check": check}[sys.argv[1]](pathlib.Path(sys.argv[2]))
