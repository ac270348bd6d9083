"""Memory: what a model and its cache hold, and the most that a call needs.

Held memory is counted once per storage, so tied and shared weights are not counted
twice. The allocator's peak is what torch had handed out at the worst moment of a call,
beyond what stood before; the process' peak is what the system gave, libraries and all.
"""

import collections
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import torch
from torch import Tensor, nn
from torch.autograd import profiler

from llmlab.core import quantities, records, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import Cache, LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels, results

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def held(model: LanguageModel, cache: Cache | None = None) -> list[Record]:
    """Return "weights" and, for a cache, "cache": bytes allocated while at rest."""
    wanted.module("model", model)
    label = labels.label(model)
    version = getattr(model, "weights_version", None)
    what, size = quantities.WEIGHTS, weight_bytes(model)
    facts = [records.measured(what, size, subject=label, weights=version)]
    if cache is not None:
        if not hasattr(cache, "lengths"):
            raise ValueError(
                f"cache={shown(cache)} is no cache; hand in model.new_cache(1, length)."
            )
        facts.append(
            records.measured(
                quantities.CACHE,
                cache.bytes,
                subject=label,
                details={"batch": len(cache.lengths)},
                weights=version,
            )
        )
    return facts


def weight_bytes(model: nn.Module | LanguageModel) -> int:
    """Count the bytes behind all parameters and buffers, each storage once."""
    wanted.module("model", model)
    sizes = {}
    for tensor in (*model.parameters(), *model.buffers()):
        for plain in _plain(tensor):
            if plain.is_mkldnn:  # oneDNN's own order: no storage to ask
                sizes[id(tensor)] = plain.nbytes
                continue
            storage = plain.untyped_storage()
            sizes[storage.data_ptr() or id(storage)] = storage.nbytes()
    return sum(sizes.values())


def peak(call: Callable[[], object], *, subject: str = "") -> list[Record]:
    """Run a call once; return "allocator peak" and "process peak", in bytes.

    The first counts what torch allocates during the call, on the host and on GPUs, not
    the scratch space of other libraries (oneDNN, cuBLAS). The second is the most that
    the process has held: during the call where the system can tell, else since start.
    A result that is an iterator is pulled to its end.
    """
    if not callable(call):
        raise ValueError(
            f"call={call!r:.60} cannot be called; put `lambda:` before it."
        )
    since_call = _restart_process_peak()
    for device in (gpus := _gpus()):
        torch.cuda.reset_peak_memory_stats(device)
    before = sum(map(torch.cuda.memory_allocated, gpus))
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else it speaks on stderr
    with profiler.profile(profile_memory=True, use_kineto=False) as profile:
        result = call()
        results.check("call", result)
        if isinstance(result, Iterator):
            collections.deque(result, maxlen=0)
    most = _host_peak(profile)
    most += max(0, sum(map(torch.cuda.max_memory_allocated, gpus)) - before)
    allocator = records.measured(quantities.ALLOCATOR_PEAK, most, subject=subject)
    return [allocator, process_peak(subject=subject, since_call=since_call)]


def process_peak(*, subject: str = "", since_call: bool = False) -> Record:
    """Return the most memory that this process has held at once, in bytes."""
    since = {"since": "start of the call" if since_call else "start of the process"}
    return records.measured(
        quantities.PROCESS_PEAK, _process_peak(), subject=subject, details=since
    )


def _host_peak(profile: profiler.profile) -> int:
    """Add up every allocation and release in the order of time; keep the highest."""
    held_now = most = 0
    results = profile.kineto_results
    assert results is not None  # it has run
    for event in sorted(results.events(), key=lambda event: event.start_ns()):
        if event.name() == "[memory]" and "CPU" in str(event.device_type()):
            held_now += event.nbytes()  # type: ignore[attr-defined]  # not in stubs
            most = max(most, held_now)
    return most


def _process_peak() -> int:
    """Read the high-water mark of resident memory."""
    if STATUS.exists():
        lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        if "VmHWM" in lines:
            return int(lines["VmHWM"].split()[0]) * 1024
    if os.name == "nt":
        return psutil.Process().memory_info().peak_wset
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _restart_process_peak() -> bool:
    """Ask Linux to forget the mark; False where it does not let a process ask."""
    try:
        CLEAR.write_text("5")  # man 5 proc_pid_clear_refs
    except OSError:
        return False
    return True


def _gpus() -> range:
    used = torch.cuda.is_available() and torch.cuda.is_initialized()
    return range(torch.cuda.device_count() if used else 0)


def _plain(tensor: Tensor) -> Iterator[Tensor]:
    """Take wrappers (torchao's, sparse ones) apart into tensors with own storage."""
    if hasattr(tensor, "__tensor_flatten__"):
        names, _ = tensor.__tensor_flatten__()
        for name in names:
            yield from _plain(getattr(tensor, name))
    elif tensor.layout == torch.sparse_coo:
        yield from (tensor._indices(), tensor._values())
    elif tensor.layout == torch.sparse_csr:
        yield from (tensor.crow_indices(), tensor.col_indices(), tensor.values())
    else:
        yield tensor
