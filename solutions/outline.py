"""The parts of a lab: top, sections, exercises, end.

What a reader sees as headings is found here as data, so that `counts.py` can count it
and the tests can hold it against the pattern of CONTRIBUTING.md.
"""

import re
from dataclasses import dataclass

from nbformat import NotebookNode

HEADING = re.compile(r"^## +(.+)$", re.MULTILINE)
NUMBERED = re.compile(r"\d+\. ")
EXERCISE = re.compile(
    r"^### Exercise (?P<number>\d+) (?P<stars>★{1,3}☆{0,2}) · "
    r"(?P<minutes>\d+) minutes?(?P<core> · core)?$",
    re.MULTILINE,
)
ROW = re.compile(r"^\|(.+)\|\s*$", re.MULTILINE)
COLUMNS = ["section", "you", "machine", "points"]


@dataclass(frozen=True)
class Section:
    """What stands from one heading of the second level to the next."""

    title: str
    cells: list[NotebookNode]

    @property
    def numbered(self) -> bool:
        """Say whether it is one of the lab's sections: `## 3. Which is faster?`."""
        return bool(NUMBERED.match(self.title))

    @property
    def minutes(self) -> int:
        """Return the minutes that its exercises promise together."""
        return sum(int(found["minutes"]) for found in headings(self.cells))

    @property
    def points(self) -> float:
        """Return the points that nbgrader gives in it, those by hand included."""
        grades = (cell.metadata.get("nbgrader", {}) for cell in self.cells)
        return sum(grade.get("points", 0) for grade in grades if grade.get("grade"))


@dataclass(frozen=True)
class Row:
    """A row of the table of sections: minutes of the learner, seconds, points."""

    title: str
    minutes: float
    seconds: float
    points: float


def markdown(cells: list[NotebookNode]) -> str:
    """Return the text of the markdown cells."""
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def headings(cells: list[NotebookNode]) -> list[re.Match[str]]:
    """Return the headings of exercises that follow the pattern."""
    return list(EXERCISE.finditer(markdown(cells)))


def top(notebook: NotebookNode) -> str:
    """Return the markdown before the first heading of the second level."""
    return HEADING.split(markdown(notebook.cells), maxsplit=1)[0]


def sections(notebook: NotebookNode) -> list[Section]:
    """Return the parts that headings of the second level open, in order."""
    parts: list[Section] = []
    for cell in notebook.cells:
        found = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if found:
            parts.append(Section(found[1].strip(), []))
        if parts:
            parts[-1].cells.append(cell)
    return parts


def table(notebook: NotebookNode) -> list[Row]:
    """Return the rows of the table of sections at the top; the last is their sum.

    ValueError: there is no table with these columns, or a cell holds no number.
    """
    rows = [_fields(found[1]) for found in ROW.finditer(top(notebook))]
    starts = [n for n, row in enumerate(rows) if [_word(f) for f in row] == COLUMNS]
    if len(starts) != 1:
        raise ValueError(
            f"the top has {len(starts)} tables of sections; write one with the columns "
            f"{' | '.join(COLUMNS)}."
        )
    lines = rows[starts[0] + 2 :]  # below the rule under the heads
    return [Row(row[0], *(_number(field) for field in row[1:4])) for row in lines]


def _fields(line: str) -> list[str]:
    return [field.strip().strip("*").strip() for field in line.split("|")]


def _word(field: str) -> str:
    """Return the first word of a head: "you, minutes" -> "you"."""
    found = re.match(r"\w+", field)
    return found[0].lower() if found else field


def _number(field: str) -> float:
    found = re.fullmatch(r"([\d.]+)( \w+)?|–?", field)
    if found is None:
        raise ValueError(
            f"{field!r} in the table of sections is no number; write 12, or – for none."
        )
    return float(found[1] or 0)
