"""The loss of a distillation: one number from two models and a batch.

It runs both over the batch, listens to the layers that are matched, and adds up what
was asked for. What carries no weight is not computed: with labels alone the teacher
does not run.

Shapes: B sequences, T tokens, V vocabulary.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from llmlab.core.arguments import shown
from llmlab.distillation import asking, losses, pairing
from llmlab.distillation.hidden import Matched
from llmlab.distillation.kept import KeptLogits
from llmlab.models import stacks
from llmlab.models.listening import listening

# (student_logits (…, V), teacher_logits (…, V), temperature): a scalar.
Loss = Callable[[Tensor, Tensor, float], Tensor]
Names = str | tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """Outputs of modules that a student is to have like its teacher.

    loss gets what the student's modules give and what the teacher's give: a tensor for
    one name, a tuple of tensors for a tuple of names.
    """

    student: Names
    teacher: Names
    loss: Callable[[Any, Any], Tensor]
    weight: float = 1.0


@dataclass
class Objective:
    """The loss of a batch: called with what is trained and the tokens."""

    loss: Loss
    temperature: float
    labels: float
    hidden: float
    hidden_loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    matches: tuple[Match, ...]
    logits: float
    kept: KeptLogits | None
    ask: asking.Ask
    teacher: nn.Module | None = None
    stack: str = ""  # the name of the teacher's layers
    places: Mapping[int, int] = field(default_factory=dict)
    step: int = 0  # of the batch that was handed out last

    @property
    def is_soft(self) -> bool:
        """Whether the teacher's probabilities have any weight."""
        return self.logits > 0 and self.labels < 1

    @property
    def asks_teacher(self) -> bool:
        """Whether a teacher has to run."""
        live = self.is_soft and self.kept is None
        return bool(live or self.hidden or self.matches)

    def teach(self, student: nn.Module, teacher: nn.Module | None) -> None:
        """Take a teacher in; ValueError for none, or one of other tokens."""
        if teacher is None:
            raise ValueError(
                "teacher=None, and this loss asks one; hand in the teacher, or "
                "labels=1 or kept=keep_logits(…) without hidden states."
            )
        pairing.check(student, teacher)
        self.teacher = pairing.frozen(teacher)
        if self.hidden:
            self.stack, _ = stacks.stack(teacher)

    def check_kept(self, student: nn.Module, steps: int) -> None:
        """Raise ValueError for kept logits that do not fit this training."""
        if self.kept is None:
            return
        if not isinstance(self.kept, KeptLogits):
            raise ValueError(
                f"kept={shown(self.kept)} must be what keep_logits(teacher, batch, "
                "steps) gives."
            )
        if self.temperature != 1:
            raise ValueError(
                f"temperature={self.temperature}, and kept probabilities are those at "
                "1: what is one lump at 1 is none at another; leave kept out."
            )
        size = pairing.vocabulary(student)
        if size is not None and size != self.kept.vocabulary:
            raise ValueError(
                f"kept comes from a vocabulary of {self.kept.vocabulary:,} and student "
                f"{pairing.called(student)} has {size:,}; choose two that read alike."
            )
        if len(self.kept) < steps:
            raise ValueError(
                f"kept holds {len(self.kept)} steps and steps={steps} are asked for; "
                "keep as many: keep_logits(teacher, batch, steps)."
            )

    def batches(
        self, batch: Callable[[int], Tensor], student: nn.Module
    ) -> Callable[[int], Tensor]:
        """Return the batches of a training, looked at and counted as they come."""
        read: dict[str, nn.Module | None] = {"student": student}
        read["teacher"] = self.teacher

        def counted(step: int) -> Tensor:
            self.step, tokens = step, batch(step)
            pairing.check_tokens(read, tokens)
            return tokens

        return counted

    def __call__(self, model: nn.Module, tokens: Tensor) -> Tensor:
        student = model.student if isinstance(model, Matched) else model
        inside = model.names() if isinstance(model, Matched) else {}
        with _heard(student, [*inside.values(), *self._matched("student")]) as mine:
            logits, labels = self.ask(student, tokens)
        theirs, answers = self._taught(tokens)
        # Losses add up many small numbers, for which bfloat16 has no room.
        with torch.autocast(tokens.device.type, enabled=False):
            parts = self._parts(model, tokens, (logits, labels, answers), mine, theirs)
        return torch.stack([part.reshape(()) for part in parts]).sum()

    def _parts(
        self,
        model: nn.Module,
        tokens: Tensor,
        answered: tuple[Tensor, Tensor, Tensor | None],
        mine: Mapping[str, Tensor],
        theirs: Mapping[str, Tensor],
    ) -> list[Tensor]:
        """Return each part of the loss that has a weight."""
        parts = []
        if self.logits:
            parts.append(self.logits * self._answers(*answered, tokens))
        if self.hidden and isinstance(model, Matched):
            inside = model.names()
            gaps = [
                self.hidden_loss(
                    losses.wide(mine[inside[at]]),
                    losses.wide(theirs[f"{self.stack}.{to}"]),
                    model.projection(at),
                )
                for at, to in self.places.items()
            ]
            parts.append(self.hidden * torch.stack(gaps).mean())
        for match in self.matches:
            sides = _picked(mine, match.student), _picked(theirs, match.teacher)
            parts.append(match.weight * match.loss(*sides))
        return parts

    def _taught(self, tokens: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return what the teacher's modules gave, and its logits."""
        if self.teacher is None:
            return {}, None
        names = [f"{self.stack}.{to}" for to in self.places.values()]
        names += self._matched("teacher")
        with torch.no_grad(), _heard(self.teacher, names) as theirs:
            logits, _ = self.ask(self.teacher, tokens)
        return theirs, logits

    def _answers(
        self, logits: Tensor, labels: Tensor, answers: Tensor | None, tokens: Tensor
    ) -> Tensor:
        """Return the loss of the logits: the teacher's part and that of the labels."""
        logits = losses.wide(logits)
        soft = hard = logits.new_zeros(())
        if self.labels:
            hard = functional.cross_entropy(logits.flatten(0, -2), labels.flatten())
        if self.is_soft and self.kept is not None:
            kept = self.kept.of(self.step, tokens)
            there = losses.Kept(*(part.to(logits.device) for part in kept))
            both = losses.lumped(logits.flatten(0, -2), there)
            soft = self.loss(*both, self.temperature)
        elif self.is_soft and answers is not None:
            soft = self.loss(logits, losses.wide(answers), self.temperature)
        return self.labels * hard + (1 - self.labels) * soft

    def _matched(self, side: str) -> list[str]:
        names: list[str] = []
        for match in self.matches:
            one = getattr(match, side)
            names += [one] if isinstance(one, str) else one
        return names


@contextmanager
def _heard(model: nn.Module, names: list[str]) -> Iterator[dict[str, Tensor]]:
    """Listen to what these modules give, if there are any."""
    if not names:
        yield {}
        return
    with listening(model, list(dict.fromkeys(names)), outputs=True) as given:
        yield given


def _picked(given: Mapping[str, Tensor], names: Names) -> Any:
    if isinstance(names, str):
        return losses.wide(given[names])
    return tuple(losses.wide(given[name]) for name in names)
