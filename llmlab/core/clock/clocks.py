"""Three clocks: the host's, one thread's, and a GPU's own events.

A call that works on a GPU returns before the work is done, so the host's clock would
time the asking. Events stand in the GPU's queue and are stamped there. A thread's own
clock stands still while others have its core.
"""

import time
from collections.abc import Mapping
from typing import Any, Protocol

import torch


class Clock(Protocol):
    """Looked at before and after; `seconds` is what lies between two looks."""

    tick: float  # seconds; the least that it tells apart

    def look(self) -> Any: ...

    def seconds(self, start: Any, end: Any) -> float: ...

    def wait(self) -> None:
        """Return when all work asked for so far is done."""
        ...


class Host:
    """The host's clock; if the process uses a GPU, it waits for the GPU first."""

    tick = time.get_clock_info("perf_counter").resolution

    def __init__(self):
        self.has_gpu = torch.cuda.is_initialized()

    def look(self) -> float:
        if self.has_gpu:
            torch.cuda.synchronize()
        return time.perf_counter()

    def seconds(self, start: float, end: float) -> float:
        return end - start

    def wait(self) -> None:
        if self.has_gpu:
            torch.cuda.synchronize()


class Processor:
    """The processor time of the thread that looks, whoever else computes meanwhile.

    What other threads of the process do for it is not in: let torch have only one.
    """

    tick = time.get_clock_info("thread_time").resolution

    def look(self) -> float:
        return time.thread_time()

    def seconds(self, start: float, end: float) -> float:
        return end - start

    def wait(self) -> None:
        """Nothing runs besides the thread itself."""


class Events:
    """A GPU's own time stamps, in the order of its queue."""

    tick = 0.5e-6  # as CUDA documents

    def __init__(self, device: torch.device):
        self.device = device

    def look(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record(torch.cuda.current_stream(self.device))
        return event

    def seconds(self, start: torch.cuda.Event, end: torch.cuda.Event) -> float:
        end.synchronize()
        return start.elapsed_time(end) / 1e3  # events count milliseconds

    def wait(self) -> None:
        torch.cuda.synchronize(self.device)


def clock_for(result: object) -> Clock:
    """Return the clock that fits where a result lives."""
    device = _gpu_of(result)
    return Host() if device is None else Events(device)


def _gpu_of(result: object) -> torch.device | None:
    """Find a CUDA tensor in a result, or in its items."""
    if isinstance(result, torch.Tensor):
        return result.device if result.is_cuda else None
    if isinstance(result, Mapping):
        result = tuple(result.values())
    if isinstance(result, (tuple, list)):
        return next(filter(None, map(_gpu_of, result)), None)
    return None
