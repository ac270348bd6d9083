"""Answers to similar questions: how many are served, and how many of these are wrong.

Numbers in English words are asked of a cache that holds the French words of others.
Whether a served answer is right is known exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import texts
from llmlab.caching import semantic
from llmlab.caching.experiments import scoring
from llmlab.caching.quantities import SERVED, WRONG
from llmlab.core import arguments, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

THRESHOLDS = (0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995)
KEPT, NEW, SPELLED = 300, 300, 100
NEAREST, EXACT = "by similarity", "normalised, then exact"
SAME = 1.0  # the threshold of what is looked up exactly

Rates = Callable[[list[float], list[bool], float], tuple[float, float]]


@dataclass(frozen=True)
class Similar:
    """Shares by threshold; and those of texts made equal first, then looked up."""

    facts: tuple[Record, ...]

    def served(self, threshold: float) -> Record:
        """Return the share of requests served; ValueError for other thresholds."""
        return self._of(SERVED, threshold)

    def wrong(self, threshold: float) -> Record:
        """Return the share of the served that is wrong; ValueError as above."""
        return self._of(WRONG, threshold)

    def exact(self) -> Record:
        """Return the share of requests that normalised texts serve, all rightly."""
        return next(
            f for f in self.facts if (f.subject, f.name) == (EXACT, SERVED.name)
        )

    def records(self) -> list[Record]:
        """Return both shares by threshold, and those of exact texts."""
        return list(self.facts)

    def _of(self, what: Quantity, threshold: float) -> Record:
        own = [fact for fact in self.facts if fact.subject == NEAREST]
        return scoring.find(own, what.name, {"threshold": threshold})


def similar(
    translator: Any, false_hits: Rates, *, thresholds: Sequence[float] = THRESHOLDS,
    kept: int = KEPT, new: int = NEW, spelled: int = SPELLED,
) -> Similar:  # fmt: skip
    """Ask new numbers, and kept ones spelled otherwise, of a semantic cache.

    false_hits: (similarities, same, threshold) -> (served, wrong). kept: numbers with
    an answer; new, spelled: numbers that are asked. ValueError says where the function
    is wrong.
    """
    pairs = texts.number_pairs()
    stored, others = pairs[:kept], pairs[kept : kept + new]
    asked = [(pair.english, pair.french) for pair in others]
    asked += [
        (_spelled(pair.english, place), pair.french)
        for place, pair in enumerate(stored[:spelled])
    ]
    cache = semantic.SemanticCache(semantic.embed_with(translator), threshold=1.0)
    cache.fill((pair.english, pair.french) for pair in stored)
    nearest = cache.nearest([question for question, _ in asked])
    hits = [hit for hit in nearest if hit is not None]  # all: the cache is full
    similarities = [hit.similarity for hit in hits]
    same = [hit.value == right for hit, (_, right) in zip(hits, asked, strict=True)]
    facts = []
    for threshold in thresholds:
        shares = _checked(false_hits(list(similarities), list(same), threshold))
        for what, share in zip((SERVED, WRONG), shares, strict=True):
            details = {"threshold": threshold}
            facts.append(
                records.measured(what, share, subject=NEAREST, details=details)
            )
    return Similar((*facts, *_exact(stored, asked)))


def _exact(stored: Sequence[Any], asked: Sequence[tuple[str, str]]) -> list[Record]:
    """Make texts equal that differ in spelling alone, and look them up."""
    known = {_normalised(pair.english): pair.french for pair in stored}
    found = [(known.get(_normalised(text)), right) for text, right in asked]
    served = [(answer, right) for answer, right in found if answer is not None]
    wrong = sum(answer != right for answer, right in served)
    shares = len(served) / len(asked), wrong / max(1, len(served))
    return [
        records.measured(what, share, subject=EXACT, details={"threshold": SAME})
        for what, share in zip((SERVED, WRONG), shares, strict=True)
    ]


def _spelled(text: str, place: int) -> str:
    """Spell a number in one of four other ways."""
    ways = (
        text.capitalize(),
        text.replace("-", " "),
        text.upper(),
        text.replace("hundred ", "hundred and "),
    )
    return ways[place % len(ways)]


def _normalised(text: str) -> str:
    words = text.lower().replace("-", " ").split()
    return " ".join(word for word in words if word != "and")


def _checked(answer: Any) -> tuple[float, float]:
    try:
        served, wrong = map(float, answer)
    except (TypeError, ValueError):
        raise ValueError(
            f"false_hits gave {arguments.shown(answer)}; return (served, wrong)."
        ) from None
    if not (0 <= served <= 1 and 0 <= wrong <= 1):
        raise ValueError(
            f"false_hits gave served={served:g} and wrong={wrong:g}; both are shares, "
            "0 to 1."
        )
    return served, wrong
