"""What a fixed size buys and costs: one compilation, attention over empty places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from llmlab import measure
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.graphs import programs, runners
from llmlab.graphs.experiments import inputs
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.quantities import COMPILATIONS, FILLED_GAIN, FILLED_TIME
from llmlab.graphs.static import StaticMask, Step

GROWING, STATIC, EAGER = "a growing cache", "static", "eager"
BACKENDS = ("eager", "aot_eager")  # trace as any other, and compile nothing to C
STEPS, MOST_STEPS, START = 8, 32, 4
PLACES, SECONDS = 512, 6.0


@dataclass(frozen=True)
class Growing:
    """Graphs that `torch.compile` had made after each step, both ways."""

    facts: tuple[Record, ...]

    def after(self, way: str, steps: int) -> int:
        """Return the compilations after so many steps; ValueError: not counted."""
        known = {(f.subject, f.details["steps"]): int(f.value) for f in self.facts}
        if (way, steps) not in known:
            raise ValueError(
                f"way={way!r} was not counted after {steps!r:.20} steps; choose of "
                f"{list(known)}."
            )
        return known[way, steps]

    @property
    def compilations(self) -> Record:
        """The compilations that all steps on the growing cache took together."""
        return self._last(GROWING)

    @property
    def static(self) -> Record:
        """The compilations that all static steps took together."""
        return self._last(STATIC)

    @property
    def said(self) -> str:
        """Say how many graphs each way needed."""
        growing, static = self.compilations, self.static
        return (
            f"After {growing.details['steps']} steps on a growing cache, torch.compile "
            f"had made {growing.value:.0f} graphs; of the static step it had made "
            f"{static.value:.0f}."
        )

    def records(self) -> list[Record]:
        """Return the compilations after each step."""
        return list(self.facts)

    def _last(self, way: str) -> Record:
        return [fact for fact in self.facts if fact.subject == way][-1]


@dataclass(frozen=True)
class Filled:
    """Times of a step, eager and static, by how many places are filled."""

    facts: tuple[Record, ...]
    note: str  # what neighbours did meanwhile, "" if nothing

    def ratio(self, filled: int) -> Record:
        """Return how many times as fast static is; ValueError names what there is."""
        return self._of(FILLED_GAIN, filled, STATIC)

    def time(self, way: str, filled: int) -> Record:
        """Return the time of a step, "eager" or "static"; errors as above."""
        return self._of(FILLED_TIME, filled, way)

    @property
    def said(self) -> str:
        """Say how the static step fares with the fewest and with the most filled."""
        gains = [fact for fact in self.facts if fact.name == FILLED_GAIN.name]
        parts = [
            f"with {one.details['filled']} filled {one.value:.2f} times as fast as "
            f"eager ({one.details['verdict']})"
            for one in dict.fromkeys((gains[0], gains[-1]))
        ]
        places = gains[0].details["places"]
        return f"A static step over {places} places is, {', and '.join(parts)}."

    def records(self) -> list[Record]:
        """Return times of both ways, then the ratios."""
        return list(self.facts)

    def _of(self, what: Quantity, filled: int, way: str) -> Record:
        facts = [fact for fact in self.facts if fact.name == what.name]
        for fact in facts:
            if (fact.subject, fact.details["filled"]) == (way, filled):
                return fact
        known = [(fact.subject, fact.details["filled"]) for fact in facts]
        raise ValueError(
            f"way={way!r} with filled={filled!r:.20} was not measured; choose of "
            f"{known}."
        )


def growing(
    model: Model, *, steps: int = STEPS, backend: str = BACKENDS[0],
    mask: StaticMask | None = None,
) -> Growing:  # fmt: skip
    """Count the graphs that `torch.compile(dynamic=False)` makes in a few steps.

    On the model's own cache, which grows, and of the static step. backend: of
    BACKENDS, which trace as any other does but compile nothing, so that counting costs
    little. mask: of the static step, as `static.static_mask`. What was compiled before
    in this process is forgotten. Raises ValueError for other backends and for more
    steps than are counted.
    """
    arguments.whole("steps", steps, least=1, most=MOST_STEPS, way="a few are enough")
    if backend not in BACKENDS:
        raise ValueError(
            f"backend={arguments.shown(backend)} is none of {', '.join(BACKENDS)}, "
            "which count and compile nothing."
        )
    step = Step(model, length=START + steps + 1, mask=mask)
    facts = [
        *_counted(GROWING, _growing(model, steps, backend), backend),
        *_counted(STATIC, _static(step, steps, backend), backend),
    ]
    return Growing(tuple(facts))


def _growing(model: Model, steps: int, backend: str) -> Iterator[None]:
    compiled = torch.compile(model, dynamic=False, backend=backend)
    cache = model.new_cache(1, START + steps)
    model(inputs.tokens(model, START), cache)
    for _ in range(steps):
        compiled(torch.zeros(1, 1, dtype=torch.int64), cache, last=True)
        yield


def _static(step: Step, steps: int, backend: str) -> Iterator[None]:
    compiled = torch.compile(step, dynamic=False, fullgraph=True, backend=backend)
    tokens, _, keys, values = step.example()
    for place in range(START, START + steps):
        compiled(tokens, torch.tensor([place]), keys, values)
        yield


def _counted(way: str, running: Iterator[None], backend: str) -> Iterator[Record]:
    """Run steps one by one; after each say how many graphs there are."""
    from torch._dynamo import config, utils

    torch._dynamo.reset()
    before = utils.counters["stats"]["unique_graphs"]
    with (
        torch.no_grad(),
        programs.quiet(),
        config.patch(recompile_limit=2 * MOST_STEPS),
    ):
        for done, _ in enumerate(running, 1):
            count = utils.counters["stats"]["unique_graphs"] - before
            details = {"steps": done, "backend": backend}
            yield records.measured(COMPILATIONS, count, subject=way, details=details)
    torch._dynamo.reset()


def filled(
    model: Model, *, places: int | None = None, filled: Sequence[int] | None = None,
    seconds: float = SECONDS, mask: StaticMask | None = None,
) -> Filled:  # fmt: skip
    """Time a static step against the eager one while few of many places are filled.

    places: of the static step, 512 or the context if that is less. filled: tokens in
    both caches, 16, a quarter and as many as fit by default. The static step by torch's
    own operators attends to all places, the eager one to those that are filled. mask:
    of the static step, as `static.static_mask`. Raises ValueError where steps have no
    room.
    """
    way = f"the model's context is {model.context}"
    size = min(PLACES, model.context) if places is None else places
    size = arguments.whole(
        "places", size, least=BEFORE + 2, most=model.context, way=way
    )
    most = size - BEFORE - 1
    usual = sorted({min(16, most), max(1, min(size // 4, most)), most})
    counts = arguments.wholes(
        "filled", usual if filled is None else filled, least=1, most=most,
        way=f"such as {usual}, so that {BEFORE + 1} steps have room",
    )  # fmt: skip
    static = runners.compiled(model, "static", length=size, mask=mask)
    facts: list[Record] = []
    notes = []
    for count in counts:
        text = inputs.tokens(model, count)
        speed = measure.speed(
            {way: Steps(one, one.new_cache(1, size), text)
             for way, one in ((EAGER, model), (STATIC, static))},
            seconds=seconds / len(counts),
        )  # fmt: skip
        notes.append(speed.note)
        facts += _by_filled(speed, {"filled": count, "places": size})
    facts.sort(key=lambda fact: fact.name != FILLED_TIME.name)
    return Filled(tuple(facts), next(filter(None, notes), ""))


def _by_filled(speed: measure.Speed, details: dict[str, Any]) -> Iterator[Record]:
    for way in (EAGER, STATIC):
        yield speed[way].total.record(FILLED_TIME, subject=way, details=details)
    verdict = speed.verdict(STATIC, EAGER)
    yield verdict.record(FILLED_GAIN, subject=STATIC, details=details)
