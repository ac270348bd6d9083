"""An exam that models sit: what is asked, what is right, and what several answered.

An answer is right or not, so two models are compared answer by answer: how many right
ones are lost, how many won.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import texts
from llmlab.core import arguments, quantities
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure import quality

SURE = 0.05  # the chance of a difference that none would show as large

Ask = Callable[[Any, Sequence[str]], list[str]]


@dataclass(frozen=True)
class Exam:
    """Texts with the answers that are right, and what the share of these is called."""

    asked: Sequence[str]
    expected: Sequence[str]
    share: Quantity = quantities.EXACT_MATCH

    def mark(self, answers: Sequence[str], *, subject: str = "") -> Record:
        """Return the share of answers that are right, with its interval.

        Raises ValueError for another number of answers than of questions.
        """
        return quality.exact_match(
            answers, self.expected, subject=subject, what=self.share
        )


@dataclass(frozen=True)
class Answers:
    """What each model answered to the same questions."""

    exam: Exam
    given: Mapping[str, Sequence[str]]  # by the model's name, in the exam's order

    def records(self) -> list[Record]:
        """Return the share of right answers of each model, with its interval."""
        return [self.right(name) for name in self.given]

    def right(self, name: str) -> Record:
        """Return the share of right answers of one model, with its interval."""
        return self.exam.mark(self._of(name), subject=name)

    def lost(self, name: str, over: str) -> tuple[int, int]:
        """Return how many right answers of `over` are wrong here, and the reverse."""
        both = [*zip(self._marks(over), self._marks(name), strict=True)]
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
        """Return a question, then every answer, where not all models agree."""
        rows = [*zip(self.exam.asked, *self.given.values(), strict=True)]
        return [row for row in rows if len(set(row[1:])) > 1][:count]

    def _marks(self, name: str) -> list[bool]:
        both = zip(self._of(name), self.exam.expected, strict=True)
        return [answer == right for answer, right in both]

    def _of(self, name: str) -> Sequence[str]:
        if name not in self.given:
            raise ValueError(f"{name!r} is none of {', '.join(self.given)}.")
        return self.given[name]


def number_words(count: int | None = None) -> Exam:
    """Return the frozen numbers in English words, to be answered in French ones.

    count: of the first numbers, None for all. Raises ValueError for less than 1.
    """
    pairs = texts.number_pairs()
    if count is not None:
        pairs = pairs[: arguments.whole("count", count, least=1)]
    return Exam([pair.english for pair in pairs], [pair.french for pair in pairs])


def sit(models: Mapping[str, Any], exam: Exam, ask: Ask) -> Answers:
    """Ask every model all of an exam.

    models: by name. ask: answers texts, such as `models.translation.translate`.
    """
    return Answers(
        exam, {name: tuple(ask(model, exam.asked)) for name, model in models.items()}
    )
