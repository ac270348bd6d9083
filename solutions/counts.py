"""Count what a lab may hold, and print it as a table.

    python solutions/counts.py             every solution
    python solutions/counts.py measure     one of them

The learner's lines are those between `### BEGIN SOLUTION` and `### END SOLUTION`. Given
lines are those of all other code cells, without the examples that are cut from checks.
Blank lines and comments count for neither. What an exercise cell holds besides its
answer, the line with `def` and the docstring, is text and counts for neither, too.
"""

import re
import statistics
import sys
from dataclasses import dataclass

import api_names
import cut
import nbformat
import outline
from nbformat import NotebookNode

ADDRESS = re.compile(r"https?://[^\s)>\]\"'`|]+")


@dataclass(frozen=True)
class Count:
    """A number of a lab, with the least and the most that it may be."""

    name: str
    value: float
    least: float = 0
    most: float = float("inf")

    @property
    def holds(self) -> bool:
        """Say whether the number lies within its limits."""
        return self.least <= self.value <= self.most

    @property
    def limit(self) -> str:
        """Write the limits: "at least 4", "at most 45", "4 to 7"."""
        if self.most == float("inf"):
            return f"at least {self.least:g}"
        if self.least == 0:
            return f"at most {self.most:g}"
        return f"{self.least:g} to {self.most:g}"


def counts(notebook: NotebookNode) -> list[Count]:
    """Return every number of a notebook that has a limit."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    given, learner = given_lines(notebook), learner_lines(notebook)
    cell_lines = [len(lines(cell.source)) for cell in given_cells(notebook)]
    share = 100 * learner / (learner + given) if learner else 0
    drawings = sum(".drawings." in cell.source for cell in code)
    sections = [one for one in outline.sections(notebook) if one.numbered]
    return [
        Count("code cells", len(code), most=45),
        Count("given lines", given, most=150),
        Count("learner's lines", learner, least=1),
        Count("learner's share, %", round(share, 1), least=25),
        Count("lines of a given cell, median", _median(cell_lines), most=6),
        Count("lines of the longest given cell", max(cell_lines, default=0), most=10),
        Count("names of our API", len(api_names.used(notebook)), most=25),
        Count("drawings", drawings, least=4),
        Count("links", len(addresses(notebook)), least=6),
        Count("sections", len(sections), least=1, most=6),
        Count("exercises", len(exercises(notebook)), least=4, most=8),
    ]


def lines(source: str) -> list[str]:
    """Return the lines of code: no blank ones, no comments."""
    stripped = [line.strip() for line in source.splitlines()]
    return [line for line in stripped if line and not line.startswith("#")]


def answer(source: str) -> str:
    """Return what stands between the marks of an exercise's answer."""
    return source.partition(cut.BEGIN)[2].partition(cut.END)[0]


def exercises(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells that the learner completes."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.metadata.get("nbgrader", {}).get("solution")
    ]


def given_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells that are neither an exercise nor an example."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and not cell.metadata.get("nbgrader", {}).get("solution")
        and "example" not in cell.metadata.get("tags", [])
    ]


def given_lines(notebook: NotebookNode) -> int:
    """Return how many lines of code the notebook brings."""
    return sum(len(lines(cell.source)) for cell in given_cells(notebook))


def learner_lines(notebook: NotebookNode) -> int:
    """Return how many lines of code the learner writes."""
    return sum(len(lines(answer(cell.source))) for cell in exercises(notebook))


def addresses(notebook: NotebookNode) -> list[str]:
    """Return the different addresses in the text, in order."""
    found = ADDRESS.findall(outline.markdown(notebook.cells))
    return list(dict.fromkeys(address.rstrip(".,;:") for address in found))


def _median(values: list[int]) -> float:
    return statistics.median(values) if values else 0


def report(notebook: NotebookNode) -> str:
    """Write the counts as a table, then names of our API and what is not as it should.

    What is not as it should is what `pattern` and `meanings` find.
    """
    import pattern  # it counts as well

    text = [
        f"{'✓' if one.holds else '✗'} {one.name:<33}{one.value:>7g}   {one.limit}"
        for one in counts(notebook)
    ]
    text += ["", "names of our API: " + ", ".join(sorted(api_names.used(notebook)))]
    text += [f"✗ {fault}" for fault in pattern.faults(notebook)]
    return "\n".join(text)


def main(words: list[str]) -> int:
    """Print the counts of these words, or of all solutions; 1 for an unknown word."""
    paths = sorted(cut.HERE.glob("[0-9]*_*.ipynb"))
    known = [path.stem.split("_", 1)[1] for path in paths]
    for word in words:
        if word not in known:
            print(
                f"counts.py: {word!r} has no solution; choose one of "
                f"{', '.join(known)}.",
                file=sys.stderr,
            )
            return 1
    for path, word in zip(paths, known, strict=True):
        if word in (words or known):
            print(f"{path.name}\n{report(nbformat.read(path, as_version=4))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
