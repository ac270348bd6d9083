"""The trainings that distillation_grid.py records: students, their losses and batches.

A course pauses at every step at which its student is judged, with a checkpoint in a
folder, and goes on there. A lesson is what a course is taught by. To be imported by
distillation_grid.py; run by itself it does nothing.
"""

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from llmlab import distillation, models
from llmlab.distillation import asking, losses, on_policy, sequences, students
from llmlab.models import calibration, pairs, snippets, streams, training
from llmlab.pruning import depth
from llmlab.zoo import classifier, splits, translator

ROWS, LENGTH = 4, 128  # of a batch of `coder`: 512 tokens a step
PAIRS, SNIPPETS = 64, 48  # of a batch of the others
NEURONS, GROUPS = 512, 2  # of 1,024 and 4
PROMPT = 32  # tokens before those that a student writes itself
STEPS = {  # at which a student is judged; the last is the end
    "coder": (0, 40, 120, 240),
    "healing": (0, 40, 120),
    "on-policy": (0, 30, 60),
    "classifier": (0, 50, 150),
    "translator": (0, 100, 200),
}
FEW = (0, 1, 2)

Batches = Callable[[int], Tensor]


@dataclass(frozen=True)
class Lesson:
    """What a student is taught by, and how fast."""

    teacher: Any
    batch: Batches
    rate: float = 1e-3
    loss: Callable[[Tensor, Tensor, float], Tensor] = losses.soft_targets
    temperature: float = 1.0
    labels: float = 0.0
    hidden: float = 0.0
    ask: asking.Ask = asking.next_tokens
    beta: float | None = None  # of a student whose texts, or the text's, are graded
    share: float = 0.0
    optimizers: Callable | None = None  # in place of AdamW

    def give(self, student: Any, steps: int, folder: Path, step: int) -> Any:
        """Train in a folder up to a step of `steps`."""
        schedule = training.constant_then_decay(
            steps, warmup=min(10, steps), decay=steps // 6
        )
        if self.beta is not None:
            return on_policy.train(
                student, self.teacher, self.batch, steps=steps, prompt=PROMPT,
                share=self.share, beta=self.beta, rate=self.rate, schedule=schedule,
                folder=folder, stop_after=step,
            )  # fmt: skip
        return distillation.train(
            student, self.teacher, self.batch, steps=steps, loss=self.loss,
            temperature=self.temperature, labels=self.labels, hidden=self.hidden,
            ask=self.ask, rate=self.rate, schedule=schedule, folder=folder,
            optimizers=self.optimizers, log_every=10, stop_after=step,
        )  # fmt: skip


@dataclass(frozen=True)
class Course:
    """A training by where its student comes from and what it is taught by."""

    run: str
    start: str
    loss: str
    begin: Callable[[], Any]
    lesson: Lesson
    place: Path
    steps: tuple[int, ...]

    @property
    def folder(self) -> Path:
        words = f"{self.run}-{self.start}-{self.loss}-{self.steps[-1]}"
        return self.place / "".join(c if c.isalnum() else "-" for c in words)

    def at(self, step: int) -> tuple[Any, float]:
        """Return the student after a step, and the seconds of training so far."""
        begun = self.begin()
        if not step:
            return begun, 0.0
        log = training.read_log(self.folder / "log.jsonl")
        if any(row["step"] > step for row in log):  # past it: once more, then
            shutil.rmtree(self.folder)
        trained = self.lesson.give(begun, self.steps[-1], self.folder, step)
        seconds = sum(row.get("seconds", 0) for row in trained.log)
        return _saying(trained.model, begun), seconds


