"""A student that learns while it is watched: bits per byte by step and by second.

All students of the lab read the same tokens in the same order, and are scored on the
same text as they go. The seconds are those of the steps; scoring is not in them, what a
teacher computes in a step is.

Shapes: B sequences, T tokens.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from llmlab.core import clock, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.distillation.quantities import STUDENT_BITS
from llmlab.measure import quality
from llmlab.measure.scores import Scores, Texts
from llmlab.models import calibration
from llmlab.models.training import Trained

STEPS, ROWS, LENGTH = 40, 4, 128
LOOK = 10  # steps from one score to the next
SECONDS = "training seconds"  # a key of details
SAME, BETTER, WORSE = "no significant difference", "better", "worse"

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
Batch = Callable[[int], Tensor]


class Train(Protocol):
    """A training of `distillation.train` that lacks only these."""

    def __call__(
        self, student: nn.Module, *, evaluate: Callable[[nn.Module], dict[str, float]]
    ) -> Trained: ...


@dataclass(frozen=True)
class Learnt:
    """A student after its steps: its scores, and how it came there."""

    name: str
    model: Model = field(repr=False)
    scores: Scores = field(repr=False)
    curve: tuple[Record, ...]  # bits per byte, the steps and seconds in the details

    @property
    def seconds(self) -> float:
        """What the steps took."""
        return self.curve[-1].details[SECONDS]

    @property
    def steps(self) -> int:
        """How many steps there were."""
        return self.curve[-1].details["steps"]

    def at(self, seconds: float) -> float:
        """Return the bits per byte at a second, on a line between two scores."""
        for before, after in zip(self.curve, self.curve[1:], strict=False):
            start, end = before.details[SECONDS], after.details[SECONDS]
            if start <= seconds <= end:
                share = (seconds - start) / max(end - start, 1e-9)
                return before.value + share * (after.value - before.value)
        raise ValueError(
            f"seconds={seconds:g} is beyond the {self.seconds:.1f} s that "
            f"{self.name!r} took; choose one before its end."
        )

    def called(self, name: str, key: str) -> "Learnt":
        """Return the same under another name; key: of the details that hold it."""
        curve = tuple(
            replace(
                fact,
                subject=name,
                details={key: name, "steps": fact.details["steps"],
                         SECONDS: fact.details[SECONDS]},
            )
            for fact in self.curve
        )  # fmt: skip
        return replace(self, name=name, curve=curve)


def learn(
    student: Model, train: Train, text: Texts, *, name: str, key: str, first: Scores
) -> Learnt:
    """Train a student, and score it on a text every few steps.

    key: under which the details hold the name. first: its scores before any step.
    """
    watch = clock.Host()
    looks: list[tuple[float, Scores]] = [(0.0, first)]
    spent = 0.0  # by scoring

    def evaluate(model: Any) -> dict[str, float]:
        nonlocal spent
        now = watch.look()
        looks.append((watch.seconds(start, now) - spent, quality.score(model, text)))
        spent += watch.seconds(now, watch.look())
        return {}

    with clock.given_way() as ran_on:
        start = watch.look()
        trained = train(student, evaluate=evaluate)
    steps = [0, *(row["step"] for row in trained.log if "loss" in row)]
    curve = tuple(
        _point(scores, text, name, {key: name, "steps": step, SECONDS: seconds}
               | ran_on.details)
        for step, (seconds, scores) in zip(steps, looks, strict=True)
    )  # fmt: skip
    return Learnt(name, trained.model, looks[-1][1], curve)


def _point(
    scores: Scores, text: Texts, name: str, details: Mapping[str, Any]
) -> Record:
    fact = quality.bits_per_byte(scores, text)
    return records.measured(
        STUDENT_BITS, fact.value, low=fact.low, high=fact.high, subject=name,
        details=details,
    )  # fmt: skip


def fewer(
    what: Quantity, ours: Learnt, theirs: Learnt, text: Texts, *, relative: bool
) -> Record:
    """Return how many bits per byte fewer one needs than another, paired, with a word.

    relative: as a share of the other's.
    """
    fact = quality.difference(ours.scores, theirs.scores, text)
    value: Any = fact.value
    low, high = fact.low, fact.high
    if relative:
        value, low, high = (
            fact.details.get(key) for key in ("relative", "relative_low",
                                              "relative_high")
        )  # fmt: skip
    ends = None if low is None or high is None else (-high, -low)
    word = SAME
    if ends is not None and ends[0] > 0:
        word = BETTER
    elif ends is not None and ends[1] < 0:
        word = WORSE
    return records.measured(
        what, -value, low=ends and ends[0], high=ends and ends[1], subject=ours.name,
        details={"verdict": word, "against": theirs.name},
    )  # fmt: skip


def batches(model: Model, *, steps: int) -> Batch:
    """Return the tokens (B, T + 1) of each step, from programs of this installation."""
    rows = calibration.batches(model, count=steps * ROWS, length=LENGTH + 1)
    # Neighbours come from one file: a step takes rows that lie far apart.
    return lambda step: torch.cat(rows[step::steps])
