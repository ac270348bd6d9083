"""A translator in few bits: its answers side by side, and what is said of such models.

Numbers in English words become numbers in French words. An answer is right or not, so
two models are compared answer by answer: how many right ones are lost, and how many won.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import texts
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.models import translation
from llmlab.texts import number_bands

COUNT = 100  # numbers that are asked
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

    def right(self, name: str) -> float:
        """Return the share of right answers of one model."""
        return sum(self._right(name)) / len(self.french)

    def lost(self, name: str, over: str) -> tuple[int, int]:
        """Return how many right answers of `over` are wrong here, and the reverse."""
        pairs = [*zip(self._right(over), self._right(name), strict=True)]
        return pairs.count((True, False)), pairs.count((False, True))

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
        pairs = zip(self.answers[name], self.french, strict=True)
        return [answer == right for answer, right in pairs]


def translations(
    translators: Mapping[str, Any],
    *,
    count: int = COUNT,
    pairs: Sequence[number_bands.Pair] | None = None,
) -> Translations:
    """Ask each translator the same numbers.

    translators: models as `models.load("translator")` gives them, by name. count: of
    the frozen numbers; pairs: others. Raises ValueError for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count={count} asks nothing; choose at least 1.")
    asked = (texts.number_pairs() if pairs is None else pairs)[:count]
    english = tuple(pair.english for pair in asked)
    answers = {
        name: tuple(translation.translate(model, english))
        for name, model in translators.items()
    }
    return Translations(english, tuple(pair.french for pair in asked), answers)
