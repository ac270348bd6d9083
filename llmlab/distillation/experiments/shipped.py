"""The student that ships, beside its teacher and a model that had none.

Quality on the frozen programs, how often each chooses as the teacher does, and the
times of both phases, interleaved.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy

from llmlab import measure, models, texts
from llmlab.core import quantities, records
from llmlab.core.arguments import shown
from llmlab.core.records import Record
from llmlab.distillation.quantities import AGREEMENT
from llmlab.measure import Speed, bootstrap, memory, phases, quality
from llmlab.measure.scores import Scores, Texts

NAME, ALONE = "coder-distilled", "coder-small"
PROMPT, NEW, SECONDS = 256, 33, 6.0

Model = Any  # a core.model.LanguageModel that is an nn.Module, too
Rate = Callable[[list[int], list[int]], float]


@dataclass(frozen=True)
class Shipped:
    """A student, one that learned alone, and the teacher: quality and speed."""

    name: str  # of the student
    teacher: str
    models: Mapping[str, Model] = field(repr=False)
    scores: Mapping[str, Scores] = field(repr=False)
    agreements: Mapping[str, Record]  # with the teacher, by name
    speed: Speed
    text: Texts = field(repr=False)

    def ratio(self, of: str = "decode", name: str = "") -> Record:
        """Return how many times as fast as the teacher a model is.

        of: "prefill" or "decode". name: by default the student. ValueError for others.
        """
        return phases.ratio(self.speed, name or self.name, self.teacher, of)

    def difference(self, name: str) -> Record:
        """Return the bits per byte that the student needs more than another, paired."""
        self._known(name)
        return quality.difference(self.scores[self.name], self.scores[name], self.text)

    @property
    def agreement(self) -> Record:
        """The share of places where the student chooses as its teacher does."""
        return self.agreements[self.name]

    @property
    def facts(self) -> tuple[Record, Record, Record]:
        """The student's bits per byte, time of a step and bytes of weights."""
        return (
            self._bits(self.name),
            phases.latency(self.speed, self.name),
            self._weights(self.name),
        )

    def records(self) -> list[Record]:
        """Return weights, quality, agreement and how many times as fast, by model."""
        rows: list[Record] = []
        for name in self.models:
            rows += [self._weights(name), self._bits(name)]
            if name != self.teacher:
                rows.append(self.agreements[name])
                rows += [self.ratio(of, name) for of in phases.SPEED_UPS]
        return rows

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return self.speed.note

    def _bits(self, name: str) -> Record:
        fact = quality.bits_per_byte(self.scores[name], self.text)
        return records.measured(
            quantities.BITS_PER_BYTE, fact.value, low=fact.low, high=fact.high,
            subject=name, details=fact.details, weights=fact.weights, seed=fact.seed,
        )  # fmt: skip

    def _weights(self, name: str) -> Record:
        size = memory.weight_bytes(self.models[name])
        return records.measured(quantities.WEIGHTS, size, subject=name)

    def _known(self, name: str) -> None:
        if name not in self.models:
            raise ValueError(f"{name!r} did not race; choose of {list(self.models)}.")


def student(
    teacher: Model, pass_rate: Rate, *, name: str = NAME, alone: str = ALONE,
    text: Texts | None = None, prompt: Sequence[int] | None = None,
    seconds: float = SECONDS,
) -> Shipped:  # fmt: skip
    """Race a student against its teacher, score both, and count where they agree.

    pass_rate: (the student's tokens, the teacher's) -> the share of places in which
    both are the same. name, alone: the student, and a model that learned from labels.
    prompt: token ids, by default 256 of a frozen program. ValueError: models that cut
    the text into other tokens, and a share that is none.
    """
    text = texts.short_files() if text is None else text
    everyone = {teacher.name: teacher}
    everyone |= {each: models.load(each) for each in (alone, name)}
    if prompt is None:
        prompt = teacher.tokenizer(texts.short()[:2000], verbose=False)["input_ids"]
        prompt = prompt[:PROMPT]
    speed = measure.race(everyone, prompt, max_tokens=NEW, seconds=seconds)
    scores = {each: quality.score(model, text) for each, model in everyone.items()}
    agreements = {
        each: _agreement(each, scores[each], scores[teacher.name], pass_rate)
        for each in everyone
        if each != teacher.name
    }
    return Shipped(name, teacher.name, everyone, scores, agreements, speed, text)


def _agreement(name: str, ours: Scores, theirs: Scores, pass_rate: Rate) -> Record:
    """Let the function count, and draw the interval over parts of the text."""
    if not numpy.array_equal(ours.tokens, theirs.tokens):
        raise ValueError(
            f"{name!r} cuts the text into other tokens than its teacher; choose models "
            "of one tokenizer."
        )
    same = ours.choices == theirs.choices
    given = pass_rate(ours.choices.tolist(), theirs.choices.tolist())
    if not isinstance(given, int | float) or abs(given - same.mean()) > 1e-6:
        raise ValueError(
            f"pass_rate gave {shown(given)} for {len(same):,} places, of which "
            f"{int(same.sum()):,} are the same; it must give their share, "
            f"{same.mean():.4f}."
        )
    parts = ours.sums(same, numpy.ones(len(same)))
    value, *ends = bootstrap.with_interval(parts, bootstrap.ratio)
    low, high = ends or (None, None)
    return records.measured(
        AGREEMENT, value, low=low, high=high, subject=name, seed=bootstrap.SEED,
        weights=ours.weights, details={"tokens": len(same)},
    )  # fmt: skip
