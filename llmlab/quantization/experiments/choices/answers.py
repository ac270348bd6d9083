"""A translator in few bits: its answers side by side, and what is said of such models.

Numbers in English words become numbers in French words. An answer is right or not, so
two models are compared answer by answer: how many right ones are lost, how many won.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import texts
from llmlab.core.records import Record
from llmlab.kernels.format import Format
from llmlab.measure import quality
from llmlab.measure.claims import FAILS, HOLDS, OPEN, Claim, Claims
from llmlab.models import pairs, translation
from llmlab.quantization import qat, rounding
from llmlab.texts import number_bands

COUNT = 60  # numbers that are asked
SURE = 0.05  # the chance of a difference that none would show as large


@dataclass(frozen=True)
class Translations:
    """What each model answered to the same numbers."""

    english: tuple[str, ...]
    french: tuple[str, ...]
    answers: Mapping[str, tuple[str, ...]]

    def records(self) -> list[Record]:
        """Return the share of right answers of each model, with its interval."""
        return [
            quality.exact_match(answers, self.french, subject=name)
            for name, answers in self.answers.items()
        ]

    def right(self, name: str) -> Record:
        """Return the share of right answers of one model, with its interval."""
        return next(fact for fact in self.records() if fact.subject == name)

    def lost(self, name: str, over: str) -> tuple[int, int]:
        """Return how many right answers of `over` are wrong here, and the reverse."""
        both = [*zip(self._right(over), self._right(name), strict=True)]
        return both.count((True, False)), both.count((False, True))

    def is_worse(self, name: str, over: str) -> bool:
        """Say whether more right answers are lost than chance alone would take.

        The sign test: of the answers that differ, each is as likely lost as won.
        """
        lost, won = self.lost(name, over)
        count = lost + won
        worse = sum(math.comb(count, k) for k in range(lost, count + 1))
        return lost > won and worse / 2**count < SURE

    def differing(self, count: int = 5) -> list[tuple[str, ...]]:
        """Return English, then every answer, of numbers on which not all agree."""
        rows = [*zip(self.english, *self.answers.values(), strict=True)]
        return [row for row in rows if len(set(row[1:])) > 1][:count]

    def _right(self, name: str) -> list[bool]:
        if name not in self.answers:
            raise ValueError(f"{name!r} is none of {', '.join(self.answers)}.")
        both = zip(self.answers[name], self.french, strict=True)
        return [answer == right for answer, right in both]


def translations(
    translators: Mapping[str, Any],
    *,
    count: int = COUNT,
    numbers: Sequence[number_bands.Pair] | None = None,
) -> Translations:
    """Ask each translator the same numbers.

    translators: models as `models.load("translator")` gives them, by name. count: of
    the frozen numbers; numbers: others. Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count={count} asks nothing; choose at least 1.")
    asked = (texts.number_pairs() if numbers is None else numbers)[:count]
    english = tuple(pair.english for pair in asked)
    answers = {
        name: tuple(translation.translate(model, english))
        for name, model in translators.items()
    }
    return Translations(english, tuple(pair.french for pair in asked), answers)


def claims(asked: Translations) -> Claims:
    """Hold sentences of tutorials of 2023 against the answers of a translator.

    asked: what `translated` returned. A loss counts where the sign test says so.
    """
    exact, *small, after = asked.answers
    before = small[-1]
    back, start = asked.lost(after, exact)[0], asked.lost(before, exact)[0]
    better = asked.is_worse(before, after) and not asked.is_worse(after, exact)
    trained = Claim(
        "“further trained … to … compensate for the loss of precision”",
        f"{after}: {back} right answers lost, where {before} loses {start}",
        HOLDS if better else FAILS,
    )
    return Claims((*(_robust(asked, name, exact) for name in small), trained))


def translated(
    model: Any,
    words: Sequence[str],
    *,
    steps: int = 20,
    rows: int = 32,
    count: int = COUNT,
) -> Translations:
    """Ask a translator, the same in a few formats, and the last of them trained on.

    model: in float32, as `models.load("translator")` gives it. words: of formats, from
    many bits to few. steps: of a training through the rounding, of `rows` pairs, none
    of which is held out; the numbers asked are. count: of the numbers. Raises
    ValueError for no word, and for what `Format.parse` refuses.
    """
    if not words:
        raise ValueError("words names no format; hand in such as ('int4', 'int2').")
    small = {word: rounding.quantize(model, Format.parse(word)) for word in words}
    tuned = qat.train(
        model, pairs.batches(model.tokenizer, rows=rows), steps=steps,
        format=Format.parse(words[-1]), loss=translation.loss,
    )  # fmt: skip
    name = f"{words[-1]}, trained"
    return translations({"fp32": model, **small, name: tuned.model}, count=count)


def _robust(first: Translations, name: str, exact: str) -> Claim:
    """Some may be lost, and chance alone may have taken them: that settles nothing."""
    lost, _ = first.lost(name, exact)
    open_or_not = OPEN if lost else HOLDS
    return Claim(
        "“often robust to small perturbations in their parameters”",
        f"{name}: {lost} right answers of {len(first.french)} lost",
        FAILS if lost and first.is_worse(name, exact) else open_or_not,
    )
