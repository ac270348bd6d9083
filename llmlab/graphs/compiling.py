"""C text of a learner is compiled in a process of its own, with limits.

The compiler may read and start its own files, and write into one empty folder, so that
no text can bring in what belongs to somebody else.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

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
SAID = 64 * 2**10  # bytes that are read of what a compiler says
FOLDERS = ("bin", "include", "libexec", "lib", "lib32", "lib64", "*-linux-*")
ROOTS = ("/usr", "/usr/local", "/")
FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/dev/urandom")
FIRST = re.compile(
    r"^(?:dot\.c:(\d+):(?:\d+:)? |.*?)(?:fatal )?error: (.*)$", re.M | re.I
)


class SourceError(ValueError):
    """A text that does not compile: what the compiler says first, and of which line."""

    def __init__(self, said: str, line: str = "", number: int = 0):
        where = f" in line {number}, `{line}`" if line else ""
        super().__init__(f"dot does not compile: {said}{where}.")
        self.said, self.line, self.number = said, line, number


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
        child = start(scratch, said, os.environ | more)
        try:
            child.communicate(json.dumps(order).encode() + b"\n", COMPILING.seconds)
        except subprocess.TimeoutExpired:
            return "error: it takes too long"
        finally:
            stop(child)
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


def start(
    scratch: Path, output: Any, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the script of `inner_child`, apart from this process."""
    command = [sys.executable, "-I", "-c", START, str(CHILD), *filter(None, sys.path)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=output, cwd=scratch, env=environment,
        stderr=subprocess.STDOUT if output != subprocess.PIPE else subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a child and all that it started."""
    with suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    for stream in (child.stdin, child.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    child.wait()