class Courses:
    """The courses of every run, in a folder."""

    def __init__(self, place: Path, *, small: bool):
        self.place, self.small = place, small
        self.coder = functools.cache(lambda: models.load("coder"))
        self.library = functools.cache(
            lambda: streams.library(self.coder(), rows=ROWS, length=LENGTH, seed=1)
        )
        self.student = functools.cache(self._student)

    def of(self, run: str) -> list[Course]:
        """Return the courses of a run."""
        made = {
            "coder": self._coder,
            "healing": self._healing,
            "on-policy": self._on_policy,
            "classifier": self._classifier,
            "translator": self._translator,
        }
        return made[run]()

    def _course(
        self, run: str, start: str, loss: str, begin: Callable[[], Any], lesson: Lesson
    ) -> Course:
        steps = FEW if self.small else STEPS[run]
        return Course(run, start, loss, begin, lesson, self.place, steps)

    def _student(self, start: str) -> Any:
        """Return a student of 3.1 M parameters by where it comes from."""
        teacher = self.coder()
        layers = [0, 1] if start == "first layers" else [0, len(teacher.layers) - 1]
        cut = students.from_pruned(
            teacher, calibration.batches(teacher, count=8), layers=layers,
            hidden=NEURONS, kv_groups=GROUPS,
        )  # fmt: skip
        return students.random(cut, seed=1) if start == "random" else cut

    def _coder(self) -> list[Course]:
        """By the start: labels and teacher. From the teacher's layers: all losses."""
        make = functools.partial(Lesson, self.coder(), self.library())
        lessons = {
            "labels": make(labels=1.0),
            "teacher": make(),
            "teacher, T = 4": make(temperature=4.0),
            "teacher, T = 20": make(temperature=20.0),
            "teacher and hidden states": make(hidden=1.0),
            "reverse": make(loss=losses.reverse),
            "Jensen-Shannon": make(loss=losses.jensen_shannon),
        }
        both = ("labels", "teacher")
        chosen = [("layers", loss) for loss in lessons]
        chosen += [(one, loss) for one in ("first layers", "random") for loss in both]
        return [
            self._course(
                "coder", start, loss, functools.partial(self.student, start),
                lessons[loss],
            )
            for start, loss in chosen
        ]  # fmt: skip

    def _healing(self) -> list[Course]:
        """Lab 5's model without its two layers of least influence."""
        teacher = self.coder()
        turns = depth.block_influence(teacher, calibration.batches(teacher, count=8))
        least = sorted(range(len(turns)), key=turns.__getitem__)[:2]
        cut = depth.drop(teacher, layers=least)
        make = functools.partial(Lesson, teacher, self.library(), rate=3e-4)
        return [
            self._course("healing", "two layers less", loss, lambda: cut, lesson)
            for loss, lesson in (("labels", make(labels=1.0)), ("teacher", make()))
        ]

    def _on_policy(self) -> list[Course]:
        """Whose texts and which divergence, from the student that `coder` taught."""
        from_layers = [one for one in self._coder() if one.start == "layers"]
        taught = next(one for one in from_layers if one.loss == "teacher")
        begin = functools.cache(lambda: taught.at(taught.steps[-1])[0])
        make = functools.partial(Lesson, self.coder(), self.library(), rate=3e-4)
        lessons = {
            "forward, the text": make(beta=0.0),
            "reverse, the text": make(beta=1.0),
            "forward, its own": make(beta=0.0, share=1.0),
            "reverse, its own": make(beta=1.0, share=1.0),
        }
        return [
            self._course("on-policy", "taught", loss, begin, lesson)
            for loss, lesson in lessons.items()
        ]

    def _translator(self) -> list[Course]:
        """A student of 3 + 1 layers, of 3 + 3."""
        teacher = models.load("translator")
        cut = students.from_layers(teacher, [0, 1, 2], decoder_layers=[2])
        batch = pairs.batches(teacher.tokenizer, rows=PAIRS, seed=2)
        answered = sequences.answered(teacher, batch)
        make = functools.partial(  # as the teacher was trained
            Lesson, teacher, ask=asking.translations, optimizers=translator.optimizers
        )
        lessons = {
            "labels": make(batch, labels=1.0),
            "teacher": make(batch),
            "teacher's answers": make(answered, labels=1.0),
        }
        return [
            self._course("translator", "3 + 1 layers", loss, lambda: cut, lesson)
            for loss, lesson in lessons.items()
        ]

    def _classifier(self) -> list[Course]:
        """A student of 2 of 3 layers."""
        teacher = models.load("classifier")
        cut = students.from_layers(teacher, [0, 2])
        folder = self.place / ("few snippets" if self.small else "snippets")
        learnt = splits.prepare(folder, sample=120 if self.small else None)["training"]
        batch = snippets.batches(
            teacher.tokenizer, learnt, rows=SNIPPETS, hidden=classifier.HIDDEN, seed=2
        )
        make = functools.partial(
            Lesson, teacher, batch, rate=5e-4, ask=asking.text_labels
        )
        return [
            self._course("classifier", "2 layers", loss, lambda: cut, lesson)
            for loss, lesson in (("labels", make(labels=1.0)), ("teacher", make()))
        ]


def _saying(student: nn.Module, begun: Any) -> Any:
    """Let a trained student say what it said before of itself."""
    for name in ("tokenizer", "name", "generation_config"):
        if hasattr(begun, name):
            setattr(student, name, getattr(begun, name))
    return student
