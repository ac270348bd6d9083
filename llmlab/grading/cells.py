"""Which cells of a notebook run when it is graded, and what of them.

Exercises and checks run; of all other cells what defines something for them: imports,
functions, classes, and plain constants where a cell holds nothing else. What only
measures or draws does not run. nbgrader's configuration uses this too, so that both
graders run the same.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

DEFINES = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef,
)  # fmt: skip
Cell = Mapping[str, Any]


def source_of(cell: Cell) -> str:
    """Return a cell's text, which a file keeps as one text or as lines."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def name_of(cell: Cell) -> str:
    """Return the name that nbgrader knows a cell by, or else its id."""
    name = _nbgrader(cell).get("grade_id") or cell.get("id", "")
    return name if isinstance(name, str) else ""


def is_graded(cell: Cell) -> bool:
    """Say whether a cell is an exercise, a check, or a question."""
    marks = _nbgrader(cell)
    return bool(marks.get("solution") or marks.get("grade"))


def definitions(source: str) -> str:
    """Return what of a cell defines something; nothing of what is no Python.

    A cell that holds nothing else comes back as it is.
    """
    try:
        statements = ast.parse(plain(source)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    if all(isinstance(one, DEFINES) or _is_constant(one) for one in statements):
        return source if statements else ""
    kept = [one for one in statements if isinstance(one, DEFINES)]
    return "\n".join(map(ast.unparse, kept))


def plain(source: str) -> str:
    """Return a cell's text without the lines that only IPython understands."""
    if source.lstrip().startswith("%%"):
        return ""
    lines = source.split("\n")
    return "\n".join("" if _is_magic(line) else line for line in lines)


def is_edited(every: Sequence[Cell], name: str, source: str) -> bool:
    """Say whether a notebook's cell of this name holds something else."""
    found = [source_of(cell) for cell in every if name_of(cell) == name]
    return any(text.strip() != source.strip() for text in found)


def leading_to(
    cells: Sequence[Cell], name: str, exercises: Sequence[str]
) -> list[tuple[str, str]]:
    """Return what runs before the check of an exercise, (name, source) of each cell.

    exercises: the names of all, whose cells run whole. The last is that of `name`, or
    what a learner defined between it and its check.
    """
    kept, place = [], 0
    for cell in cells:
        if cell.get("cell_type") != "code":
            continue
        own = name_of(cell)
        if own in exercises:
            kept.append((own, plain(source_of(cell))))
            place = len(kept) if own == name else place
        elif own == f"check-{name}":
            place = len(kept) if place else place
        elif not is_graded(cell) and not _is_example(cell):
            defined = definitions(source_of(cell))
            if defined:
                kept.append((own or "cell", plain(defined)))
    return kept[:place]


def _nbgrader(cell: Cell) -> Mapping[str, Any]:
    metadata = cell.get("metadata")
    marks = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    return marks if isinstance(marks, Mapping) else {}


def _is_example(cell: Cell) -> bool:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return isinstance(tags, list) and "example" in tags


def _is_magic(line: str) -> bool:
    return line.lstrip().startswith(("%", "!")) or line.rstrip().endswith("?")


def _is_constant(statement: ast.stmt) -> bool:
    """Say whether a statement gives a name to a literal, or is one."""
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr):
        try:
            ast.literal_eval(statement.value) if statement.value else None
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
            return False
        return True
    return isinstance(statement, ast.Pass)
