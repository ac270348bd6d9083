"""C text of a learner: compiled and run in processes of its own, with limits.

A compiler may read its own files and write into one empty folder. What it built runs
behind the wall that the grader puts round an answer (`core.wall`): no other process,
no network, nobody's files, so much memory and so much time. A crash or an endless loop
ends that process and is one sentence here.
"""

import base64
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy

import llmlab
from llmlab.core.wall import Limits
from llmlab.kernels.native.compilers import Compiler

CHILD = Path(__file__).with_name("inner_child.py")
START = """
import sys
sys.path[:] = sys.argv[2:]
import runpy
runpy.run_path(sys.argv[1], run_name="__main__")
"""
COMPILING = Limits(cpu_seconds=20, seconds=60.0)
RUNNING = Limits(cpu_seconds=2, seconds=20.0)
SAID = 64 * 2**10  # bytes that are read of what a compiler says
FOLDERS = ("bin", "include", "libexec", "lib", "lib32", "lib64", "*-linux-*")
ROOTS = ("/usr", "/usr/local", "/")
FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/dev/urandom")
FIRST = re.compile(
    r"^(?:dot\.c:(\d+):(?:\d+:)? |.*?)(?:fatal )?error: (.*)$", re.M | re.I
)
MEMORY = "it reads or writes memory that is not its own"
LONG = "it does not end"
ENDS = "it ends its process instead of returning"
OF_SIGNAL = {
    signal.SIGSEGV: MEMORY, signal.SIGBUS: MEMORY, signal.SIGXCPU: LONG,
    signal.SIGKILL: LONG, signal.SIGFPE: "it divides by zero",
    signal.SIGILL: "it runs into what is no instruction",
    signal.SIGABRT: "it stops itself",
}  # fmt: skip


class SourceError(ValueError):
    """A text that does not compile: what the compiler says first, and of which line."""

    def __init__(self, said: str, line: str = "", number: int = 0):
        where = f" in line {number}, `{line}`" if line else ""
        super().__init__(f"dot does not compile: {said}{where}.")
        self.said, self.line, self.number = said, line, number


class DeadError(ValueError):
    """A function that did not come back; `why` is one of the sentences above."""

    def __init__(self, why: str):
        super().__init__(f"dot does not come back: {why}.")
        self.why = why


def compile_text(
    text: str, head: str, compiler: Compiler, flags: Sequence[str], target: Path
) -> None:
    """Compile a learner's text, behind lines of ours, to a file.

    Raises SourceError with what the compiler said first.
    """
    with tempfile.TemporaryDirectory(prefix="llmlab-inner-") as place:
        scratch = Path(place).resolve()
        whole = f'{head}\n#line 1 "dot.c"\n{text}\n'
        (scratch / "dot.c").write_bytes(whole.encode(errors="backslashreplace"))
        command = [*compiler.words, *flags, "dot.c", "-o", "made"]
        command[0] = shutil.which(command[0]) or command[0]
        said = _compiled(command, scratch)
        made = scratch / "made"
        if said is not None or not made.is_file():
            raise _first(said or "", text)
        shutil.copyfile(made, target)


def _compiled(command: Sequence[str], scratch: Path) -> str | None:
    """Run a compiler; return what it said where it failed."""
    order = {
        "scratch": str(scratch), "command": command, "limits": asdict(COMPILING),
        "programs": [*map(str, _programs(command))],
    }  # fmt: skip
    place = str(scratch)
    more = {"TMPDIR": place, "HOME": place, "LC_ALL": "C", "PWD": place}
    more |= {f"ZIG_{kind}_CACHE_DIR": place for kind in ("GLOBAL", "LOCAL")}
    with (scratch / "said").open("wb") as said:
        child = _start(scratch, said, os.environ | more)
        try:
            child.communicate(json.dumps(order).encode() + b"\n", COMPILING.seconds)
        except subprocess.TimeoutExpired:
            return "error: it takes too long"
        finally:
            _stop(child)
    if child.returncode == 0:
        return None
    with (scratch / "said").open("rb") as file:
        text = file.read(SAID).decode(errors="replace")
    return (
        text
        if "error" in text.lower()
        else "error: it takes too long, or too much memory"
    )


def _programs(command: Sequence[str]) -> Iterator[Path]:
    """Yield what a compiler may read and start: itself, its libraries and headers."""
    roots = [Path(root) for root in ROOTS]
    roots.append(Path(command[0]).resolve().parent.parent)
    if command[0] == sys.executable:  # ziglang's, a package of Python
        roots += [Path(sys.prefix), Path(sys.base_prefix)]
        packages = (Path(one) / "ziglang" for one in sys.path if one)
        yield from (one for one in packages if one.is_dir())
        yield Path(os.__file__).parent
    yield from map(Path, FILES)
    for root in roots:
        for folder in (one for name in FOLDERS for one in root.glob(name)):
            if folder.name.startswith("lib"):
                inside = (one for one in folder.iterdir() if "python" not in one.name)
                yield from inside
            else:
                yield folder


def _first(said: str, text: str) -> SourceError:
    """Make one sentence of what a compiler said, with the learner's line."""
    found = FIRST.search(said)
    if found is None:
        return SourceError("the compiler gives no reason")
    number, message = int(found[1] or 0), re.sub(r" \[-W[^\]]*\]$", "", found[2])
    lines = text.splitlines()
    line = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return SourceError(message[:160], line[:80], number)


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
        self._process = _start(scratch, subprocess.PIPE, keep)
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
        _stop(self._process)
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


def _start(
    scratch: Path, output: Any, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", "-c", START, str(CHILD), *filter(None, sys.path)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, cwd=scratch, env=environment,
        stderr=subprocess.STDOUT if output != subprocess.PIPE else subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def _stop(child: subprocess.Popen[bytes]) -> None:
    """End a child and all that it started."""
    with suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    child.wait()
