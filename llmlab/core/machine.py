"""This computer: threads, device, number formats, the time dial, folders.

Threads are the smaller of what the scheduler allows and what the container's quota
pays for, since containers show the host's cores. Devices are cpu and cuda. torch is
imported only by the functions that need it.

Set from outside: LLMLAB_THREADS (lowers the threads), LLMLAB_TIME (scales repetitions),
LLMLAB_HOME (the learner's folder), LLMLAB_CACHE (what can be computed again).
"""

import contextlib
import ctypes
import functools
import gc
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
import psutil

from llmlab.core import containers

if TYPE_CHECKING:
    import torch

_DTYPES = {  # every spelling -> torch's name
    "fp32": "float32",
    "fp16": "float16",
    "bf16": "bfloat16",
    "fp64": "float64",
}
# Rounds that a thread of gcc's OpenMP waits awake, where nothing else was said.
SPINS = ("GOMP_SPINCOUNT", "5000")
_SHORT = {name: short for short, name in _DTYPES.items()}


@dataclass(frozen=True)
class Machine:
    """What a measurement ran on."""

    cpu: str
    cores: int  # logical, of the whole computer
    threads: int  # that llmlab uses
    memory_bytes: int
    simd: str
    gpu: str | None
    torch: str
    python: str
    system: str

    @property
    def label(self) -> str:
        """One line that names this machine in records and in the journal."""
        memory = f"{self.memory_bytes / 1e9:.0f} GB"
        threads = f"{self.threads} thread" + "s" * (self.threads != 1)
        return ", ".join(filter(None, (self.cpu, threads, memory, self.gpu)))


def describe(count: int | None = None) -> Machine:
    """Describe this computer; imports torch. count: threads, where not `threads()`."""
    import torch

    limit = containers.memory_limit() or psutil.virtual_memory().total
    has_gpu = torch.cuda.is_available()
    return Machine(
        cpu=_cpu_name(),
        cores=os.cpu_count() or 1,
        threads=count or threads(),
        memory_bytes=min(psutil.virtual_memory().total, limit),
        simd=torch.backends.cpu.get_cpu_capability(),
        gpu=torch.cuda.get_device_name(0) if has_gpu else None,
        torch=torch.__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
    )


def cores() -> int:
    """Cores that this process may use: affinity and container quota; the lesser."""
    if hasattr(os, "sched_getaffinity"):
        allowed = len(os.sched_getaffinity(0))
    else:
        allowed = os.cpu_count() or 1
    # A part of a core would be throttled in bursts, which no median survives.
    return min(allowed, max(1, int(containers.cpu_quota() or allowed)))


def threads() -> int:
    """Threads to compute with: `cores()`, or LLMLAB_THREADS if that is less."""
    allowed = cores()
    return min(allowed, _wished_threads() or allowed)


@contextlib.contextmanager
def release_memory() -> Iterator[None]:
    """Hand unused memory back to the system before and after, where that can be.

    glibc keeps what many threads freed, hundreds of megabytes after a training.
    """
    _give_back_memory()
    try:
        yield
    finally:
        _give_back_memory()


def _give_back_memory() -> None:
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)


@functools.cache
def set_threads() -> int:
    """Give torch `threads()` threads, once a process, and return their number."""
    import torch

    count = threads()
    torch.set_num_threads(count)
    return count


def device(name: "str | torch.device" = "cpu") -> "torch.device":
    """Return the torch device; ValueError unless it is cpu, or a cuda that is here."""
    import torch

    kind, _, index = str(name).partition(":")
    if kind not in ("cpu", "cuda") or (index and not index.isdecimal()):
        raise ValueError(
            f"device={str(name)!r} is not supported; choose 'cpu', 'cuda' or 'cuda:0'."
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "cuda" and int(index or 0) >= count:
        raise ValueError(
            f"device={str(name)!r} is not here: torch {torch.__version__} sees {count} "
            "CUDA devices; use device='cpu', or a CUDA build of torch and its driver."
        )
    return torch.device(kind if kind == "cpu" else str(name))


def dtype(name: "str | torch.dtype") -> "torch.dtype":
    """Return the torch dtype of a name such as "bf16" or "float32"."""
    import torch

    short = _SHORT.get(str(name).removeprefix("torch."), str(name))
    if short not in _DTYPES:
        raise ValueError(
            f"dtype={str(name)!r} is not supported; choose one of {', '.join(_DTYPES)}."
        )
    return getattr(torch, _DTYPES[short])


def dtype_name(dtype: "torch.dtype") -> str:
    """Return the short name of a dtype: torch.bfloat16 -> "bf16"."""
    name = str(dtype).removeprefix("torch.")
    return _SHORT.get(name, name)


def repetitions_scale() -> float:
    """Return LLMLAB_TIME, the factor on repetitions: 1.0 unless set, always above 0."""
    text = os.environ.get("LLMLAB_TIME") or "1"
    try:
        dial = float(text)
    except ValueError:
        dial = 0.0
    if not 0 < dial < float("inf"):
        raise ValueError(
            f"LLMLAB_TIME={text!r} is not a number above 0; unset it, or use 0.3 for "
            "fewer repetitions and 3 for more."
        )
    return dial


def home() -> Path:
    """Return the learner's folder: LLMLAB_HOME, or .llmlab where the notebook runs."""
    return _folder("LLMLAB_HOME", Path.cwd() / ".llmlab")


def cache_folder() -> Path:
    """Return the folder of what can be computed again (LLMLAB_CACHE sets it)."""
    return _folder("LLMLAB_CACHE", platformdirs.user_cache_path("llmlab"))


def _folder(variable: str, default: Path) -> Path:
    text = os.environ.get(variable)
    return Path(text).expanduser().absolute() if text else default


def _wished_threads() -> int | None:
    text = os.environ.get("LLMLAB_THREADS")
    if not text:
        return None
    if not text.strip().isdecimal() or int(text) < 1:
        raise ValueError(
            f"LLMLAB_THREADS={text!r} is not a whole number from 1; unset it to use "
            "every thread that this process may have."
        )
    return int(text)


@functools.cache
def _cpu_name() -> str:
    """Return the processor's name as the system tells it, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model"):
                return " ".join(value.split())
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine() or "unknown processor"
