"""Pairs of models compared twice: by a learner's function, and by the package's own.

Both time the same loop on the same prompt, so that what differs is the method alone.
"""

import collections
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from llmlab.core import clock, machine
from llmlab.core.clock import Threads
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.measure.comparison import Verdict
from llmlab.measure.experiments.positions import check_request
from llmlab.measure.timing import speed

ROUNDS, FEWEST, DRAWS = 20, 8, 1000

Call = Callable[[], object]
Picks = Sequence[Sequence[int]]
Comparison = Callable[[Call, Call, Picks, Callable[[], float]], Iterable[Any]]


@dataclass(frozen=True)
class SpeedUps:
    """Speed-ups over one model, by hand and by the package."""

    by_hand: Mapping[str, Record]  # name of the rival -> speed-up
    verdicts: tuple[Verdict, ...]
    ran_on: Threads

    def __getitem__(self, name: str) -> Record:
        """Return the speed-up of a rival as the function that was handed in says it."""
        if name not in self.by_hand:
            raise KeyError(f"{name!r} was not compared; choose {list(self.by_hand)}.")
        return self.by_hand[name]

    def records(self) -> list[Record]:
        """Return for every rival the speed-up by hand, then the package's."""
        package = {
            verdict.name: replace(verdict.record(), subject=f"{verdict.name}, llmlab")
            for verdict in self.verdicts
        }
        pairs = ((self.by_hand[name], package[name]) for name in self.by_hand)
        return [record for pair in pairs for record in pair]

    @property
    def note(self) -> str:
        """Say what the machine did besides, "" if it had nothing else to do."""
        return self.ran_on.note


def speed_ups(
    rivals: Mapping[str, LanguageModel],
    baseline: LanguageModel,
    prompt: Sequence[int],
    *,
    loop: Callable[..., Iterable[int]],
    by: Comparison,
    new: int = 17,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> SpeedUps:
    """Compare models with a baseline by a learner's function, and by `measure.speed`.

    rivals: name -> model. loop: called as loop(model, prompt, new); gives `new` tokens.
    by: called as by(baseline, candidate, picks, clock) with two functions without
    arguments, a thousand draws of rounds (with repetition) and a clock in seconds;
    gives the median ratio and the low and the high end of its interval. rounds: for
    each pair; LLMLAB_TIME scales them, eight are run at least.
    Raises ValueError for no rivals, and where `by` gives other than three numbers.
    """
    check_request(prompt, new)
    if not isinstance(rivals, Mapping) or not rivals:
        raise ValueError(
            f"rivals={rivals!r:.60} must map at least one name to a model, such as "
            "{'bf16': half}."
        )
    models = {"baseline": baseline} | dict(rivals)
    calls = {
        name: partial(_pull, partial(loop, model, list(prompt), new))
        for name, model in models.items()
    }
    rounds = max(FEWEST, round(rounds * machine.repetitions_scale()))
    picks = _draws(rounds, seed)
    by_hand = {}
    with clock.given_way() as ran_on:
        for name in rivals:
            calls["baseline"](), calls[name]()  # warmed up
            ends = _three(by(calls["baseline"], calls[name], picks, time.perf_counter))
            by_hand[name] = _record(name, ends, ran_on)
    measured = speed(calls, rounds=rounds, seed=seed)
    verdicts = tuple(measured.verdict(name, "baseline") for name in rivals)
    return SpeedUps(by_hand, verdicts, ran_on)


def _draws(rounds: int, seed: int) -> list[list[int]]:
    """Return a thousand draws of as many rounds, each with repetition."""
    dice = random.Random(seed)
    return [dice.choices(range(rounds), k=rounds) for _ in range(DRAWS)]


def _pull(start: Callable[[], Iterable[int]]) -> None:
    collections.deque(start(), maxlen=0)


def _three(given: Iterable[Any]) -> tuple[float, float, float]:
    try:
        ratio, low, high = map(float, given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"by gave {given!r:.60}; it must give three numbers: the median ratio, the "
            "low and the high end of its interval."
        ) from error
    return ratio, low, high


def _record(name: str, ends: tuple[float, float, float], ran_on: Threads) -> Record:
    fact = Verdict(name, "baseline", *ends, ran_on=ran_on).record()
    return replace(fact, subject=f"{name}, by hand")
