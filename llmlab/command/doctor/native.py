"""A decode step in plain C: compiler, library, instructions, bytes a second."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import torch

from llmlab.command.doctor.finding import Finding, attempt
from llmlab.core import machine, units
from llmlab.kernels.native import compilers, library, matrices
from llmlab.kernels.native.library import Library

INSTALL = "install gcc (Debian and Ubuntu: apt install gcc), or pip install ziglang"
ALLOWED = 1e-3  # relative error: 13 bits of the activations
ROWS = (5, 40)  # few and many: AMX multiplies the latter
# What multiplies 8 bits, or pairs of 16 -> where it is from.
PRODUCTS = {
    "tdpbusd": "AMX", "vpdpwssd": "VNNI", "vpmaddwd": "AVX2", "pmaddwd": "SSE2",
    "smlal": "NEON",
}  # fmt: skip


def probes() -> Iterator[Finding]:
    """Yield the compiler, and what its library does; only lab 10 needs either."""
    yield attempt("C compiler", _compiler, remedy=INSTALL)
    yield attempt("native step", _library, remedy="models run by their layers")


def _compiler() -> Finding:
    here = compilers.find()
    if not here:
        return Finding("C compiler", "missing", "none answers", INSTALL)
    first, *others = here
    said = f"{first.version}; compiles for {', '.join(first.instructions()) or 'any'}"
    if others:
        said += f" (also {', '.join(one.words[0] for one in others)})"
    return Finding("C compiler", "works", said)


def _library() -> Finding:
    """Multiply few rows and many, compare, and read weights for a moment."""
    found = library.find()
    if found is None:
        said = library.reason()
        return Finding("native step", "missing", said, "models run by their layers")
    error = max(_error(found, rows) for rows in ROWS)
    if not error < ALLOWED:
        said = f"{found.built.path} is wrong: relative error {error:.1g}"
        return Finding("native step", "missing", said, "set CC to another compiler")
    rate = units.quantity(matrices.bandwidth(found), "B/s")
    threads = found.threads(machine.threads())
    said = f"reads weights at {rate} on {threads} thread{'s' * (threads != 1)}"
    said += f", multiplies by {_instructions(found.built.path)} ({found.way})"
    said += f"; {found.built.path}"
    if not found.built.threads:
        remedy = "one thread: this compiler has no OpenMP; gcc has"
        return Finding("native step", "slow", said, remedy)
    return Finding("native step", "works", said)


def _error(found: Library, rows: int) -> float:
    generator = torch.Generator().manual_seed(0)
    whole = torch.randint(-127, 128, (256, 512), dtype=torch.int8, generator=generator)
    matrix = matrices.Matrix(whole, torch.ones(256, 1))
    x = torch.randn(rows, 512, generator=generator)
    exact = x.double() @ whole.double().T
    return float((matrices.multiply(found, matrix, x) - exact).norm() / exact.norm())


def _instructions(path: Path) -> str:
    """Return which of PRODUCTS stand in a library's code, as objdump shows it."""
    if shutil.which("objdump") is None:
        return "what only objdump could tell (binutils)"
    done = subprocess.run(["objdump", "-d", path], capture_output=True, text=True)
    found = [
        f"{name} ({where})"
        for name, where in PRODUCTS.items()
        if re.search(rf"\b{name}\b", done.stdout)
    ]
    return " and ".join(found) or "single products"
