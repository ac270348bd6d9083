"""The slice of a notebook: its strict cells, and what they depend on.

A strict cell is tagged nbval-check-output: it shows the same on every machine. Running
all of a notebook with slow instructions to see that takes minutes, and most cells only
measure. So the names that strict cells read are followed backwards, and the cells that
change them run. What `names` cannot see makes a strict cell fail, as it should.
"""

import re
from collections.abc import Callable

from names import KERNEL, of_cells
from nbformat import NotebookNode, from_dict

LARGEST_SHARE = 0.25  # of the code cells
SLOW = re.compile(r"measure\.speed|(.*\.)?(peaks|train)", re.DOTALL)


def is_strict(cell: NotebookNode) -> bool:
    """Say whether a cell has to show the same on every machine."""
    return "nbval-check-output" in cell.metadata.get("tags", [])


def strict_slice(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook of the strict cells and of those that they depend on.

    ValueError, with the names and cells that are to blame: more than a quarter of the
    code cells is in it, one of them measures or trains, or one hides its names.
    """
    kept = _needed(notebook, is_strict)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    uses = of_cells([cell.source for cell in code])
    calls = {cell.id: use.calls for cell, use in zip(code, uses, strict=True)}
    _refuse_what_is_slow(kept, calls)
    return _part(notebook, set(kept))


def slice_that_calls(notebook: NotebookNode, functions: set[str]) -> NotebookNode:
    """Return a notebook of the cells that name a function, and all they depend on."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    uses = of_cells([cell.source for cell in code])
    callers = {
        cell.id for cell, use in zip(code, uses, strict=True) if use.reads & functions
    }
    return _part(notebook, set(_needed(notebook, lambda cell: cell.id in callers)))


def _needed(
    notebook: NotebookNode, is_wanted: Callable[[NotebookNode], bool]
) -> dict[str, dict[str, str]]:
    """Return the wanted cells and those they depend on: cell -> names it is in for."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    uses = of_cells([cell.source for cell in code])
    needed, kept = {}, {}  # name -> the cell that reads it
    for cell, use in zip(reversed(code), reversed(uses), strict=True):
        pulled = {name: needed[name] for name in use.changes & needed.keys()}
        if not pulled and not is_wanted(cell):
            continue
        kept[cell.id] = pulled
        for name in use.sets:
            needed.pop(name, None)
        for name in {KERNEL, *use.reads} - needed.keys():
            needed[name] = cell.id
    return kept


def _part(notebook: NotebookNode, kept: set[str]) -> NotebookNode:
    part = from_dict(notebook)
    part.cells = [cell for cell in part.cells if cell.id in kept]
    return part


def _refuse_what_is_slow(kept: dict, calls: dict) -> None:
    faults = []
    if len(kept) > LARGEST_SHARE * len(calls):
        faults.append(f"{len(kept)} of {len(calls)} code cells, more than a quarter")
    for cell in kept:
        slow = sorted(call for call in calls[cell] if SLOW.fullmatch(call))
        faults += [f"{cell!r}, which calls {call}" for call in slow]
    if faults:
        reasons = [
            f"  {cell!r} changes {name}, which {reader!r} reads"
            for cell, pulled in reversed(kept.items())
            for name, reader in sorted(pulled.items())
        ]
        raise ValueError(
            f"The strict cells depend on {'; on '.join(faults)}. Change a name that "
            "pulls such a cell in where only that happens, in a cell of its own:\n"
            + "\n".join(reasons)
        )
