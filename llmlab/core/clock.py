"""Two clocks: the host's, and a GPU's own events.

A call that works on a GPU returns before the work is done, so the host's clock would
time the asking. Events stand in the GPU's queue and are stamped there.
"""

import time
from collections.abc import Mapping
from typing import Any, Protocol

import torch


class Clock(Protocol):
    """Looked at before and after; `seconds` is what lies between two looks."""

    def look(self) -> Any: ...

    def seconds(self, start: Any, end: Any) -> float: ...

    def wait(self) -> None:
        """Return when all work asked for so far is done."""
        ...


class Host:
    """The host's clock; if the process uses a GPU, it waits for the GPU first."""

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


class Events:
    """A GPU's own time stamps, in the order of its queue."""

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
