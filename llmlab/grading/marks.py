"""Marks: what an exercise got, and what a submission got together."""

from dataclasses import dataclass, replace

from llmlab.grading.assignments import Assignment, Task
from llmlab.grading.submissions import Submission

# right · wrong · not written · missing: its cell is gone · crashed: an error stopped it
# · too slow · out of memory · dead: its process ended · tampered
RIGHT, TAMPERED = "right", "tampered"


@dataclass(frozen=True)
class Mark:
    """What one exercise got."""

    task: Task
    state: str
    lines: tuple[str, ...]  # the check's own words
    note: str = ""  # for the teacher: a reference was used, what was tampered with

    def noted(self, text: str) -> "Mark":
        """Return the mark with one more note for the teacher; "" adds none."""
        return replace(self, note="; ".join(filter(None, (self.note, text))))

    @property
    def right(self) -> bool:
        """Say whether the exercise has its points."""
        return self.state == RIGHT

    @property
    def points(self) -> float:
        """The points: all or none, as a check gives them."""
        return self.task.points if self.right else 0.0


@dataclass(frozen=True)
class Result:
    """What one submission got."""

    submission: Submission
    assignment: Assignment
    marks: tuple[Mark, ...]

    @property
    def points(self) -> float:
        """The points of all exercises together."""
        return sum(mark.points for mark in self.marks)

    @property
    def state(self) -> str:
        """One word for the whole: tampered, complete, untouched, or partly."""
        states = {mark.state for mark in self.marks}
        if TAMPERED in states:
            return TAMPERED
        if states == {RIGHT}:
            return "complete"
        return "untouched" if states <= {"not written", "missing"} else "partly"
