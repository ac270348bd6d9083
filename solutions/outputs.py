"""What the outputs of a notebook say, without what differs from run to run.

Numbers, widths and pictures differ at every run, and to store them anew makes every
commit a megabyte larger. Words and marks, verdicts and alt texts are what a reader goes
by: where these are the same, the outputs that stand in a file may stay there.
"""

import re

from nbformat import NotebookNode

READ = ("text/plain", "text/html", "text/markdown")
# In this order: pictures as data, names of objects, numbers, and what fills a line.
VARYING = [
    (re.compile(r"data:[^\"')\s]+"), "<data>"),
    (re.compile(r"\b(?:0x)?[0-9a-f]{8,}\b"), "<name>"),
    (re.compile(r"[-+−]?\d[\d.,]*(?:e[-+]?\d+)?"), "#"),
    (re.compile(r"[\s\-─━]+"), " "),
]


def agree(one: NotebookNode, other: NotebookNode) -> bool:
    """Say whether the code cells of two notebooks show the same words and marks."""
    return [_cell(c) for c in _code(one)] == [_cell(c) for c in _code(other)]


def without_numbers(text: str) -> str:
    """Return a text with placeholders for all that differs from run to run."""
    for pattern, placeholder in VARYING:
        text = pattern.sub(placeholder, text)
    return text.strip()


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _cell(cell: NotebookNode) -> tuple:
    return cell.id, [_output(output) for output in cell.outputs]


def _output(output: NotebookNode) -> tuple:
    if output.output_type == "stream":
        return output.name, without_numbers(output.text)
    if output.output_type == "error":
        return output.ename, without_numbers(output.evalue)
    said = {kind: without_numbers(output.data.get(kind, "")) for kind in READ}
    return sorted(output.data), said
