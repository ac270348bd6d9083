"""The dense model, which all pruned ones are compared with: what is known of it, once.

Bits per byte are taken on one text, part by part, so that the difference is much surer
than the two numbers. What each layer is given on a calibration text serves every
method.

Shapes: T tokens, I input features.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from llmlab import texts
from llmlab.core import records, wanted
from llmlab.core.arguments import shown
from llmlab.core.records import Record
from llmlab.measure import quality
from llmlab.measure.scores import Scores, Texts
from llmlab.models import calibration
from llmlab.models.listening import hearing
from llmlab.pruning.experiments.masked import Model, pruned_layers
from llmlab.pruning.quantities import LOST

PROGRAMS = 2  # of the short frozen ones: each model reads them once
PROMPTS, LENGTH = 8, 256  # of the calibration text, in tokens


@dataclass(frozen=True)
class Dense:
    """A model before anything goes, with a text and its scores on it."""

    model: Model = field(repr=False)
    text: Texts = field(repr=False)
    _scores: dict[bytes, Scores] = field(default_factory=dict, repr=False)

    def scores(self, model: Model) -> Scores:
        """Return what a model makes of the text; the same weights are scored once."""
        key = _digest(model)
        if key not in self._scores:
            self._scores[key] = quality.score(model, self.text)
        return self._scores[key]

    def lost(
        self, model: Model, *, subject: str, details: Mapping[str, Any] | None = None
    ) -> Record:
        """Return the bits per byte that a model adds, as a share of the dense one's."""
        ours, theirs = self.scores(model), self.scores(self.model)
        difference = quality.difference(ours, theirs, self.text).details
        share, low, high = (
            difference[key] for key in ("relative", "relative_low", "relative_high")
        )
        return records.measured(
            LOST, share, low=low, high=high, subject=subject, details=details or {}
        )

    @cached_property
    def prompts(self) -> list[Tensor]:
        """The calibration text, prompts of (1, T)."""
        return calibration.batches(self.model, count=PROMPTS, length=LENGTH)

    @cached_property
    def norms(self) -> dict[str, Tensor]:
        """The length (I,) of every layer's inputs over the calibration text."""
        squares: dict[str, Tensor] = {}

        def hear(name: str, x: Tensor) -> None:
            sums = x.detach().float().flatten(0, -2).square().sum(0)
            squares[name] = squares[name] + sums if name in squares else sums

        names = list(pruned_layers(self.model))
        with torch.inference_mode(), hearing(self.model, names, hear):
            for batch in self.prompts:
                calibration.run(self.model, batch)
        return {name: squares[name].sqrt() for name in names}


def dense(model: Model, *, text: Texts | None = None) -> Dense:
    """Score a model as it is, so that pruned ones can be compared with it.

    text: what each of them reads, by default two of the short frozen programs.
    """
    if text is None:
        text = dict([*texts.short_files().items()][:PROGRAMS])
    made = Dense(wanted.causal("model", model), text)
    made.scores(model)
    return made


def checked(dense: Any) -> Dense:
    """Return what `dense` gives; ValueError for all else, such as the model itself."""
    if isinstance(dense, Dense):
        return dense
    raise ValueError(
        f"dense={shown(dense)} is no scored model; make one of it: "
        "experiments.dense(model)."
    )


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


def _digest(model: nn.Module) -> bytes:
    """Return a name for these weights: a change in place gives another one."""
    digest = hashlib.blake2b()
    for name, tensor in model.state_dict().items():
        content = tensor.detach().contiguous().view(-1).view(torch.uint8)
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        digest.update(content.cpu().numpy())
    return digest.digest()
