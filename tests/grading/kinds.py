"""Kinds of submission: what learners hand in, honest and not, made of a solution.

KINDS[name](exercise, answer, stub) -> the source of the exercise's cell
"""

import copy
import json
import re
from pathlib import Path

import nbformat
from notebooks import ROOT, SOLUTIONS, is_check, is_exercise

from labs import plain_answers

LAB = SOLUTIONS[0]


def with_body(stub: str, *lines: str) -> str:
    """Put lines in the place of the stub's `raise`, as far in as it was."""
    indent = re.search(r"^( *)raise checks\.Todo.*$", stub, re.MULTILINE)
    body = "\n".join(indent[1] + line for line in lines)
    return stub.replace(indent[0], body)


def right(name, answer, stub):
    return answer


def other_right(name, answer, stub):
    """Answer in another style: loops and lists."""
    return f"# Exercise\n{plain_answers.CELLS['measure'][name]}"


def untouched(name, answer, stub):
    return stub


def wrong(name, answer, stub):
    return with_body(stub, "return None")


def crashing(name, answer, stub):
    return with_body(stub, "raise RuntimeError('oops')")


def half(name, answer, stub):
    """Answer exercises 1, 3, 5 and leave the others."""
    return answer if int(re.search(r"Exercise (\d+)", stub)[1]) % 2 else stub


def deadly(name, answer, stub):
    return "import os\nos._exit(0)\n" + answer


def endless(name, answer, stub):
    """Never end in one exercise of the seven."""
    return with_body(stub, "while True: pass") if name == "percentile" else answer


def hungry(name, answer, stub):
    """Take all the memory there is, in one exercise."""
    eat = "return [bytearray(2**28) for _ in range(10_000)]"
    return with_body(stub, eat) if name == "percentile" else answer


def printing(name, answer, stub):
    """Print ten megabytes before a right answer, once."""
    flood = "for _ in range(100): print('x' * 100_000)\n"
    return flood + answer if name == "percentile" else answer


def tampering(name, answer, stub):
    """Replace the check's function."""
    return f"check.{name} = lambda *answers: None\n{stub}"


def edited_check(name, answer, stub):
    return stub  # and its check cell says nothing: `submission` sees to that


KINDS = {
    one.__name__: one
    for one in (
        right, other_right, untouched, wrong, crashing, half, deadly, endless, hungry,
        printing, tampering, edited_check,
    )
}  # fmt: skip


def answers(path: Path = LAB) -> dict[str, str]:
    """Return the complete cell of each exercise of a solution."""
    cells = nbformat.read(path, as_version=4).cells
    return {c.metadata.nbgrader.grade_id: c.source for c in cells if is_exercise(c)}


def filled(fill, path: Path = LAB, *, edited: bool = False) -> dict:
    """Return a whole lab whose exercises `fill` has filled.

    edited: the check cells were emptied, too.
    """
    given = answers(path)
    notebook = nbformat.read(ROOT / "labs" / path.name, as_version=4)
    for cell in notebook.cells:
        if is_exercise(cell):
            name = cell.metadata.nbgrader.grade_id
            cell.source = fill(name, given[name], cell.source)
        elif is_check(cell) and edited:
            cell.source = "pass"
    return json.loads(nbformat.writes(notebook))


def kind(name: str, path: Path = LAB) -> dict:
    """Return the notebook of a kind of submission."""
    return filled(KINDS[name], path, edited=name == "edited_check")


def put(notebook: dict, folder: Path, learner: str, path: Path = LAB) -> Path:
    """Write a submission where nbgrader collects it."""
    place = folder / "submitted" / learner / path.stem
    place.mkdir(parents=True, exist_ok=True)
    target = place / path.name
    target.write_text(json.dumps(notebook), encoding="utf-8")
    return target


def with_cell(notebook: dict, source: str, place: int = 3) -> dict:
    """Return a notebook with one more code cell."""
    changed = copy.deepcopy(notebook)
    cell = nbformat.v4.new_code_cell(source)
    changed["cells"].insert(place, json.loads(json.dumps(cell)))
    return changed
