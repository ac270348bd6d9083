"""The innermost loop of a quantized layer, in C that a learner wrote.

`dot_source` returns the text of

    int dot(const signed char *a, const signed char *b, int n)

the exact sum of products of two rows of int8. The text is compiled with the compilers
of `kernels.native`, into a folder like theirs, and runs in a process of its own
(`compiling`, `confined`): what is wrong with it is one sentence, and the kernel lives.
"""

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab.core import arguments, machine
from llmlab.graphs import compiling, confined, disassembly
from llmlab.graphs.compiling import SourceError
from llmlab.graphs.confined import DeadError
from llmlab.graphs.dots import ROWS, dot_source, prefetching, reading, widening
from llmlab.kernels.native import building, compilers
from llmlab.kernels.native.building import CannotBuildError
from llmlab.kernels.native.compilers import Compiler

__all__ = ["LEVELS", "CannotBuildError", "DeadError", "Inner", "SourceError", "build"]
__all__ += ["dot", "dot_source", "instructions", "prefetching", "reading", "reason"]
__all__ += ["running", "widening"]

LEVELS = {"O0": ("-O0",), "O3": ("-O3",), "native": ("-O3",)}  # and for this machine
COMMON: tuple[str, ...] = ("-fPIC", "-shared", "-Wuninitialized")
COMMON += tuple(
    f"-Werror={one}"
    for one in ("return-type", "implicit-function-declaration", "uninitialized")
)
HEAD = "int dot(const signed char *a, const signed char *b, int n);"
LONGEST = 20_000  # characters of a text
LEAST, MOST = -128, 127  # of int8


@dataclass(frozen=True)
class Inner:
    """A text that was compiled at a level: its library, and by which compiler."""

    path: Path
    source: str
    level: str
    compiler: Compiler


def reason() -> str:
    """Say in one sentence why no text can be compiled and run here; "" where one can.

    It asks for a compiler and for a system that can limit a process.
    """
    if sys.platform == "win32":
        return "C text runs in a limited process, which Windows lacks; use WSL."
    if not compilers.find():
        return "no C compiler answers here: install gcc or clang, or name one in CC."
    return ""


def build(source: str, level: str = "native", *, folder: Path | None = None) -> Inner:
    """Compile a learner's text at one of LEVELS, unless it was before.

    Raises SourceError, a ValueError, with what the compiler says first; ValueError for
    what is no short text and for other levels; CannotBuildError where `reason` has one.
    """
    if not isinstance(source, str):
        raise ValueError(
            f"source={arguments.shown(source)} is no text; hand in what dot_source() "
            "returns."
        )
    if len(source) > LONGEST:
        raise SourceError(f"{len(source):,} characters are more than {LONGEST:,}")
    if level not in LEVELS:
        raise ValueError(
            f"level={arguments.shown(level)} is none; choose of {', '.join(LEVELS)}."
        )
    return _made(source, level, HEAD, folder)


def _made(source: str, level: str, head: str, folder: Path | None) -> Inner:
    if why := reason():
        raise CannotBuildError(why)
    compiler = compilers.find()[0]
    flags = (*_flags(compiler, level), *COMMON)

    def make(beside: Path) -> None:
        compiling.compile_text(source, head, compiler, flags, beside)

    folder = folder or machine.cache_folder() / "inner"
    parts = (source, head, *flags, *building.made_by(compiler))
    path = building.keep(folder, parts, make)
    return Inner(path, source, level, compiler)


def _flags(compiler: Compiler, level: str) -> tuple[str, ...]:
    own = compiler.flags(threads=False) if level == "native" else ()
    return (*(flag for flag in own if "-shared" not in flag), *LEVELS[level])


def running(inners: Mapping[str, Inner], *, cpu_seconds: int = 2) -> confined.Child:
    """Return a process, not yet begun, that holds libraries by the names given.

    Beside them, "rows" calls one of them for each row of a matrix. cpu_seconds: that it
    may compute in all.
    """
    rows = _made(ROWS, "O3", "", None)
    libraries = {name: one.path for name, one in inners.items()} | {"rows": rows.path}
    limits = confined.Limits(cpu_seconds=cpu_seconds, seconds=20.0 + cpu_seconds)
    return confined.Child(libraries, limits=limits)


def dot(source: str, a: Sequence[int], b: Sequence[int]) -> int:
    """Compile a text for this machine and return its `dot` of two lists of int8.

    Errors as of `build`; DeadError, a ValueError, where it does not come back.
    """
    pair = [_int8(name, one) for name, one in (("a", a), ("b", b))]
    if len(pair[0]) != len(pair[1]):
        raise ValueError(
            f"a has {len(pair[0])} numbers and b {len(pair[1])}; a product needs two "
            "lists of one length."
        )
    one = build(source)
    with running({"dot": one}) as child:
        reply = child.ask(
            do="sum", name="dot", a=confined.encoded(pair[0]), place=0,
            b=confined.encoded(pair[1]), n=len(pair[0]), closed=False,
        )  # fmt: skip
    return int(reply["sum"])


def _int8(name: str, values: Sequence[int]) -> bytes:
    whole = [
        arguments.whole(f"{name}[{place}]", one, least=LEAST, most=MOST)
        for place, one in enumerate(values)
    ]
    return bytes(one & 0xFF for one in whole)


@functools.cache
def instructions(inner: Inner) -> dict[str, int]:
    """Count by kind the instructions in the loops of a compiled text.

    Kinds are as in `disassembly`. By objdump, and without one by the compiler's own
    text of what it made, -S. Errors as of `build`.
    """
    text = disassembly.listed(inner.path)
    if not text:
        flags = [*_flags(inner.compiler, inner.level), "-S"]
        place = inner.path.with_suffix(".s")
        compiling.compile_text(inner.source, HEAD, inner.compiler, flags, place)
        text = place.read_text(errors="replace")
    return disassembly.counts(text)
