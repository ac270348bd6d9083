"""How much worse a pruned model is: bits per byte on one text, pair by pair.

The dense model is scored once. What a pruned one needs more is taken part by part of
the text, so that the difference is much surer than the two numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llmlab import texts
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.measure.scores import Scores, Texts
from llmlab.pruning.quantities import LOST

PROGRAMS = 2  # of the short frozen ones: each model reads them once

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Yardstick:
    """A text, and what the dense model scored on it."""

    text: Texts
    dense: Scores

    def lost(
        self, model: Model, *, subject: str, details: Mapping[str, Any] | None = None
    ) -> Record:
        """Return the bits per byte that a model adds, as a share of the dense one's."""
        difference = quality.difference(model, self.dense, self.text).details
        share, low, high = (
            difference[key] for key in ("relative", "relative_low", "relative_high")
        )
        return records.measured(
            LOST, share, low=low, high=high, subject=subject, details=details or {}
        )


def yardstick(model: Model, text: Texts | None = None) -> Yardstick:
    """Score the dense model; text: by default two of the short frozen programs."""
    if text is None:
        text = dict([*texts.short_files().items()][:PROGRAMS])
    return Yardstick(text, quality.score(model, text))


def find(
    facts: tuple[Record, ...],
    subject: str,
    *,
    sparsity: float | None = None,
    pattern: str | None = None,
) -> Record:
    """Return the loss of a subject; ValueError names those that there are.

    sparsity, pattern: of the record's details, None for any.
    """
    asked = {"sparsity": sparsity, "pattern": pattern}
    asked = {key: value for key, value in asked.items() if value is not None}
    losses = [fact for fact in facts if fact.name == LOST.name]
    for fact in losses:
        same = all(fact.details.get(key) == value for key, value in asked.items())
        if fact.subject == subject and same:
            return fact
    wanted = ", ".join([repr(subject), *(f"{k}={v!r}" for k, v in asked.items())])
    known = dict.fromkeys(_named(fact, list(asked)) for fact in losses)
    raise ValueError(f"{wanted} was not measured; choose of {'; '.join(known)}.")


def _named(fact: Record, keys: list[str]) -> str:
    details = [f"{key} {fact.details[key]}" for key in keys if key in fact.details]
    return ", ".join([fact.subject, *details])
