"""Names that a reader cannot trust, in the given cells of a notebook.

A cell may be run again, and a reader looks a name up where it was last set. So a loop's
variable is not used behind its loop, and no name is set in two cells to two things.
"""

import ast
from collections.abc import Iterator

from nbformat import NotebookNode


def faults(cells: list[NotebookNode]) -> list[str]:
    """Return a sentence for each name that is used after its loop or changes."""
    trees = {cell.id: _parsed(cell.source) for cell in cells}
    return [*_after_loops(trees), *_changed(trees)]


def _parsed(source: str) -> ast.Module:
    kept = [line for line in source.splitlines() if not line.startswith(("%", "!"))]
    return ast.parse("\n".join(kept))


def _after_loops(trees: dict[str, ast.Module]) -> list[str]:
    """Follow the statements in order; a loop's variable is stale once it has ended."""
    stale: dict[str, str] = {}  # name -> the cell of its loop
    said = []
    for cell, tree in trees.items():
        for name in _read_after(tree.body, stale, cell):
            said.append(
                f"{cell}: {name!r} is the variable of a loop that has ended (in "
                f"{stale[name]}); give it a name of its own."
            )
    return list(dict.fromkeys(said))


def _read_after(
    body: list[ast.stmt], stale: dict[str, str], cell: str
) -> Iterator[str]:
    for statement in body:
        blocks = _blocks(statement)
        yield from (name for name in _reads(statement, blocks) if name in stale)
        for name in _sets(statement, blocks):
            stale.pop(name, None)
        for block in blocks:
            yield from _read_after(block, stale, cell)
        if isinstance(statement, ast.For):
            stale |= dict.fromkeys(_names(statement.target), cell)


def _blocks(statement: ast.stmt) -> list[list[ast.stmt]]:
    """Return the statements inside a loop, a `with`, an `if` or a `try`."""
    fields = (getattr(statement, name, []) for name in ("body", "orelse", "finalbody"))
    handlers = [handler.body for handler in getattr(statement, "handlers", [])]
    return [
        block for block in (*fields, *handlers) if isinstance(block, list) and block
    ]


def _own(statement: ast.stmt, blocks: list[list[ast.stmt]]) -> Iterator[ast.AST]:
    """Walk a statement without the statements inside it."""
    inside = {id(one) for block in blocks for one in block}
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [n for n in ast.iter_child_nodes(node) if id(n) not in inside]


def _reads(statement: ast.stmt, blocks: list[list[ast.stmt]]) -> set[str]:
    nodes = list(_own(statement, blocks))
    local = {
        name
        for node in nodes
        if isinstance(node, ast.comprehension)
        for name in _names(node.target)
    }
    local |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    names = [node for node in nodes if isinstance(node, ast.Name)]
    read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
    if isinstance(statement, ast.AugAssign):  # it reads what it sets
        read.update(_names(statement.target))
    return read - local


def _sets(statement: ast.stmt, blocks: list[list[ast.stmt]]) -> set[str]:
    nodes = _own(statement, blocks)
    names = [node for node in nodes if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}


def _names(target: ast.AST) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name)]


def _changed(trees: dict[str, ast.Module]) -> list[str]:
    """Compare what a name is set to in one cell with what it was in an earlier one."""
    first: dict[str, tuple[str, set[str]]] = {}
    said = []
    for cell, tree in trees.items():
        for name, values in _settings(tree).items():
            where, before = first.setdefault(name, (cell, values))
            if where != cell and values != before:
                said.append(
                    f"{cell}: {name!r} is something else than in {where}; give it a "
                    "name of its own."
                )
    return said


def _settings(tree: ast.Module) -> dict[str, set[str]]:
    """Return what each name is set to in a cell; the variables of loops are alike."""
    settings: dict[str, set[str]] = {}
    local = {
        id(node)
        for one in ast.walk(tree)
        if isinstance(one, ast.comprehension)
        for node in ast.walk(one.target)
    }
    for node in ast.walk(tree):
        for target, value in _assignments(node):
            for name in ast.walk(target):
                stored = isinstance(getattr(name, "ctx", None), ast.Store)
                if stored and isinstance(name, ast.Name) and id(name) not in local:
                    settings.setdefault(name.id, set()).add(value)
    return settings


def _assignments(node: ast.AST) -> list[tuple[ast.expr, str]]:
    if isinstance(node, ast.Assign):
        return [(target, ast.dump(node.value)) for target in node.targets]
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        return [(node.target, ast.dump(node))]
    if isinstance(node, ast.For):
        return [(node.target, "the variable of a loop")]
    if isinstance(node, ast.With):
        pairs = [(item.optional_vars, item) for item in node.items]
        return [(target, ast.dump(item)) for target, item in pairs if target]
    return []
