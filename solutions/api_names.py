"""The names of our API that a notebook uses: what a learner has to look up.

Two kinds count. A dotted name that begins at an import from llmlab, as far as the first
thing that is no module: `measure.roofline.peaks` is one name. And an attribute of an
object that a call of ours may have made, where a class of llmlab has a public one of
this name: `timing.median`. What every list, text or module of PyTorch has does not
count. `checks`, `journal` and `show` speak to the learner and do not count.
"""

import ast
import functools

import cut
import torch
from nbformat import NotebookNode

PACKAGE = cut.HERE.parent / "llmlab"
APART = {"llmlab.checks", "llmlab.journal", "llmlab.show"}
COMMON = set().union(*map(dir, (list, dict, set, str, torch.nn.Linear(1, 1))))


def used(notebook: NotebookNode) -> set[str]:
    """Return the names of our API in all code cells of a notebook."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    tree = ast.parse("\n".join(map(_without_magics, code)))
    roots = _imported(tree)
    ours = _made_by_us(tree, set(roots) - {n for n, p in roots.items() if _apart(p)})
    names: set[str] = set()
    for path in roots.values():
        if not _is_module(path) and not _apart(path):
            names.add(path.removeprefix("llmlab."))
    inside: set[int] = set()  # attributes that belong to a name already counted
    for node in ast.walk(tree):  # from the outside in: the longest chain comes first
        if isinstance(node, ast.Attribute) and id(node) not in inside:
            names |= _names(node, roots, ours, inside)
    return names


def _names(
    node: ast.Attribute, roots: dict[str, str], ours: set[str], inside: set[int]
) -> set[str]:
    """Return what an attribute counts for: nothing, or one name and those behind it."""
    chain: list[ast.Attribute] = []
    value: ast.expr = node
    while isinstance(value, ast.Attribute):
        chain.insert(0, value)
        value = value.value
    inside.update(map(id, chain))
    root = value.id if isinstance(value, ast.Name) else ""
    path, names = roots.get(root, ""), set()
    while path and _is_module(path) and chain:
        path = f"{path}.{chain.pop(0).attr}"
        if not _is_module(path) and not _apart(path):
            names.add(path.removeprefix("llmlab."))
    if path and _apart(path):
        return names
    mine = any(isinstance(n, ast.Name) and n.id in ours for n in ast.walk(value))
    if mine or names:
        found = {link.attr for link in chain} & public_attributes()
        names |= {f".{name}" for name in found - COMMON}
    return names


def _imported(tree: ast.Module) -> dict[str, str]:
    """Return the names that imports from llmlab bind, with their full paths."""
    roots = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "llmlab":
                    roots[alias.asname or "llmlab"] = (
                        alias.name if alias.asname else "llmlab"
                    )
        module = getattr(node, "module", None) or ""
        if isinstance(node, ast.ImportFrom) and module.split(".")[0] == "llmlab":
            for alias in node.names:
                roots[alias.asname or alias.name] = f"{module}.{alias.name}"
    return roots


def _made_by_us(tree: ast.Module, ours: set[str]) -> set[str]:
    """Return the names that hold something that a call of ours may have made."""
    before: set[str] = set()
    while before != ours:
        before = set(ours)
        for node in ast.walk(tree):
            for target, value in _bindings(node):
                reads = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
                if reads & ours and not _is_of_another(value):
                    ours |= {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    return ours


def _is_of_another(value: ast.expr) -> bool:
    """Say whether a value is a tokenizer, whose methods are those of transformers."""
    return isinstance(value, ast.Attribute) and value.attr == "tokenizer"


def _bindings(node: ast.AST) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(node, ast.Assign):
        return [(target, node.value) for target in node.targets]
    if isinstance(node, ast.For | ast.comprehension):
        return [(node.target, node.iter)]
    if isinstance(node, ast.AugAssign | ast.NamedExpr):
        return [(node.target, node.value)]
    return []


def _apart(path: str) -> bool:
    return ".".join(path.split(".")[:2]) in APART


def _is_module(path: str) -> bool:
    place = PACKAGE.parent.joinpath(*path.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def _without_magics(source: str) -> str:
    kept = (line for line in source.splitlines() if not line.startswith(("%", "!")))
    return "\n".join(kept)


@functools.cache
def public_attributes() -> frozenset[str]:
    """Return the public attributes and methods of all classes of llmlab."""
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names |= _attributes(node)
    return frozenset(name for name in names if not name.startswith("_"))


def _attributes(made: ast.ClassDef) -> set[str]:
    names = set()
    for node in ast.walk(made):
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.attr)
    return names
