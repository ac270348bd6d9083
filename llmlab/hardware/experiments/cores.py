"""Decode and prefill on more and more threads, beyond the cores that there are.

Shapes: B rows, T new tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.caching.experiments import scoring
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments, clock, machine, records
from llmlab.core.records import Record
from llmlab.hardware import threads as room
from llmlab.hardware.quantities import THREADS_GAIN, THREADS_SAME, THREADS_TIME
from llmlab.measure import memory

BUSY = (
    "Other processes kept {busy} of {cores} cores busy, and no thread was given to "
    "them, so more threads had to wait for their turn than on an idle machine."
)
PHASES = ("decode", "prefill")
CACHED, PROMPT = 128, 128  # tokens
WRITTEN, BEHIND = 32, 16  # tokens that are compared, and their prompt
CROWD = 4  # threads a core, where nobody gets more than a part of one

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Threads:
    """Times of both phases by threads, and how many times as fast as on one."""

    facts: tuple[Record, ...]
    cores: int  # that this process may use
    note: str  # what neighbours did before, "" if nothing
    same: Record  # share of tokens that all cores choose as one does
    weights: Record  # bytes of the model

    @property
    def crowded(self) -> Record:
        """How many times as fast as on one thread a decode step is on four a core."""
        return self.ratio("decode", CROWD * self.cores)

    @property
    def board(self) -> tuple[Record, Record, Record]:
        """The share of equal tokens, the fastest decode step, and the bytes."""
        times = [
            f
            for f in self.facts
            if (f.name, f.subject) == (THREADS_TIME.name, "decode")
        ]
        return self.same, min(times, key=lambda fact: fact.value), self.weights

    def ratio(self, of: str, threads: int) -> Record:
        """Return how many times as fast as on one thread; ValueError: others.

        of: "decode" or "prefill".
        """
        named = [fact for fact in self.facts if fact.subject == of]
        return scoring.find(
            named or self.facts, THREADS_GAIN.name, {"threads": threads}
        )

    def ratios(self, of: str) -> list[Record]:
        """Return how many times as fast as on one thread, from few to many."""
        if of not in PHASES:
            raise ValueError(f"of={of!r} is no phase; choose 'decode' or 'prefill'.")
        return [f for f in self.facts if (f.name, f.subject) == (THREADS_GAIN.name, of)]

    @property
    def said(self) -> str:
        """Say for both phases what threads bring, and what too many cost."""
        said = []
        for phase in PHASES:
            parts = [
                f"{fact.value:.2g} on {fact.details['threads']} threads"
                for fact in self.ratios(phase)
            ]
            said.append(f"{phase} {', '.join(parts)}")
        core = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"Times as fast as on one thread, with {core}: {'; '.join(said)}."

    def records(self) -> list[Record]:
        """Return times, then how many times as fast, of one phase after the other."""
        return list(self.facts)


def threads(
    model: Model, *, counts: Sequence[int] | None = None, cached: int = CACHED,
    prompt: int = PROMPT, rounds: int = room.ROUNDS,
) -> Threads:  # fmt: skip
    """Time a decode step and a prefill on so many threads, which take turns.

    counts: of threads; by default 1, half the cores, all, twice and four times as many.
    No thread is given to busy neighbours. cached: tokens in the cache of the step.
    """
    wanted = room.counts() if counts is None else counts
    numbers = arguments.wholes("counts", wanted, least=1, way="such as [1, 2]")
    numbers = sorted({1, *numbers})
    text = scoring.some_texts(model, count=1, length=max(cached, prompt))
    step = Steps(model, model.new_cache(1, cached + BEFORE + 1), text[:, :cached])
    calls: dict[str, Callable[[], Tensor]] = {
        "decode": step,
        "prefill": _prefill(model, text[:, :prompt]),
    }
    cores = machine.cores()
    busy = cores - clock.free(cores)
    note = BUSY.format(busy=busy, cores=cores) if busy > 0 else ""
    facts = room.by_threads(calls, counts=numbers, rounds=rounds)
    facts = [scoring.noted(fact, note) for fact in facts]
    (weights,) = memory.held(model)
    same = _same(model, text[0, :BEHIND].tolist(), cores)
    return Threads(tuple(facts), cores, note, same, weights)


def _same(model: Model, prompt: list[int], count: int) -> Record:
    """Return the share of tokens that so many threads choose as one thread does."""
    written = []
    for threads in (1, count):
        with clock.fixed(threads):
            written.append([*model.stream(prompt, max_tokens=WRITTEN)])
    pairs = zip(*written, strict=True)
    equal = sum(one == other for one, other in pairs) / WRITTEN
    return records.measured(THREADS_SAME, equal, details={"threads": count})


def _prefill(model: Model, tokens: Tensor) -> Callable[[], Tensor]:
    """Return a call that reads a prompt into a new cache."""

    @torch.inference_mode()
    def call() -> Tensor:
        return model(tokens, model.new_cache(1, tokens.shape[1]), last=True)

    return call
