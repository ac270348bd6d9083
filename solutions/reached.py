"""Which modules of llmlab a notebook reaches.

A module is reached by an import, by a name such as `show.measure.bounds_widget` along
imported rooms, and by a text that is its full name, as in `STORED_LAYERS`. What code
puts together while it runs is not seen.
"""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import grimp
from nbformat import NotebookNode

import llmlab

PACKAGE = Path(llmlab.__file__).parent
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)


def modules(notebook: NotebookNode, word: str) -> set[str]:
    """Return the modules that a notebook and the checks of its word reach."""
    checks = f"llmlab.checks.{word}"
    todo = [name for name in _graph().modules if f"{name}.".startswith(f"{checks}.")]
    todo += _named(tree_of(notebook))
    reached: set[str] = set()
    while todo:
        name = todo.pop()
        if name != "llmlab" and name not in reached:
            reached.add(name)
            todo += _next(name)
    return reached


def tree_of(notebook: NotebookNode) -> ast.Module:
    """Return the code of a notebook as one tree."""
    cells = (cell.source for cell in notebook.cells if cell.cell_type == "code")
    return _tree("\n".join(MAGIC.sub("", source) for source in cells))


@functools.cache
def tree_of_module(name: str) -> ast.Module:
    """Return the code of a module as a tree without docstrings."""
    return _tree(file(name).read_text(encoding="utf-8"))


def file(name: str) -> Path:
    """Return the file of a module: a room's is its `__init__`."""
    place = PACKAGE.joinpath(*name.split(".")[1:])
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def texts(tree: ast.Module) -> Iterator[str]:
    """Give the texts that stand in code."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@functools.cache
def shelf(name: str) -> set[str]:
    """Return the rooms of labs that stand in a room, as in `checks` and `show`.

    A notebook reaches those that it names, so that the next lab leaves it alone.
    """
    return {f"{name}.{word}" for word in llmlab.WORDS} & _graph().modules


@functools.cache
def _graph() -> grimp.ImportGraph:
    return grimp.build_graph(
        "llmlab", cache_dir=None, exclude_type_checking_imports=True
    )


@functools.cache
def _next(name: str) -> set[str]:
    """Return the modules that one module reaches at once, and the room it lies in."""
    if name.endswith(".quantities"):  # words only, which no run depends on
        return set()
    ahead = _graph().find_modules_directly_imported_by(name)
    ahead = ahead | _named(tree_of_module(name)) | {name.rpartition(".")[0]}
    return ahead - shelf(name)


def _tree(source: str) -> ast.Module:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:]
    return tree


def _named(tree: ast.Module) -> set[str]:
    """Return the modules that code names, along imported rooms or in full."""
    bound = _bound(tree)
    named = {*bound.values(), *texts(tree)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, *rest = ast.unparse(node).split(".")
            named.add(".".join([bound.get(first, first), *rest]))
    steps = [name.split(".") for name in named if name.startswith("llmlab.")]
    begun = {".".join(one[:end]) for one in steps for end in range(2, len(one) + 1)}
    return begun & _graph().modules


def _bound(tree: ast.Module) -> dict[str, str]:
    """Return what names are bound to by imports: "lab" -> "llmlab.quantization"."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                bound[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                bound[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return bound
