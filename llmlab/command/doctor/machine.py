"""The machine under the labs: processor, threads, memory, disk, GPU."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import torch

from llmlab.command.doctor.finding import Finding, attempt
from llmlab.core import containers, machine, units

NEEDED_MEMORY = 2e9  # bytes, of a lab with JupyterLab beside it
NEEDED_DISK = 1e9  # bytes, for caches and saved models
FEATURES = {  # torch's name of a feature -> what it is good for
    "avx2": "AVX2",
    "avx512_f": "AVX-512",
    "avx512_vnni": "VNNI (int8)",
    "avx_vnni": "AVX-VNNI (int8)",
    "avx512_bf16": "BF16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX bf16",
    "sve": "SVE",
}


def probes() -> Iterator[Finding]:
    """Yield what this machine is and how much of it this process may use."""
    again = "install torch again: pip install --force-reinstall torch"
    yield attempt("processor", _processor, remedy=again)
    yield attempt("threads", _threads, remedy="set LLMLAB_THREADS=1")
    yield attempt("memory", _memory, remedy="close other programs")
    for name, place in _places().items():
        yield attempt(name, lambda n=name, p=place: _disk(n, p), remedy="free a disk")
    yield attempt("NVIDIA GPU", _gpu, remedy="install a CUDA build of torch and driver")


def _processor() -> Finding:
    here = machine.describe()
    reader = getattr(torch.cpu, "get_capabilities", dict)
    has = reader()
    features = [shown for name, shown in FEATURES.items() if has.get(name)]
    told = f"{here.cpu}; torch uses {here.simd}"
    if features:
        told += f"; has {', '.join(features)}"
    slow = here.simd in ("DEFAULT", "NO AVX")
    remedy = "ATEN_CPU_CAPABILITY or an old processor keeps torch from AVX2 and AVX-512"
    is_x86 = has.get("architecture", "x86_64") == "x86_64"
    if slow and is_x86:
        return Finding("processor", "slow", told, remedy)
    return Finding("processor", "works", told)


def _threads() -> Finding:
    count = machine.set_threads()
    quota = containers.cpu_quota()
    allowed = "no affinity known"
    if hasattr(os, "sched_getaffinity"):
        allowed = f"affinity {len(os.sched_getaffinity(0))}"
    told = f"{count} used (of {os.cpu_count()} seen; {allowed}; "
    told += f"quota {quota:g})" if quota else "no quota)"
    if torch.get_num_threads() != count:
        told += f", but torch runs {torch.get_num_threads()}"
        return Finding("threads", "slow", told, "unset OMP_NUM_THREADS")
    return Finding("threads", "works", told)


def _memory() -> Finding:
    total = machine.describe().memory_bytes
    free = min(psutil.virtual_memory().available, total)
    told = f"{units.quantity(free, 'B')} free of {units.quantity(total, 'B')}"
    if free < NEEDED_MEMORY:
        needed = units.quantity(NEEDED_MEMORY, "B")
        remedy = f"a lab with JupyterLab needs {needed}; close other programs"
        return Finding("memory", "broken", told, remedy)
    return Finding("memory", "works", told)


def _places() -> dict[str, Path]:
    return {"disk of this folder": Path.cwd(), "disk of the cache": _cache()}


def _cache() -> Path:
    folder = machine.cache_folder()
    return next(p for p in (folder, *folder.parents) if p.exists())


def _disk(name: str, place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    told = f"{units.quantity(free, 'B')} free at {place}"
    if not os.access(place, os.W_OK):
        told += ", not writable"
        remedy = "choose folders with LLMLAB_HOME and LLMLAB_CACHE"
        return Finding(name, "broken", told, remedy)
    if free < NEEDED_DISK:
        return Finding(name, "broken", told, "free a gigabyte")
    return Finding(name, "works", told)


def _gpu() -> Finding:
    what = "NVIDIA GPU"
    if torch.cuda.is_available():
        x = torch.ones(64, 64, device="cuda")
        told = f"{torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
        right = bool(((x @ x) == 64).all())
        said = f"{told}; a product is {'right' if right else 'wrong'}"
        return Finding(what, "works" if right else "broken", said)
    if shutil.which("nvidia-smi"):
        remedy = "install a CUDA build: https://pytorch.org/get-started/locally"
        return Finding(what, "missing", "here, but torch does not see it", remedy)
    return Finding(what, "missing", "none; the labs run on the processor")
