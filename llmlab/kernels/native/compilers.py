"""Compilers of C: which are here, what they are called with, what they can do.

Sums in the source are added as it says, or are exact: no flag here lets a compiler
reorder float additions, so a row's bits do not depend on how a loop was split.
-ffast-math must never be given, when linking least of all: gcc then switches small
numbers off for the whole process.
"""

import ctypes
import functools
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass

ARCH_PRCTL, REQUEST, TILE_DATA = 158, 0x1023, 18  # of Linux: asm/prctl.h, and a bit
NATIVE, MORE = "LLMLAB_NATIVE", "LLMLAB_CFLAGS"  # names one of WAYS; adds flags
SECONDS = 120  # that a compiler may take
FLAGS = (
    "-O3", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros",
    "-ffinite-math-only", "-fPIC", "-shared",
)  # fmt: skip
THREADS = ("-fopenmp",)
ALONE = ("-fopenmp-simd",)  # where there is no OpenMP: right, on one thread
# Ways of products.h -> the instruction sets that they want, of MACROS and besides. The
# last one that can be had is taken, unless LLMLAB_NATIVE names another.
AVX512, AMX = ("__AVX512BW__", "__AVX512VL__", "__AVX512VNNI__"), "__AMX_INT8__"
WAYS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "avx2": ("__AVX2__", "__FMA__"),
    "avx512": AVX512,
    "amx": (*AVX512, AMX),
}
# What the compiler defines where the processor has it -> what it is called.
MACROS = {
    "__AVX2__": "AVX2",
    "__AVX512F__": "AVX-512",
    "__AVX512VNNI__": "VNNI",
    "__AVXVNNI__": "AVX-VNNI",
    AMX: "AMX (int8)",
    "__ARM_NEON": "NEON",
    "__ARM_FEATURE_DOTPROD": "dot products",
}


@dataclass(frozen=True)
class Compiler:
    """A compiler: the words that start it, and what it says of itself first."""

    words: tuple[str, ...]
    version: str

    def flags(self, *, threads: bool) -> tuple[str, ...]:
        """Return what it is called with; LLMLAB_CFLAGS, where set, comes last."""
        target = "-mcpu=native" if _is_arm() else "-march=native"
        more = shlex.split(os.environ.get(MORE, ""))
        return (target, *FLAGS, *(THREADS if threads else ALONE), *more)

    def macros(self) -> str:
        """Return what it defines before it reads a line: the processor is in there."""
        flags = [flag for flag in self.flags(threads=False) if flag != "-shared"]
        return ask([*self.words, *flags, "-dM", "-E", "-x", "c", os.devnull])

    def ways(self) -> list[str]:
        """Return those of WAYS that it compiles for this processor and may be run."""
        defined = self._defined()
        if AMX in defined and not asks_for_amx():
            defined.remove(AMX)
        return [way for way, wanted in WAYS.items() if defined.issuperset(wanted)]

    def way(self) -> str:
        """Return the way that products go; ValueError for one that cannot be had."""
        here, asked = self.ways(), os.environ.get(NATIVE, "")
        if asked and asked not in here:
            raise ValueError(
                f"{NATIVE}={asked} cannot be had: {self.words[0]} compiles "
                f"{', '.join(here)} for this processor; unset it, or name one of these."
            )
        return asked or here[-1]

    def instructions(self) -> tuple[str, ...]:
        """Return the instruction sets that it compiles for."""
        defined = self._defined()
        return tuple(name for macro, name in MACROS.items() if macro in defined)

    def _defined(self) -> set[str]:
        return {line.split()[1] for line in self.macros().splitlines() if line}


@functools.cache
def find() -> tuple[Compiler, ...]:
    """Return the compilers that answer: $CC, gcc, clang, then ziglang's."""
    candidates = [tuple(shlex.split(os.environ.get("CC", ""))), ("gcc",), ("clang",)]
    if importlib.util.find_spec("ziglang"):
        candidates.append((sys.executable, "-m", "ziglang", "cc"))
    compilers = []
    for words in dict.fromkeys(filter(None, candidates)):
        version = ask([*words, "--version"]) if shutil.which(words[0]) else ""
        if version:
            compilers.append(Compiler(words, version.splitlines()[0]))
    return tuple(compilers)


def ask(command: list[str]) -> str:
    """Return what a command prints; nothing where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""


@functools.cache
def asks_for_amx() -> bool:
    """Ask the system for the registers of AMX, once in a process; say whether it may.

    From a thread's first use on, Linux keeps 8 kB more of it when another takes turns;
    a stack for signals must hold them, too. It says no where such a stack is too small,
    where it does not know the question, and where a sandbox answers with an error.
    """
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return False
    try:
        return ctypes.CDLL(None).syscall(ARCH_PRCTL, REQUEST, TILE_DATA) == 0
    except (OSError, AttributeError):
        return False


def _is_arm() -> bool:
    return platform.machine().lower() in ("aarch64", "arm64")
