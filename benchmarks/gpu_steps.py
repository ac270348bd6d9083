"""Decode steps of `gpu.py` that can be run again and again, and how they are timed.

A captured step asks for fixed addresses and shapes: `StaticCache` shows all its places
from the first step and hides by a mask those that are not filled yet. It speaks to the
decoder as every cache does, so that the model itself is the same in every way.

Shapes: B sequences, K key/value heads, T new tokens, S places, H head width.
"""

import random
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.core.clock import Events, Host

SEED = 0
WARM = 3  # steps before a capture, on a stream of their own
LAUNCHES = "Launch"  # in the names of calls that hand kernels, or a graph, to a GPU


class StaticCache:
    """Keys and values of equal rows at fixed places; a step changes them in place."""

    can_rewind = True

    def __init__(self, cache: Any):
        """Take over what a filled `KVCache` of equal rows holds, its memory with it."""
        self.layers = cache.layers
        self.limit = cache.limit
        self.lengths = cache.lengths.clone()
        self.numbers = torch.arange(self.limit, device=self.lengths.device)
        self._mask: Tensor | None = None

    @property
    def start(self) -> Tensor:
        return self.lengths

    def room(self, tokens: int) -> int:
        """Return how far the tables of positions must reach: to the last place."""
        return self.limit

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple:
        """Write (B, K, 1, H) at each row's place; return all S places and a mask."""
        own_keys, own_values = self.layers[layer]
        place = self.lengths[:1]  # rows are equal
        own_keys.index_copy_(2, place, keys)
        own_values.index_copy_(2, place, values)
        if not layer:
            self._mask = (self.numbers <= self.lengths[:, None])[:, None, None]
        return own_keys, own_values, self._mask

    def advance(self, counts: int, *, most: int | None = None) -> None:
        """Count more tokens, in place."""
        self.lengths.add_(counts)
        self._mask = None  # what is kept would be an output of a compiled step

    def tensors(self) -> list[Tensor]:
        """Return what a step writes to."""
        return [self.lengths, *(part for layer in self.layers for part in layer)]


class Eager:
    """The package's own step: a growing cache, each operator launched by Python."""

    built = 0.0

    def __init__(self, model: Any, prompt: Tensor, steps: int):
        """Read a prompt (B, T), with room for so many steps."""
        self.model, self.held = model, prompt.shape[1]
        self.cache = model.new_cache(len(prompt), self.held + steps)
        logits = model(prompt, self.cache, last=True)
        self.first = logits[:, -1:].argmax(-1)  # (B, 1)
        self.tokens = self.first.clone()

    def prepare(self) -> None:
        """Go back to where the prompt ends."""
        self.cache.rewind(self.held)
        self.tokens = self.first.clone()

    def step(self) -> None:
        """Choose the next token of each row, (B, 1)."""
        self.tokens = self.model(self.tokens, self.cache)[:, -1:].argmax(-1)


class Static:
    """A step at fixed places, launched by Python."""

    built = 0.0

    def __init__(self, eager: Eager):
        eager.prepare()
        self.model, self.held = eager.model, eager.held
        self.cache = StaticCache(eager.cache)
        self.first, self.tokens = eager.first, eager.first.clone()

    def prepare(self) -> None:
        """Go back to where the prompt ends."""
        self.cache.lengths.fill_(self.held)
        self.tokens.copy_(self.first)

    def step(self) -> None:
        """Choose the next token of each row in place."""
        logits = self.model(self.tokens, self.cache)
        self.tokens.copy_(logits[:, -1:].argmax(-1))


class Captured(Static):
    """The same step as a CUDA graph: one launch replays all its kernels."""

    def __init__(self, eager: Eager):
        super().__init__(eager)
        begun = time.perf_counter()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM):
                super().step()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        self.prepare()
        with torch.cuda.graph(self.graph):
            super().step()
        torch.cuda.synchronize()
        self.built = time.perf_counter() - begun

    def step(self) -> None:
        self.graph.replay()


class Compiled(Static):
    """The same step through torch.compile, in one of its modes."""

    def __init__(self, eager: Eager, mode: str):
        super().__init__(eager)
        torch._dynamo.reset()
        for tensor in (self.tokens, *self.cache.tensors()):
            torch._dynamo.mark_static_address(tensor)  # else no graph: inputs change
        begun = time.perf_counter()
        run = torch.compile(super().step, mode=mode, dynamic=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(WARM):  # compile, record the graph, replay it
                torch.compiler.cudagraph_mark_step_begin()
                run()
        if self.tokens.is_cuda:
            torch.cuda.synchronize()
        self._run = run
        self.built = time.perf_counter() - begun

    def step(self) -> None:
        torch.compiler.cudagraph_mark_step_begin()
        self._run()


class Prefill:
    """A prompt that is read from its beginning again and again."""

    def __init__(self, model: Any, prompt: Tensor):
        self.model, self.prompt = model, prompt
        self.cache = model.new_cache(*prompt.shape)

    def prepare(self) -> None:
        self.cache.rewind(0)

    def step(self) -> None:
        self.model(self.prompt, self.cache, last=True)


def seconds(
    ways: dict[str, Any], *, steps: int, rounds: int, device: torch.device
) -> dict[str, list[float]]:
    """Return the seconds of a step in each round, for each way; rounds interleave them.

    The GPU's own events stand before the first and behind the last step of a round, so
    that waiting for the host between steps counts.
    """
    clock = Events(device) if device.type == "cuda" else Host()
    shuffle = random.Random(SEED)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name in shuffle.sample(list(ways), len(ways)):
            ways[name].prepare()
            clock.wait()
            start = clock.look()
            for _ in range(steps):
                ways[name].step()
            took = clock.seconds(start, clock.look()) / steps
            if number:  # the first round warms up
                times[name].append(took)
    return times


def written(way: Any, steps: int) -> Tensor:
    """Return the tokens (B, steps) that a way writes behind the prompt."""
    way.prepare()
    tokens = []
    for _ in range(steps):
        way.step()
        tokens.append(way.tokens.clone())
    return torch.cat(tokens, 1)


def launches(step: Callable[[], None], device: torch.device) -> tuple[int, int]:
    """Return what a step hands to the GPU: calls of the host, and kernels that ran."""
    from torch.autograd import DeviceType
    from torch.profiler import ProfilerActivity, profile

    kinds = [ProfilerActivity.CPU]
    if device.type == "cuda":
        kinds.append(ProfilerActivity.CUDA)
    with profile(activities=kinds) as profiled:
        step()
        if device.type == "cuda":
            torch.cuda.synchronize()
    events: Sequence[Any] = profiled.events()
    handed = sum(LAUNCHES in event.name for event in events)
    ran = sum(
        event.device_type == DeviceType.CUDA and not event.name.startswith("Mem")
        for event in events
    )
    return handed, ran
