"""What a lab asks for: exercises with points, minutes and stars, from its notebook."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab.grading import cells
from llmlab.grading.cells import Cell

HEADING = re.compile(
    r"^### Exercise (\d+) (★{1,3}☆{0,2}) · (\d+) minutes?", re.MULTILINE
)
CHECKED = re.compile(r"check\.(\w+)\((\w+)\)")
SENTENCE = re.compile(r"# Exercise \d+: (.+)")


@dataclass(frozen=True)
class Task:
    """An exercise of a lab, as its notebook has it."""

    name: str
    learner_object: str  # the function or class that the check is given
    number: int
    sentence: str
    stars: str
    minutes: int
    points: float
    check: str  # the source of its check's cell


@dataclass(frozen=True)
class Assignment:
    """A lab to be graded."""

    name: str  # of its notebook: 04b_quantization
    tasks: tuple[Task, ...]
    points_by_hand: float
    imports: str
    references: Mapping[str, str]  # exercise -> its solution; empty without solutions

    @property
    def word(self) -> str:
        """The lab's word, by which its checks are known."""
        return self.name.split("_", 1)[1]

    @property
    def points(self) -> float:
        """The most that checks give."""
        return sum(task.points for task in self.tasks)

    def leading_to(self, every: Sequence[Cell], task: Task) -> list[tuple[str, str]]:
        """Return what runs of a notebook before a check, (name, source) of each cell.

        Nothing where the exercise's own cell is not there.
        """
        return cells.leading_to(every, task.name, [one.name for one in self.tasks])

    def replaced(
        self, written: Sequence[tuple[str, str]], names: set[str]
    ) -> list[tuple[str, str]]:
        """Return cells with reference solutions in the place of some exercises."""
        last = {name: place for place, (name, _) in enumerate(written)}
        return [
            (name, self.references[name] if name in names else source)
            for place, (name, source) in enumerate(written)
            if name not in names or last[name] == place
        ]

    def used(self, written: Sequence[tuple[str, str]], task: Task) -> set[str]:
        """Return the earlier exercises that one uses, itself or through others."""
        texts = {one.name: "" for one in self.tasks}
        for name, source in written:
            if name in texts:
                texts[name] += source
            else:  # a cell of the learner's own may be used by any
                texts = {key: f"{text}\n{source}" for key, text in texts.items()}
        reached, waiting = {task.name}, [task.name]
        while waiting:
            text = texts[waiting.pop()]
            for one in self.tasks:
                named = re.search(rf"\b{one.learner_object}\b", text)
                if named and one.name not in reached:
                    reached.add(one.name)
                    waiting.append(one.name)
        return reached - {task.name}


def read(path: Path, solutions: Path | None = None) -> Assignment:
    """Return what a lab asks for. solutions: the folder with the complete notebooks.

    ValueError: a notebook that is not one of this course.
    """
    every = _cells(path)
    headings = _headings(every)
    graded = {cells.name_of(cell): cell for cell in every if cells.is_graded(cell)}
    tasks: list[Task] = []
    for name, cell in graded.items():
        check = graded.get(f"check-{name}")
        if check is None:
            continue
        called = CHECKED.search(cells.source_of(check))
        sentence = SENTENCE.match(cells.source_of(cell))
        if called is None or called[1] != name or sentence is None:
            raise ValueError(f"{path}: the check of {name} is not check.{name}(…).")
        number = len(tasks) + 1
        stars, minutes = headings.get(number, ("", 0))
        tasks.append(
            Task(
                name, called[2], number, sentence[1], stars, minutes, points(check),
                cells.source_of(check),
            )
        )  # fmt: skip
    if not tasks:
        raise ValueError(f"{path} is no lab: it holds no exercise with a check.")
    by_hand = [one for one in every if _is_question(one)]
    first = next(one for one in every if one.get("cell_type") == "code")
    return Assignment(
        path.stem, tuple(tasks), sum(map(points, by_hand)),
        cells.source_of(first), _references(path, solutions),
    )  # fmt: skip


def points(cell: Cell) -> float:
    """Return the points that nbgrader gives for a cell."""
    return float(cell["metadata"]["nbgrader"]["points"])


def table(assignments: Sequence[Assignment]) -> str:
    """Write the table of all exercises in Markdown: difficulty, minutes, points."""
    lines = [
        "| lab | exercise | difficulty | minutes | points |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in assignments:
        for task in one.tasks:
            lines.append(
                f"| {one.name} | {task.number}. {task.sentence} `{task.name}` | "
                f"{task.stars} | {task.minutes} | {task.points:g} |"
            )
        minutes = sum(task.minutes for task in one.tasks)
        lines.append(f"| {one.name} | question | | | {one.points_by_hand:g} |")
        total = one.points + one.points_by_hand
        lines.append(f"| **{one.name}** | together | | {minutes} | {total:g} |")
    return "\n".join(lines)


def _cells(path: Path) -> list[Cell]:
    try:
        every = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no notebook; take one of this course.") from error
    return every


def _headings(every: Sequence[Cell]) -> dict[int, tuple[str, int]]:
    text = "\n\n".join(map(cells.source_of, every))
    return {int(one[1]): (one[2], int(one[3])) for one in HEADING.finditer(text)}


def _is_question(cell: Cell) -> bool:
    return cell.get("cell_type") == "markdown" and cells.is_graded(cell)


def _references(path: Path, solutions: Path | None) -> dict[str, str]:
    """Return the solution of each exercise, nothing where they are not at hand."""
    if solutions is None or not (solutions / path.name).is_file():
        return {}
    return {
        cells.name_of(cell): cells.source_of(cell)
        for cell in _cells(solutions / path.name)
        if cell.get("cell_type") == "code" and cells.is_graded(cell)
    }
