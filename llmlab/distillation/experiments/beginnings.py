"""One small shape, begun in three ways, and the same steps on labels for each.

The shape has fewer layers than the teacher and half of its neurons. Its weights are
those of layers that a function chooses, those of the first layers, or random ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from llmlab import texts
from llmlab.core.records import Record
from llmlab.distillation import students, training
from llmlab.distillation.experiments import learning
from llmlab.distillation.experiments.learning import Batch, Learnt, Model
from llmlab.distillation.quantities import GAP
from llmlab.measure import quality
from llmlab.measure.scores import Scores, Texts
from llmlab.models import calibration
from llmlab.pruning import parts

CUT, FIRST, RANDOM = "your layers", "first layers", "random"
LAYERS = 2  # of the student
PROMPTS, LENGTH = 8, 256  # on which neurons are judged
RATE = 1e-3
KEY = "start"

Choose = Callable[[int, int], Sequence[int]]


@dataclass(frozen=True)
class Starts:
    """Students of one shape by where they began, and what they all read."""

    layers: tuple[int, ...]  # of the teacher, those that the function chose
    student: Model = field(repr=False)  # cut from them, before any step
    before: Scores = field(repr=False)  # of that student
    learnt: Mapping[str, Learnt] = field(repr=False)  # by start, after the steps
    batch: Batch = field(repr=False)
    steps: int
    text: Texts = field(repr=False)

    def __getitem__(self, name: str) -> Learnt:
        """Return a student by its start; ValueError names those that there are."""
        if name not in self.learnt:
            raise ValueError(f"{name!r} is no start; choose of {[*self.learnt]}.")
        return self.learnt[name]

    def gap(self, name: str) -> Record:
        """Return the bits per byte that your layers need fewer than another start."""
        return learning.fewer(GAP, self[CUT], self[name], self.text, relative=False)

    def records(self) -> list[Record]:
        """Return the bits per byte of each start by steps and seconds."""
        return [fact for each in self.learnt.values() for fact in each.curve]


def starts(
    teacher: Model, student_layers: Choose, *, layers: int = LAYERS,
    hidden: int | None = None, steps: int = learning.STEPS, text: Texts | None = None,
    seed: int = 0,
) -> Starts:  # fmt: skip
    """Train students of one shape on labels, from three starts.

    student_layers: (layers of the teacher, of the student) -> places in the teacher.
    layers, hidden: of the student, its layers and neurons in each (None: half of the
    teacher's). text: what they are scored on, by default the short frozen programs.
    seed: of random weights, and of the training. ValueError: a choice that is none.
    """
    text = texts.short_files() if text is None else text
    chosen = _chosen(student_layers, len(teacher.layers), layers)
    hidden = _half(teacher) if hidden is None else hidden
    data = calibration.batches(teacher, count=PROMPTS, length=LENGTH)
    cut = students.from_pruned(teacher, data, layers=chosen, hidden=hidden)
    first = students.from_pruned(teacher, data, layers=range(layers), hidden=hidden)
    begun = {CUT: cut, FIRST: first, RANDOM: students.random(cut, seed=seed)}
    batch = learning.batches(teacher, steps=steps)
    train = partial(
        training.train, teacher=None, batch=batch, steps=steps, labels=1.0, rate=RATE,
        seed=seed, log_every=learning.LOOK, evaluate_every=learning.LOOK,
    )  # fmt: skip
    before = {name: quality.score(student, text) for name, student in begun.items()}
    learnt = {
        name: learning.learn(
            student, train, text, name=name, key=KEY, first=before[name]
        )
        for name, student in begun.items()
    }
    return Starts(tuple(chosen), cut, before[CUT], learnt, batch, steps, text)


def _half(teacher: Model) -> int:
    """Return half of the neurons of an MLP."""
    mlps = parts.mlps(teacher)
    return min(parts.neurons(teacher, mlp) for mlp in mlps.values()) // 2


def _chosen(choose: Choose, deep: int, layers: int) -> list[int]:
    given = choose(deep, layers)
    try:
        places = [int(place) for place in given]
    except (TypeError, ValueError):
        places = []
    rising = places == sorted(set(places)) and all(0 <= at < deep for at in places)
    if len(places) != layers or not rising:
        raise ValueError(
            f"student_layers({deep}, {layers}) gave {given!r}; it must give {layers} "
            f"places from 0 to {deep - 1}, each larger than the one before."
        )
    return places
