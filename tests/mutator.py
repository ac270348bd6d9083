"""Reference solutions with one small mistake in them, handed to the checks.

A check that cannot be fooled fails on every one. Solutions are found in the notebooks
by nbgrader's grade_id, checks by the same name in `llmlab.checks.<lab>`, so that a new
lab needs nothing here. The mistakes stand in `mutations`.
"""

import ast
import contextlib
import copy
import functools
import importlib
import io
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from mutations import changes

from llmlab.checks.feedback import Plain

SOLUTIONS = Path(__file__).parent.parent / "solutions"
SECONDS = 5  # a mutant that runs longer will not end


@dataclass(frozen=True)
class Exercise:
    """A reference solution of a lab."""

    lab: str  # the word
    name: str  # of the function and of its check
    source: str  # of its cell
    before: str  # imports and solutions that it may use

    @property
    def check(self) -> Callable:
        """The check of this exercise, which takes the learner's function."""
        return getattr(importlib.import_module(f"llmlab.checks.{self.lab}"), self.name)


def exercises(folder: Path = SOLUTIONS) -> list[Exercise]:
    """Return every exercise of every solution, in the order of the notebooks."""
    return [one for path in sorted(folder.glob("[0-9]*.ipynb")) for one in _of(path)]


def mutants(source: str) -> dict[str, str]:
    """Return the mutants of a cell: what was changed -> the changed cell.

    The key shows the lines before and after, so that it survives other edits.
    """
    tree = _without_docstrings(ast.parse(source))
    original = ast.unparse(tree)
    found: dict[str, str] = {}
    for place, node in enumerate(_nodes(tree)):
        for change in changes(node, tree):
            other = copy.deepcopy(tree)
            change(_nodes(other)[place], other)
            mutant = ast.unparse(ast.fix_missing_locations(other))
            if mutant != original and mutant not in found.values():
                key = _difference(original, mutant)
                twins = sum(one.partition(" #")[0] == key for one in found)
                found[f"{key} #{twins + 1}" if twins else key] = mutant
    return found


def verdict(exercise: Exercise, source: str) -> str:
    """Run the check on a cell: "passed", or what the learner would see.

    What else a check raises comes out: whatever the learner wrote, a check ends with
    its three lines.
    """
    space = {"__name__": "notebook"}
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.ExitStack() as limit:
            exec(exercise.before, space)  # imports take what they take
            limit.enter_context(_time_limit())
            try:
                exec(source, space)
            except Exception as error:
                return f"does not run: {error}"
            exercise.check(space.get(_defined(exercise)))
    except Plain as failure:
        return str(failure)
    except _TooLongError:
        return "does not end"
    return "passed"


def _defined(exercise: Exercise) -> str:
    """Return what the cell defines: a function, or a class of another name."""
    made = ast.FunctionDef | ast.ClassDef
    body = ast.parse(exercise.source).body
    return next(node.name for node in body if isinstance(node, made))


@functools.cache
def survivors(exercise: Exercise) -> tuple[str, ...]:
    """Return the mutants of an exercise that its check lets pass."""
    found = mutants(exercise.source).items()
    return tuple(key for key, cell in found if verdict(exercise, cell) == "passed")


def _of(path: Path) -> Iterator[Exercise]:
    lab, before = path.stem.partition("_")[2], []
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        if cell.metadata.get("nbgrader", {}).get("solution"):
            name = cell.metadata.nbgrader.grade_id
            yield Exercise(lab, name, cell.source, "\n".join(before))
            before.append(cell.source)
        else:
            before += _imports(cell.source)


def _imports(source: str) -> list[str]:
    """Return the import lines of a cell, which may hold other things too."""
    kinds = (ast.Import, ast.ImportFrom)
    return [
        ast.unparse(line) for line in ast.parse(source).body if isinstance(line, kinds)
    ]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _nodes(tree: ast.AST) -> list[ast.AST]:
    """Return the nodes that may change: all but the line that begins with `def`."""
    found = []
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.arguments):
            found += [node, *_nodes(node)]
    return found


def _difference(before: str, after: str) -> str:
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        del old[0], new[0]
    while old and new and old[-1] == new[-1]:
        del old[-1], new[-1]
    joined = [" / ".join(line.strip() for line in lines) for lines in (old, new)]
    return "  =>  ".join(joined)


class _TooLongError(BaseException):
    """Not an Exception, so that no check takes it for the learner's."""


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    def stop(signum, frame):
        raise _TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
