"""Cut the labs from the solutions: the same notebooks without answers and outputs.

    python solutions/cut.py            all solutions, into labs/
    python solutions/cut.py 01_measure one of them

An exercise is a cell with nbgrader's solution metadata. It opens with a comment such
as `# Exercise 1: time the first token.`; what stands between `### BEGIN SOLUTION` and
`### END SOLUTION` becomes `raise checks.Todo("Exercise 1: time the first token.")`.
nbgrader leaves the same text: `nbgrader_config.py` beside this file hands it `stub`.
"""

import os
import re
import sys
from pathlib import Path

import nbformat

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
EXERCISE = re.compile(r"# (Exercise \d+: .+\.)$")
HERE = Path(__file__).resolve().parent
LABS = HERE.parent / "labs"
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def stub(source: str) -> str:
    """Return the line that takes the place of an exercise's answer.

    ValueError: the cell does not open with its sentence, `# Exercise 1: … .`
    """
    first = source.split("\n", 1)[0]
    sentence = EXERCISE.match(first)
    if sentence is None:
        raise ValueError(
            f"an exercise opens with {first!r}; write `# Exercise 1: what to do.`"
        )
    return f'raise checks.Todo("{sentence[1]}")'


def cut_source(source: str) -> str:
    """Return the cell's text with the stub in the place of each answer.

    ValueError: an answer that does not begin or does not end, or one in another.
    """
    lines, inside = [], False
    for line in source.split("\n"):
        if (BEGIN in line and inside) or (END in line and not inside):
            raise ValueError(f"{line.strip()!r} stands where it cannot: {source!r}")
        if BEGIN in line:
            lines.append(line[: line.index(BEGIN)] + stub(source))
        inside = BEGIN in line or (inside and END not in line)
        if not inside and END not in line:
            lines.append(line)
    if inside:
        raise ValueError(f"an answer has no {END!r}: {source!r}")
    return "\n".join(lines)


def cut(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a solution's lab: no answers, no outputs, no traces of a run."""
    lab = nbformat.from_dict(solution)
    lab.metadata = nbformat.from_dict(METADATA)
    for cell in lab.cells:
        kept = ("nbgrader", "tags")
        cell.metadata = {
            key: cell.metadata[key] for key in kept if key in cell.metadata
        }
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.source = cut_source(cell.source)
    return lab


def text(notebook: nbformat.NotebookNode) -> str:
    """Return a notebook as the file's text, one way only."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def write(path: Path, content: str) -> bool:
    """Write a file whole or not at all; say whether it changed."""
    if path.exists() and path.read_text(encoding="utf-8") == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(content, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return True


def solutions(names: list[str]) -> list[Path]:
    """Return the solutions of these names, or all of them.

    ValueError: a name without a solution.
    """
    paths = [HERE / f"{Path(name).stem}.ipynb" for name in names]
    for path in paths:
        if not path.exists():
            known = sorted(other.stem for other in HERE.glob("[0-9]*.ipynb"))
            raise ValueError(f"{path.stem!r} has no solution; choose one of {known}.")
    return paths or sorted(HERE.glob("[0-9]*.ipynb"))


def main(names: list[str]) -> int:
    try:
        for path in solutions(names):
            lab = cut(nbformat.read(path, as_version=4))
            changed = write(LABS / path.name, text(lab))
            print(f"labs/{path.name}: {'cut' if changed else 'as it was'}")
    except (ValueError, OSError, nbformat.ValidationError) as error:
        print(f"cut.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
