"""The pattern of a lab: what its parts are and their order.

A rule looks at a notebook and returns a sentence for each fault. `counts.py` prints
them, and the tests want none. CONTRIBUTING.md says the pattern in words.
"""

import ast
import json
import re
from collections.abc import Iterator

import counts
import cut
import meanings
import outline
from nbformat import NotebookNode

LINKS = cut.HERE.parent / "tests" / "labs" / "links.json"
LEAST_MINUTES, MOST_MINUTES, MOST_SECONDS = 60, 120, 90
CHOICE = re.compile(r"^- \*\*([A-Z])\*\* (.+)$", re.MULTILINE)
FRAME = ("question", "guess", "varied", "held", "result")
# A guess, then exercises, each with its example and its check, and a result for every
# guess behind the first of them; what is built last is used; at the end what to take
# away and where it lives elsewhere. An idea without a guess may come before.
RHYTHM = re.compile(r"(EXC|S)*P(?=.*M)[PS]*(EXC(P|EXC|S|M)*)?[SM]+TL")


def faults(notebook: NotebookNode) -> list[str]:
    """Return what in a notebook is not as the pattern says."""
    rules = (_top, _table, _exercises, _guesses, _sections, _end, _links)
    found = [fault for rule in rules for fault in rule(notebook)]
    return found + meanings.faults(counts.given_cells(notebook))


def _top(notebook: NotebookNode) -> Iterator[str]:
    text = outline.top(notebook)
    if not re.match(r"# .+\?$", text.split("\n", 1)[0]):
        yield "the title is no question: write `# 01 · Where does the time go?`."
    able = re.search(r"\*\*You will be able to.*?\n\n?((- .+\n?)*)", text)
    points = re.findall(r"^- ", able[1], re.MULTILINE) if able else []
    if len(points) != 3:
        yield f"`**You will be able to**` stands above {len(points)} points, not three."
    for part in ("**Before you start", "minutes of machine time", "GB of memory"):
        if part not in text:
            yield f"the top does not say `{part}`."
    given = counts.given_cells(notebook)
    if not any("measure.settle()" in cell.source for cell in given):
        yield "no cell calls `measure.settle()`, so loops do not give way to others."


def _table(notebook: NotebookNode) -> Iterator[str]:
    """Hold the table of sections against the sections."""
    try:
        *rows, together = outline.table(notebook)
    except ValueError as error:
        yield str(error)
        return
    parts = {part.title: part for part in outline.sections(notebook)}
    named = {row.title for row in rows}
    missing = [
        title
        for title, part in parts.items()
        if (part.numbered or part.points) and title not in named
    ]
    missing += sorted(named - parts.keys())
    if missing:
        yield f"in the table or as a heading, not in both: {', '.join(missing)}."
    for row in rows:
        part = parts.get(row.title)
        if part and row.points != part.points:
            yield f"{row.title}: {row.points:g} points, but its cells {part.points:g}."
        if part and row.minutes < part.minutes:
            yield f"{row.title}: {row.minutes:g} minutes; exercises {part.minutes}."
    for column in ("minutes", "seconds", "points"):
        total = sum(getattr(row, column) for row in rows)
        if total != getattr(together, column):
            yield f"the last row of the table is no sum: {column} are {total:g}."
    if not LEAST_MINUTES <= together.minutes <= MOST_MINUTES:
        yield f"{together.minutes:g} minutes; a lab takes a learner 60 to 120."
    if together.seconds > MOST_SECONDS:
        yield f"{together.seconds:g} s of the machine; a lab takes at most 90."


def _exercises(notebook: NotebookNode) -> Iterator[str]:
    """Want a heading, the exercise, its example and its check in a row."""
    found = outline.headings(notebook.cells)
    for heading in found:
        if len(heading["stars"]) != 3:
            yield f"{heading[0]}: write three stars, full or empty: ★★☆."
    every = notebook.cells
    exercises = counts.exercises(notebook)
    if [int(one["number"]) for one in found] != [*range(1, len(exercises) + 1)]:
        yield (
            f"{len(exercises)} exercises have {len(found)} headings; write "
            "`### Exercise 1 ★★☆ · 8 minutes` over each, in order."
        )
    for number, cell in enumerate(exercises, start=1):
        name, place = cell.metadata.nbgrader.grade_id, every.index(cell)
        wanted = [name, f"example-{name}", f"check-{name}"]
        if [one.id for one in every[place : place + 3]] != wanted:
            yield f"exercise {number}: below {name} come {' and '.join(wanted[1:])}."
        if not cell.source.startswith(f"# Exercise {number}: "):
            yield f"{name} does not open with `# Exercise {number}: `."
        checks = [cell for cell in every if cell.id == wanted[2]]
        if checks and not _is_checked(name, checks[0].source):
            yield f"the check of {name} is not check.{name}({name})."


def _is_checked(name: str, source: str) -> bool:
    """Say whether a cell checks the function of this name, or the class of its words.

    The check of a class is a function: check.quantized_linear(QuantizedLinear).
    """
    found = re.match(rf"check\.{name}\((\w+)", source)
    return bool(found) and found[1].lower().replace("_", "") == name.replace("_", "")


