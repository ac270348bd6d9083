"""One start, four losses: labels, a teacher, its hidden states beside, and too hot.

The losses are functions handed in, such as the learner's. All students begin with the
same weights and see the same tokens; the one on labels is that of `starts`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from torch import Tensor

from llmlab.core import progress
from llmlab.core.records import Record
from llmlab.distillation import training
from llmlab.distillation.experiments import learning
from llmlab.distillation.experiments.beginnings import CUT, RANDOM, RATE, Starts
from llmlab.distillation.experiments.learning import BETTER, SAME, Learnt, Model
from llmlab.distillation.quantities import GAIN

HIGH = 20.0  # the temperature at which all tokens look nearly alike
LABELS, TEACHER, HIDDEN, HOT = "labels", "teacher", "hidden", "hot"
NAMES = {
    LABELS: "labels",
    TEACHER: "teacher",
    HIDDEN: "teacher + hidden states",
    HOT: f"teacher, T = {HIGH:g}",
}
KEY = "loss"

Soft = Callable[[Tensor, Tensor, float], Tensor]
Hidden = Callable[[Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Losses:
    """Students of one start by what they learned from."""

    starts: Starts = field(repr=False)
    learnt: Mapping[str, Learnt] = field(repr=False)  # by loss

    def __getitem__(self, name: str) -> Learnt:
        """Return a student by its loss; ValueError names those that there are."""
        if name not in self.learnt:
            raise ValueError(f"{name!r} is no loss; choose of {[*self.learnt]}.")
        return self.learnt[name]

    def gain(self, name: str, *, over: str = LABELS) -> Record:
        """Return the share of bits per byte saved at equal steps, paired.

        name, over: "labels", "teacher", "hidden" or "hot". ValueError for others.
        """
        text = self.starts.text
        return learning.fewer(GAIN, self[name], self[over], text, relative=True)

    @property
    def said(self) -> str:
        """What a teacher gains by step and by second, in two sentences."""
        gain, labels, teacher = self.gain(TEACHER), self[LABELS], self[TEACHER]
        end = min(labels.seconds, teacher.seconds)
        return (
            f"After {labels.steps} steps {_compared(gain)}. After {end:.1f} s labels "
            f"are at {labels.at(end):.3f} bits per byte, the teacher is at "
            f"{teacher.at(end):.3f}."
        )

    def records(self) -> list[Record]:
        """Return the bits per byte of each loss by steps and seconds."""
        return [fact for each in self.learnt.values() for fact in each.curve]


def losses(
    teacher: Model, starts: Starts, soft_targets: Soft, hidden_loss: Hidden, *,
    temperature: float = HIGH, weight: float = 1.0, seed: int = 0,
) -> Losses:  # fmt: skip
    """Train the student of `starts` by a teacher, in three ways.

    soft_targets: (student logits, teacher logits, temperature) -> a scalar.
    hidden_loss: (student (B, T, d), teacher (B, T, D), projection (D, d)) -> a scalar;
    each layer of the student follows the one from which it came. temperature: the high
    one. weight: of hidden states. seed: as in `starts`, so that only the loss differs.
    """
    train = partial(
        training.train, teacher=teacher, batch=starts.batch, steps=starts.steps,
        loss=soft_targets, rate=RATE, seed=seed, log_every=learning.LOOK,
        evaluate_every=learning.LOOK,
    )  # fmt: skip
    ways = {
        TEACHER: train,
        HIDDEN: partial(
            train, hidden=weight, hidden_loss=hidden_loss,
            places=dict(enumerate(starts.layers)),
        ),
        HOT: partial(train, temperature=temperature),
    }  # fmt: skip
    learnt = {LABELS: starts[CUT].called(NAMES[LABELS], KEY)}
    for key, way in progress.track(list(ways.items()), "learning from the teacher"):
        learnt[key] = learning.learn(
            starts.student,
            way,
            starts.text,
            name=NAMES[key],
            key=KEY,
            first=starts.before,
        )
    return Losses(starts, learnt)


def students(losses: Losses) -> dict[str, Model]:
    """Return what is compared layer by layer: four students after their steps."""
    return {
        "random start": losses.starts[RANDOM].model,
        **{NAMES[key]: losses[key].model for key in (LABELS, TEACHER, HIDDEN)},
    }


def _compared(gain: Record) -> str:
    """Say whether a teacher's student is better than the one on labels."""
    word = gain.details["verdict"]
    if word == SAME:
        return (
            f"the teacher's student needs {-100 * gain.value:+.1f} % bits per byte, no "
            "significant difference from labels"
        )
    kind = "fewer" if word == BETTER else "more"
    return (
        f"the teacher's student needs {100 * abs(gain.value):.1f} % {kind} bits per "
        "byte than the one on labels"
    )
