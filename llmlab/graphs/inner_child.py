"""The process in which a learner's C text is compiled, and the one in which it runs.

It is started as a script by `confined`, loads nothing heavy, and reads its orders as
lines of JSON. Whatever the C text does, it does it here, behind the wall that is round
an answer when it is graded.
"""

import base64
import ctypes
import json
import mmap
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab.core import wall
from llmlab.core.wall import Limits, Wall

DOT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
ROWS = "rows"  # the library that calls a `dot` for each row
NOTHING = 0  # no rights on a page


def main() -> None:
    """Do what the first line says: become a compiler, or run libraries."""
    order = json.loads(sys.stdin.buffer.readline())
    scratch, limits = Path(order["scratch"]), Limits(**order["limits"])
    if "command" in order:
        wall.enclose(scratch, map(Path, order["programs"]), limits)
        os.execvp(order["command"][0], order["command"])
    replies = os.fdopen(os.dup(1), "wb")
    _silence()
    here = Wall.build(scratch, Path(order["package"]))
    libc = ctypes.CDLL(None)
    here.enter(limits)
    running = Running(scratch, libc)
    for line in sys.stdin.buffer:
        reply = running.answer(json.loads(line))
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()


def _silence() -> None:
    """Let what C prints reach nobody."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)


class Running:
    """The libraries of a folder, and the orders that they are given."""

    def __init__(self, folder: Path, libc: Any):
        self.folder, self.libc = folder, libc
        self.libraries: dict[str, Any] = {}
        self.matrix: Any = None
        self.rows, self.columns = 0, 0
        self.pages: list[mmap.mmap] = []  # they are there as long as somebody has them

    def answer(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Return what comes of an order; its "do" names one of those below."""
        return getattr(self, f"do_{order['do']}")(order)

    def do_load(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Load a library: "missing" is said of one without `dot`."""
        name = order["name"]
        try:
            library = ctypes.CDLL(str(self.folder / name))
        except OSError as error:
            return {"refused": str(error)[-300:]}
        wanted = ROWS if order.get("rows") else "dot"
        if not hasattr(library, wanted):
            return {"missing": wanted}
        self.libraries[name] = library
        return {}

    def do_sum(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Call `dot` on two vectors that lie within bytes, or before a closed page."""
        dot = DOT(("dot", self.libraries[order["name"]]))
        given = [base64.b64decode(order[key]) for key in "ab"]
        place, n = order["place"], order["n"]
        if order["closed"]:
            places = [self._closed(content[place : place + n]) for content in given]
            return {"sum": dot(*places, n), "kept": True}
        buffers = [ctypes.create_string_buffer(one, len(one)) for one in given]
        total = dot(*(ctypes.addressof(one) + place for one in buffers), n)
        return {"sum": total, "kept": [one.raw for one in buffers] == given}

    def _closed(self, content: bytes) -> int:
        """Put bytes right before a page that nobody may touch; return their address."""
        size = mmap.PAGESIZE
        pages = mmap.mmap(-1, 2 * size)
        self.pages.append(pages)
        start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        pages[size - len(content) : size] = content
        self.libc.mprotect(ctypes.c_void_p(start + size), size, NOTHING)
        return start + size - len(content)

    def do_matrix(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a matrix of rows: its bytes, or drawn ones."""
        self.rows, self.columns = order["rows"], order["columns"]
        size = self.rows * self.columns
        content = order.get("content")
        data = base64.b64decode(content) if content else drawn(size)
        self.matrix = ctypes.create_string_buffer(data, size)
        return {}

    def do_multiply(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Multiply every row of the matrix with vectors, by the `dot` of a library."""
        library = self.libraries[order["name"]]
        dot = ctypes.cast(library.dot, ctypes.c_void_p)
        tokens = base64.b64decode(order["x"])
        count = len(tokens) // self.columns
        sums = (ctypes.c_int * (count * self.rows))()
        for token in range(count):
            self.libraries[ROWS].rows(
                dot, self.matrix,
                tokens[token * self.columns : (token + 1) * self.columns],
                ctypes.byref(sums, token * self.rows * ctypes.sizeof(ctypes.c_int)),
                ctypes.c_long(self.rows), self.columns,
            )  # fmt: skip
        if order.get("quiet"):
            return {}
        return {"y": base64.b64encode(bytes(sums)).decode()}


def drawn(size: int) -> bytes:
    """Return so many bytes, the same each time; fewer are the first of more."""
    return random.Random(0).randbytes(size)


if __name__ == "__main__":
    main()
