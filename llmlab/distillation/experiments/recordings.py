"""What takes longer than a lab may, as it was recorded for the weights that ship."""

from collections.abc import Iterable
from dataclasses import dataclass

from llmlab.core import recording
from llmlab.core.records import Record
from llmlab.distillation.quantities import (
    GRADE,
    MORE_THAN_LABELS,
    STUDENT_BITS,
    STUDENT_RIGHT,
    VARIETY,
)
from llmlab.models import files

FILE = "distillation_grid"
RUNS = {  # by the model that taught
    "coder": "coder",
    "healing": "coder",
    "on-policy": "coder",
    "classifier": "classifier",
    "translator": "translator",
}
LABELS, TEACHER = "labels", "teacher"
WHAT = (STUDENT_BITS, MORE_THAN_LABELS, STUDENT_RIGHT, VARIETY, GRADE)


@dataclass(frozen=True)
class Recorded:
    """Students by run, start, loss and steps, each with its machine and date."""

    facts: tuple[Record, ...]

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs that there are."""
        return tuple(dict.fromkeys(fact.details["run"] for fact in self.facts))

    def of(self, run: str) -> "Recorded":
        """Return the facts of one run; ValueError names those that there are."""
        facts = tuple(fact for fact in self.facts if fact.details["run"] == run)
        if not facts:
            raise ValueError(
                f"run={run!r} is not recorded; choose one of {[*self.runs]}."
            )
        return Recorded(facts)

    def last(self, run: str, loss: str, *, start: str = "") -> Record:
        """Return the bits or right answers of a student at its last step.

        start: "" for the first one of the run. ValueError for what is not recorded.
        """
        rows = [
            fact
            for fact in self.of(run).facts
            if fact.name in (STUDENT_BITS.name, STUDENT_RIGHT.name)
            and fact.details["loss"] == loss
            and start in ("", fact.details["start"])
        ]
        if not rows:
            losses = dict.fromkeys(fact.details["loss"] for fact in self.of(run).facts)
            raise ValueError(
                f"loss={loss!r} of {run!r} is not recorded; choose one of {[*losses]}."
            )
        first = rows[0].details["start"]
        same = [fact for fact in rows if fact.details["start"] == first]
        return max(same, key=lambda fact: fact.details["steps"])

    def records(self) -> list[Record]:
        """Return the facts."""
        return list(self.facts)


def recorded() -> Recorded:
    """Return what is recorded of students, by many more steps and other teachers.

    Raises ValueError where nothing is recorded for the weights that ship here.
    """
    facts = tuple(_of_the_weights(recording.shipped(FILE)))
    if not facts:
        raise ValueError(
            f"{FILE} holds nothing for the weights that ship here; run python "
            f"benchmarks/{FILE}.py, which writes it."
        )
    return Recorded(facts)


def _of_the_weights(facts: Iterable[Record]) -> list[Record]:
    versions = {
        run: files.fingerprint(files.weight_files(files.find(name)))
        for run, name in RUNS.items()
    }
    names = {what.name for what in WHAT}
    return [
        fact
        for fact in facts
        if fact.name in names and versions.get(fact.details["run"]) == fact.weights
    ]
