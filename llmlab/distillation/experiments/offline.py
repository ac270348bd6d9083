"""A teacher that reads once: what is kept of its answers, and a student that has them.

How many of the likeliest tokens are needed? What is lost is told on programs that
nobody was trained on. Then a student makes the same steps with what a function kept,
such as the learner's.

Shapes: T tokens, V vocabulary; k tokens kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from llmlab import texts
from llmlab.core import clock, records
from llmlab.core.records import Record
from llmlab.distillation import keep_logits, training
from llmlab.distillation.experiments import learning, teaching
from llmlab.distillation.experiments.beginnings import RATE
from llmlab.distillation.experiments.learning import SAME, Learnt, Model
from llmlab.distillation.experiments.teaching import LABELS, NAMES, TEACHER, Losses
from llmlab.distillation.kept import KeptLogits
from llmlab.distillation.quantities import (
    DIVERGENCE,
    GAIN,
    KEPT_BYTES,
    MASS,
    TRAINING_TIME,
)

COUNTS = (1, 4, 16, 32, 64, 256)
K = 32  # that a student learns from
LENGTH = 256  # tokens of each program
ONCE = "the teacher, once"

Keep = Callable[[Tensor, int], Any]


@dataclass(frozen=True)
class Offline:
    """What is kept of a teacher by k, and the student that learned from it."""

    facts: tuple[Record, ...]
    learnt: Learnt  # from what was kept
    losses: Losses = field(repr=False)
    reading: Record  # the seconds of the teacher over all steps, once
    k: int

    def mass(self, k: int) -> Record:
        """Return the mean probability of the k likeliest tokens."""
        return self._of(MASS.name, k)

    def bytes(self, k: int) -> Record:
        """Return the bytes that are kept of a token."""
        return self._of(KEPT_BYTES.name, k)

    def lost(self, k: int) -> Record:
        """Return the divergence of what is kept from the teacher, the rest spread."""
        return self._of(DIVERGENCE.name, k)

    @property
    def gain(self) -> Record:
        """The share of bits per byte saved against the teacher at each step, paired."""
        online = self.losses[TEACHER]
        text = self.losses.starts.text
        return learning.fewer(GAIN, self.learnt, online, text, relative=True)

    @property
    def said(self) -> str:
        """What a kept teacher costs and how its student does, in three sentences."""
        labels, online = self.losses[LABELS], self.losses[TEACHER]
        gain = self.gain
        word = "no significant difference"
        if gain.details["verdict"] != SAME:
            word = f"{100 * abs(gain.value):.1f} % {_kind(gain.value)} bits per byte"
        return (
            f"Reading the text once took the teacher {self.reading.value:.1f} s. "
            f"{self.learnt.steps} steps on what was kept took "
            f"{self.learnt.seconds:.1f} s, on labels {labels.seconds:.1f} s, with the "
            f"teacher in each step {online.seconds:.1f} s. Against the teacher in each "
            f"step, the student on what was kept shows {word}."
        )

    def records(self) -> list[Record]:
        """Return what is kept and lost by k, and the seconds of the steps."""
        return [*self.facts, *self._times()]

    def _times(self) -> list[Record]:
        three = (self.losses[LABELS], self.losses[TEACHER], self.learnt)
        return [
            *(_time(one.name, one.seconds, one.steps) for one in three),
            self.reading,
        ]

    def _of(self, name: str, k: int) -> Record:
        rows = [fact for fact in self.facts if fact.name == name]
        for fact in rows:
            if fact.details["k"] == k:
                return fact
        known = [fact.details["k"] for fact in rows]
        raise ValueError(f"k={k!r} was not tried; choose one of {known}.")


def kept(
    teacher: Model, losses: Losses, top_k_targets: Keep, *,
    counts: Sequence[int] = COUNTS, k: int = K, seed: int = 0,
) -> Offline:  # fmt: skip
    """Keep a teacher's likeliest tokens, and train the student of `losses` on them.

    top_k_targets: (logits (T, V), k) -> (probabilities (T, k), indices (T, k), rest
    (T,)). counts: values of k to look at; k: the one that a student learns from, by
    the package's divergence. seed: as in `losses`. ValueError: what is kept does not
    fit.
    """
    starts = losses.starts
    read = _texts(teacher)
    facts = [fact for count in counts for fact in _facts(teacher, read, top_k_targets,
                                                         count)]  # fmt: skip
    watch = clock.Host()
    with clock.given_way():
        start = watch.look()
        said = keep_logits(teacher, starts.batch, starts.steps, k=k, keep=top_k_targets)
        seconds = watch.seconds(start, watch.look())
    train = partial(
        training.train, teacher=None, batch=starts.batch, steps=starts.steps, kept=said,
        rate=RATE, seed=seed, log_every=learning.LOOK, evaluate_every=learning.LOOK,
    )  # fmt: skip
    learnt = learning.learn(
        starts.student, train, starts.text, name=f"{NAMES[TEACHER]}, kept",
        key=teaching.KEY, first=starts.before,
    )  # fmt: skip
    reading = _time(ONCE, seconds, starts.steps)
    return Offline(tuple(facts), learnt, losses, reading, k)


def _time(name: str, seconds: float, steps: int) -> Record:
    return records.measured(
        TRAINING_TIME, seconds, subject=name, details={"steps": steps}
    )


def _texts(teacher: Model) -> Tensor:
    """Return the beginnings of frozen programs, (B, T + 1)."""
    rows = [
        teacher.tokenizer(text, verbose=False)["input_ids"][: LENGTH + 1]
        for text in texts.short_files().values()
    ]
    return torch.tensor(rows)


def _facts(teacher: Model, tokens: Tensor, keep: Keep, k: int) -> list[Record]:
    # In the weights' own dtype, so that only what is left out makes a difference.
    said = keep_logits(teacher, lambda step: tokens, 1, k=k, keep=keep, autocast=None)
    details = {"k": k}
    return [
        records.measured(
            MASS, float(said[0].probabilities.sum(-1).mean()), details=details
        ),
        records.measured(KEPT_BYTES, said.bytes / said.tokens, details=details),
        records.measured(DIVERGENCE, _lost(teacher, tokens, said), details=details),
    ]


def _lost(teacher: Model, tokens: Tensor, said: KeptLogits) -> float:
    """Return the mean divergence in nats if the rest is spread over all others."""
    with torch.no_grad():
        shares = teacher(tokens[:, :-1]).flatten(0, 1).double().softmax(-1)  # (T, V)
    one = said[0]
    others = shares.scatter(-1, one.indices, 0.0)  # what is no longer told apart
    even = one.rest.double().clamp_min(1e-12) / (said.vocabulary - said.k)
    lost = torch.special.xlogy(others, others / even[:, None])
    return float(lost.sum(-1).mean())


def _kind(share: float) -> str:
    return "fewer" if share > 0 else "more"