def _guesses(notebook: NotebookNode) -> Iterator[str]:
    """Want every guess open, its choices in the text above, and its result below."""
    answered = _first_words(notebook, "measured")
    guesses = [cell for cell in notebook.cells if "journal.predict(" in cell.source]
    if not guesses:
        yield "no guess: write journal.predict(name, None, unit=…)."
    for cell in guesses:
        place = notebook.cells.index(cell)
        above = notebook.cells[place - 1].source if place else ""
        for call in _calls(cell, "predict"):
            name, guess = call.args[0], call.args[1]
            if not (isinstance(guess, ast.Constant) and guess.value is None):
                yield f"{cell.id}: the guess is the learner's; leave None."
            if not isinstance(name, ast.Constant) or name.value not in answered:
                yield f"{cell.id}: no journal.measured answers this guess."
            yield from _choices(cell.id, call, above)


def _choices(cell: str, call: ast.Call, above: str) -> Iterator[str]:
    choices = [word.value for word in call.keywords if word.arg == "choices"]
    if not choices:
        return
    numbers = {str(key): f"{n:,g}" for key, n in ast.literal_eval(choices[0]).items()}
    written = dict(CHOICE.findall(above))
    if written.keys() != numbers.keys():
        yield f"{cell}: the text above has the choices {', '.join(written) or 'none'}."
    for letter in written.keys() & numbers.keys():
        if not re.match(rf"{re.escape(numbers[letter])}\b.*: \S", written[letter]):
            yield f"{cell}: write `- **{letter}** {numbers[letter]} …: a reason`."


def _calls(cell: NotebookNode, name: str) -> Iterator[ast.Call]:
    """Yield the calls of journal.<name> in a cell."""
    for node in ast.walk(ast.parse(cell.source)):
        called = isinstance(node, ast.Call) and ast.unparse(node.func)
        if called == f"journal.{name}":
            yield node


def _first_words(notebook: NotebookNode, name: str) -> set[str]:
    words = set()
    for cell in notebook.cells:
        if cell.cell_type == "code" and f"journal.{name}(" in cell.source:
            firsts = [call.args[0] for call in _calls(cell, name)]
            words |= {one.value for one in firsts if isinstance(one, ast.Constant)}
    return words


def _sections(notebook: NotebookNode) -> Iterator[str]:
    for part in outline.sections(notebook):
        if not part.numbered:
            if any(cell in counts.exercises(notebook) for cell in part.cells):
                yield f"{part.title}: exercises stand in numbered sections."
            continue
        marks = "".join(map(_mark, part.cells))
        with_guess = RHYTHM.fullmatch(marks)
        if not with_guess and not re.fullmatch(r"S*TL", marks):
            yield (
                f"{part.title}: {marks} is not guess, exercise, example, check, result "
                "(P E X C M), what is shown (S), **Takeaway.**, **Elsewhere.** (T L)."
            )
        if "**Elsewhere.**" not in part.cells[-1].source:
            yield f"{part.title}: ends with **Elsewhere.**"


def _mark(cell: NotebookNode) -> str:
    """Return the letters of what a cell is in the rhythm of a section."""
    grading = cell.metadata.get("nbgrader", {})
    if cell.cell_type == "markdown":
        takeaway = cell.source.startswith("**Takeaway.**")
        return "T" * takeaway + "L" * ("**Elsewhere.**" in cell.source)
    kinds = {
        "E": grading.get("solution"),
        "C": grading.get("grade"),
        "X": "example" in cell.metadata.get("tags", []),
        "P": "journal.predict(" in cell.source,
        "M": "journal.measured(" in cell.source,
        "S": "show." in cell.source and ".drawings." not in cell.source,
    }
    return next((letter for letter, fits in kinds.items() if fits), "")


def _end(notebook: NotebookNode) -> Iterator[str]:
    parts = outline.sections(notebook)
    titles = [part.title for part in parts]
    wanted = ["Your turn", "In the wild", "Read on"]
    if [title for title in titles if title in wanted] != wanted:
        yield f"the lab ends with ## {', ## '.join(wanted)}."
        return
    turn = parts[titles.index("Your turn")]
    text = outline.markdown(turn.cells).lower()
    words = [cell for cell in turn.cells if cell.cell_type == "markdown"]
    by_hand = [cell for cell in words if cell.metadata.get("nbgrader", {}).get("grade")]
    if len(by_hand) != 1 or not by_hand[0].metadata.nbgrader.solution:
        yield "Your turn: one markdown cell, solution and grade, takes an answer."
    if "### stretch" not in text:
        yield "Your turn: `### Stretch` opens an exercise without a stub."
    firsts = [row[1].split("|")[0] for row in outline.ROW.finditer(text)]
    missing = [word for word in FRAME if not any(word in first for first in firsts)]
    if "### experiment" not in text or missing:
        yield f"Your turn: `### Experiment` has a table with {', '.join(FRAME)}."


def _links(notebook: NotebookNode) -> Iterator[str]:
    """Want each address below a root, or one of the pages, that somebody has read."""
    known = json.loads(LINKS.read_text(encoding="utf-8"))
    for address in counts.addresses(notebook):
        below = [r for r in known["roots"] if _is_below(address, r)]
        if not below and address not in known["pages"]:
            yield f"{address} stands in no list; read the page, then add it."


def _is_below(address: str, root: str) -> bool:
    return address == root or address.startswith(root.rstrip("/") + "/")
