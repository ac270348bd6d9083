"""Gradients by distance of five layers, fresh and trained on a task of memory alone.

Shapes: T tokens, D model width, V vocabulary.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.attention_vs_rnn import quantities, recall
from llmlab.attention_vs_rnn.layers import KINDS
from llmlab.core import machine, records
from llmlab.core.records import Record
from llmlab.measure import intervals

Model = Callable[[Tensor], Tensor]  # (T, D) -> (T, V)
Gradients = Callable[[Model, Tensor], Sequence[float] | Tensor]

LEARNT = 0.9  # of the answers, by the low end of the interval
LEAST = sys.float_info.min  # of what float64 keeps exactly; the rest rounds to 0


@dataclass(frozen=True)
class Reach:
    """Gradient norms of layers by distance, and which of them learnt the task."""

    facts: tuple[Record, ...]
    scores: tuple[Record, ...]
    distance: int
    steps: int

    def records(self) -> list[Record]:
        """Return each "gradient norm", and what the trained ones get right."""
        return [*self.facts, *self.scores]

    def fading(self, kind: str, state: str = "fresh") -> Record:
        """Return how many times smaller the cue's gradient is than one token back.

        A gradient that is 0 in float64 has no ratio: the record then holds the least
        that it must be, and its note says so. Raises ValueError where it is 0 one token
        back already.
        """
        near, far = (self.norm(kind, state, at).value for at in (1, self.distance))
        if not near:
            raise ValueError(
                f"kind={kind!r}, {state}: no gradient comes back even one token, so "
                "nothing can fade; choose another layer."
            )
        details: dict[str, Any] = {"distance": self.distance, "state": state}
        if not far:
            details["note"] = (
                f"At least so many times: {self.distance} tokens back the gradient of "
                f"{kind} is 0 in float64."
            )
        value = near / (far or LEAST)
        return records.measured(quantities.FADING, value, subject=kind, details=details)

    def norm(self, kind: str, state: str, distance: int) -> Record:
        """Return one norm; ValueError where there is none."""
        for fact in self.facts:
            place = fact.details
            if (fact.subject, place["state"], place["distance"]) == (
                kind, state, distance,
            ):  # fmt: skip
                return fact
        raise ValueError(f"no norm of {kind!r}, {state!r}, {distance} tokens back.")

    def learnt(self, kind: str) -> bool:
        """Say whether a trained layer surely answers more than nine rows of ten."""
        (score,) = [score for score in self.scores if score.subject == kind]
        return score.low is not None and score.low > LEARNT


def reach(
    gradients: Gradients,
    *,
    kinds: Sequence[str] = KINDS,
    distance: int = 40,
    steps: int = 300,
    sequences: int = 8,
    seed: int = 0,
) -> Reach:
    """Train a reader of each kind, and measure its gradients before and after.

    A row is a cue, distance - 1 tokens of noise, a question; the answer is the cue.
    gradients: the learner's function of a model and one text x (T, D) that gives T
    norms, the last token's first. Raises ValueError for another number of norms.
    """
    tokens = recall.examples(distance, sequences, seed=seed + 5)[:, :-1]
    facts, scores = [], []
    for kind in kinds:
        fresh = recall.reader(kind, seed=seed)
        trained = recall.train(fresh, distance=distance, steps=steps, seed=seed)
        scores.append(recall.accuracy(trained, distance=distance, subject=kind))
        for state, one in (("fresh", fresh), ("trained", trained)):
            norms = _norms(gradients, one.double(), tokens)
            facts += _facts(norms, kind, state)
    return Reach(tuple(facts), tuple(scores), distance, steps)


def _norms(gradients: Gradients, reader: recall.Reader, tokens: Tensor) -> Tensor:
    """Return the norms of each text, (texts, T), in float64."""
    run = recall.outputs_of(reader)

    def model(x: Tensor) -> Tensor:
        return run(x[None])[0]  # (T, V)

    texts = []
    for row in tokens:
        x = reader.embedding(row).detach()  # (T, D)
        norms = torch.tensor(
            [float(norm) for norm in gradients(model, x)], dtype=torch.float64
        )
        if len(norms) != len(row):
            raise ValueError(
                f"gradients gave {len(norms)} norms for {len(row)} tokens; give one "
                "for each token, the last token's first."
            )
        texts.append(norms)
    return torch.stack(texts)


def _facts(norms: Tensor, kind: str, state: str) -> list[Record]:
    here = machine.describe().label
    facts = []
    for distance, values in enumerate(norms.T.tolist()):
        low, high = intervals.of_median(values) or (None, None)
        details = {"distance": distance, "sequences": len(values), "state": state}
        facts.append(
            records.measured(
                quantities.GRADIENT_NORM, intervals.median(values), subject=kind,
                low=low, high=high, details=details, machine=here,
            )
        )  # fmt: skip
    return facts
