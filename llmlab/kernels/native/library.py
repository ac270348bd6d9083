"""The functions of pass.c in this process, or the reason why there are none.

torch is imported first: a library with OpenMP that is loaded after it uses torch's own
threads, and two sets of threads would wait for each other.
"""

import ctypes
import functools
import os
from dataclasses import dataclass
from typing import Any

import torch  # noqa: F401  # before the library, see above

from llmlab.kernels.native import building, compilers, structures
from llmlab.kernels.native.building import Built, CannotBuildError

_POINTER, _INT = ctypes.c_void_p, ctypes.c_int


@dataclass(frozen=True)
class Library:
    """What was built and loaded: its two functions."""

    built: Built
    pass_rows: Any  # (model, memory, rows, room, logits, threads)
    multiply: Any  # (matrix, x, tokens, room, y, threads)

    @property
    def way(self) -> str:
        """Which of `compilers.WAYS` its products go; weights are laid out for it."""
        return self.built.way

    def threads(self, count: int) -> int:
        """Return how many threads a call gets that asks for so many."""
        return count if self.built.threads else 1


def load(built: Built) -> Library:
    """Load a library that was built; CannotBuildError where the system refuses it."""
    try:
        library = ctypes.CDLL(str(built.path))
    except OSError as error:
        raise CannotBuildError(f"{built.path} cannot be loaded ({error}).") from error
    run, multiply = library["pass"], library.multiply  # one name is Python's too
    run.restype = multiply.restype = None
    pointer = ctypes.POINTER
    run.argtypes = [
        pointer(structures.Model),
        pointer(structures.Memory),
        pointer(structures.Rows),
        pointer(structures.Room),
        _POINTER,
        _INT,
    ]
    multiply.argtypes = [
        pointer(structures.Matrix),
        _POINTER,
        ctypes.c_int64,
        pointer(structures.Room),
        _POINTER,
        _INT,
    ]
    return Library(built, run, multiply)


@functools.cache
def _tried(way: str | None, flags: str | None) -> Library | str:
    """Build and load, once for each way and flags that are asked for from outside."""
    try:
        return load(building.build())
    except CannotBuildError as error:
        return str(error)


def find() -> Library | None:
    """Return the library, built now if need be; None where there is none (`reason`)."""
    tried = _tried(*_asked())
    return tried if isinstance(tried, Library) else None


def reason() -> str:
    """Say in one sentence why there is no library; nothing where there is one."""
    tried = _tried(*_asked())
    return tried if isinstance(tried, str) else ""


def _asked() -> tuple[str | None, str | None]:
    return os.environ.get(compilers.NATIVE), os.environ.get(compilers.MORE)
