"""Which layer of the teacher each layer of a student is like, by their relations.

What is compared are the values of attention, head by head, on programs that nobody was
trained on; the loss is a function handed in, such as the learner's.

Shapes: B sequences, T tokens, H head width of each model.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab import texts
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.distillation import attention
from llmlab.distillation.experiments import teaching
from llmlab.distillation.experiments.learning import Model
from llmlab.distillation.experiments.teaching import Losses
from llmlab.distillation.quantities import RELATION
from llmlab.models.listening import listening

ROWS, LENGTH = 4, 128  # of the text that both read

Loss = Callable[[Tensor, Tensor], Any]


@dataclass(frozen=True)
class Relations:
    """How far the relations of each student's layer are from each of the teacher's."""

    facts: tuple[Record, ...]

    def nearest(self, student: str, layer: int) -> int:
        """Return the teacher's layer that a student's is most like.

        ValueError: a student or a layer that was not compared.
        """
        rows = [
            fact
            for fact in self.facts
            if (fact.subject, fact.details["student layer"]) == (student, layer)
        ]
        if not rows:
            known = list(dict.fromkeys(fact.subject for fact in self.facts))
            raise ValueError(
                f"layer {layer!r} of {student!r} was not compared; choose a student of "
                f"{known}, and a layer from 0."
            )
        least = min(rows, key=lambda fact: fact.value)
        return int(least.details["teacher layer"])

    def records(self) -> list[Record]:
        """Return the differences; subjects are the students."""
        return list(self.facts)


def relations(teacher: Model, losses: Losses, relation_loss: Loss) -> Relations:
    """Compare each layer of the students with each layer of their teacher.

    relation_loss: (student's values (B, heads, T, H), teacher's) -> a number.
    ValueError: a model without attention by layers, a loss that is no number.
    """
    tokens = _tokens(teacher)
    theirs = _values(teacher, tokens)
    facts = []
    for name, student in teaching.students(losses).items():
        for at, mine in _values(student, tokens).items():
            for to, other in theirs.items():
                heads = math.gcd(_heads(student), _heads(teacher))
                pair = (attention.split(one, heads) for one in (mine, other))
                with torch.no_grad():
                    value = _checked(relation_loss(*pair))
                details = {"student layer": at, "teacher layer": to}
                facts.append(
                    records.measured(RELATION, value, subject=name, details=details)
                )
    return Relations(tuple(facts))


def _tokens(teacher: Model) -> Tensor:
    """Return the beginnings of frozen programs, (B, T)."""
    rows = [
        teacher.tokenizer(text, verbose=False)["input_ids"][:LENGTH]
        for text in texts.short_files().values()
    ]
    return torch.tensor(rows[:ROWS])


def _values(model: Model, tokens: Tensor) -> Mapping[int, Tensor]:
    """Return what the values of each layer are, (B, T, heads · H)."""
    names = {at: f"layers.{at}.attention.value" for at in range(len(model.layers))}
    with torch.no_grad(), listening(model, list(names.values()), outputs=True) as heard:
        model(tokens)
    return {at: heard[name] for at, name in names.items()}


def _heads(model: Model) -> int:
    return model.config.num_key_value_heads


def _checked(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"relation_loss gave {value!r:.60}; it must give one finite number."
        )
    return number
