"""What was compiled of a learner's text runs in a process of its own, with limits.

It is behind the wall that the grader puts round an answer (`core.wall`): no other
process, no network, nobody's files, so much memory and so much time. A crash or an
endless loop ends that process and is one sentence here.
"""

import base64
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy

import llmlab
from llmlab.core.wall import Limits
from llmlab.graphs import compiling
from llmlab.graphs.compiling import SourceError

RUNNING = Limits(cpu_seconds=2, seconds=20.0)
MEMORY = "it reads or writes memory that is not its own"
LONG = "it does not end"
ENDS = "it ends its process instead of returning"
OF_SIGNAL = {
    signal.SIGSEGV: MEMORY, signal.SIGBUS: MEMORY, signal.SIGXCPU: LONG,
    signal.SIGKILL: LONG, signal.SIGFPE: "it divides by zero",
    signal.SIGILL: "it runs into what is no instruction",
    signal.SIGABRT: "it stops itself",
}  # fmt: skip


class DeadError(ValueError):
    """A function that did not come back; `why` is one of the sentences above."""

    def __init__(self, why: str):
        super().__init__(f"dot does not come back: {why}.")
        self.why = why


class Child:
    """A process that runs libraries; a context manager, so that none is left behind.

    libraries: files by the name that they are called by. ValueError for one that cannot
    be loaded, DeadError where an order does not come back.
    """

    def __init__(self, libraries: Mapping[str, Path], *, limits: Limits = RUNNING):
        self.libraries, self.limits = libraries, limits
        self._rest = b""

    def __enter__(self) -> "Child":
        self._scratch = tempfile.TemporaryDirectory(prefix="llmlab-inner-")
        scratch = Path(self._scratch.name).resolve()
        for name, path in self.libraries.items():
            shutil.copyfile(path, scratch / name)
        keep = {"PATH": "", "HOME": str(scratch), "LC_ALL": "C"}
        self._process = compiling.start(scratch, subprocess.PIPE, keep)
        package = str(Path(llmlab.__file__).parent)
        order = {"scratch": str(scratch), "limits": asdict(self.limits)}
        try:
            self._write(order | {"package": package})
            for name in self.libraries:
                self._load(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *problem: Any) -> None:
        compiling.stop(self._process)
        self._scratch.cleanup()

    def _load(self, name: str) -> None:
        reply = self.ask(do="load", name=name, rows=name == "rows")
        if "missing" in reply:
            raise SourceError("it has no function with the name dot")
        if "refused" in reply:
            missing = re.search(r"undefined symbol: (\w+)", str(reply["refused"]))
            what = f"{missing[1]} is not defined" if missing else "it cannot be loaded"
            raise SourceError(what)

    def ask(self, **order: Any) -> dict[str, Any]:
        """Give an order, wait for what comes of it; DeadError where nothing does."""
        with suppress(OSError):  # it says below how it ended
            self._write(order)
        line = self._line()
        try:
            reply = json.loads(line)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            raise DeadError(ENDS)
        return reply

    def _write(self, order: Mapping[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def _line(self) -> bytes:
        """Return the next line of the child; DeadError where it has ended or sleeps."""
        assert self._process.stdout
        place, end = self._process.stdout.fileno(), time.monotonic()
        end += self.limits.seconds
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([place], [], [], left)[0]:
                raise DeadError(LONG)
            piece = os.read(place, 1 << 20)
            self._rest += piece
            if not piece or len(self._rest) > self.limits.answer_bytes:
                raise DeadError(self._ended())
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _ended(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        status = self._process.returncode
        known = {-int(one): why for one, why in OF_SIGNAL.items()}
        return known.get(status or 0, ENDS)


def encoded(content: bytes) -> str:
    """Write bytes as an order holds them."""
    return base64.b64encode(content).decode()


def integers(text: str) -> numpy.ndarray:
    """Read int32 numbers as a reply holds them."""
    return numpy.frombuffer(base64.b64decode(text), numpy.int32).copy()
