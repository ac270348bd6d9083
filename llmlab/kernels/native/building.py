"""From the C source to a library in the cache folder, made once and checked each time.

The folder belongs to this user and nobody else may write to it. A library's name is the
hash of all that it was made from; an index beside it keeps the hash of its bytes, which
is compared before it is loaded. Both are written beside their places and renamed, so
that two processes may build at once and a build that fails leaves nothing.
"""

import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock

from llmlab.core import atomic, machine, progress
from llmlab.kernels.native import compilers
from llmlab.kernels.native.compilers import Compiler

SOURCE = Path(__file__).with_name("pass.c")
INDEX = "index.json"  # name of a library -> sha256 of its bytes
SUFFIX = ".dll" if sys.platform == "win32" else ".so"


@dataclass(frozen=True)
class Built:
    """A library that was checked, and what made it."""

    path: Path
    compiler: Compiler
    threads: bool  # whether it has OpenMP
    way: str  # of `compilers.WAYS`: how its products go


class CannotBuildError(Exception):
    """There is no library; the message is one sentence that says why."""


def build(source: Path = SOURCE, folder: Path | None = None) -> Built:
    """Return the library of a C source, compiled now if it was not before.

    The sources beside it, which it includes, are part of it.

    folder: `machine.cache_folder()`'s room for it unless another is named. Raises
    CannotBuildError without a compiler, where all of them fail, and for a folder that
    others may write to.
    """
    candidates = compilers.find()
    if not candidates:
        raise CannotBuildError(
            "no C compiler answers here: install gcc or clang, name one in CC, or "
            "pip install ziglang."
        )
    folder = folder or machine.cache_folder() / "native"
    said = ""
    for compiler in candidates:
        for threads in (True, False):
            try:
                return _built(source, folder, compiler, threads)
            except ValueError as error:
                raise CannotBuildError(str(error)) from error
            except CompilerError as error:
                said = said or f"{' '.join(compiler.words)}: {error}"
    raise CannotBuildError(f"{source.name} does not compile ({said}).")


class CompilerError(Exception):
    """What a compiler said first when it failed."""


def _built(source: Path, folder: Path, compiler: Compiler, threads: bool) -> Built:
    way = compiler.way()
    flags = compiler.flags(threads=threads)
    parts = [file.read_text() for file in sorted(source.parent.glob("*.[ch]"))]

    def make(beside: Path) -> None:
        with progress.task(f"compiling {source.name} with {compiler.words[0]}"):
            compile_for(way, source, beside, compiler, flags)

    path = keep(folder, (*parts, way, *flags, *made_by(compiler)), make)
    return Built(path, compiler, threads, way)


def made_by(compiler: Compiler) -> tuple[str, ...]:
    """Return what tells libraries of other compilers and processors apart."""
    return (*compiler.words, compiler.version, compiler.macros())


def keep(
    folder: Path,
    parts: Sequence[str],
    make: Callable[[Path], None],
    *,
    suffix: str = SUFFIX,
) -> Path:
    """Return a library's place, made now unless it is there with the bytes it had.

    parts: all that it is made from: sources, flags, compiler, processor. make: is
    called with the place to write it to. CannotBuildError for a folder that others may
    write to; what `make` raises comes out.
    """
    private(folder)
    name = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32] + suffix
    path = folder / name
    with filelock.FileLock(folder / f"{name}.lock"):
        if not _is_ours(path):
            with atomic.replacing(path) as beside:
                make(beside)
                digest = _digest(beside)
            _note(path, digest)
    return path


def compile_for(
    way: str, source: Path, beside: Path, compiler: Compiler, flags: Sequence[str]
) -> None:
    """Write a library that goes one of `compilers.WAYS`; CompilerError says why not."""
    number = f"-DWAY={list(compilers.WAYS).index(way)}"
    command = [*compiler.words, number, *flags, str(source), "-o", str(beside), "-lm"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=compilers.SECONDS
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise CompilerError(str(error)) from error
    if done.returncode or not beside.is_file():
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        raise CompilerError((lines or ["it wrote no library"])[0][:160])


def _note(path: Path, digest: str) -> None:
    with filelock.FileLock(path.with_name(f"{INDEX}.lock")):
        known = _index(path.parent) | {path.name: digest}
        atomic.write(path.with_name(INDEX), json.dumps(known, indent=1) + "\n")


def _is_ours(path: Path) -> bool:
    """Say whether a library is there with the bytes that were built."""
    try:
        return _index(path.parent).get(path.name) == _digest(path)
    except OSError:
        return False


def _index(folder: Path) -> dict[str, str]:
    try:
        known = json.loads((folder / INDEX).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def private(folder: Path) -> None:
    """Make the folder, for this user alone; CannotBuildError where others may write."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.stat()
    except OSError as error:
        raise CannotBuildError(
            f"{folder} cannot be made ({error.strerror}); name a folder of yours in "
            "LLMLAB_CACHE."
        ) from error
    if not hasattr(os, "getuid"):
        return
    others = facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    if facts.st_uid != os.getuid() or others:
        raise CannotBuildError(
            f"{folder} is another user's, or others may write to it, and what lies "
            f"there would be run; make it yours: chmod 700 {folder}."
        )
