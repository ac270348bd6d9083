"""Cut the labs from the solutions: the same notebooks without answers and outputs.

    python solutions/cut.py            all solutions, into labs/
    python solutions/cut.py 01_measure one of them

An exercise is a cell with nbgrader's solution metadata. It opens with a comment such
as `# Exercise 1: time the first token.`; what stands between `### BEGIN SOLUTION` and
`### END SOLUTION` becomes `raise checks.Todo("Exercise 1: time the first token.")`.
nbgrader leaves the same text: `nbgrader_config.py` beside this file hands it `stub`.

The worked examples are written anew, into the solution and the lab alike: the cell
`example-percentile`, right below the exercise `percentile`, holds the opening case of
its check. And a question that a person grades is a markdown cell; the answer in it
becomes ANSWER.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
ANSWER = "*Your answer, in two or three sentences.*"
EXERCISE = re.compile(r"# (Exercise \d+: .+\.)$")
EXAMPLE = "example-"
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


def with_examples(
    solution: nbformat.NotebookNode, source: Callable[[str], str]
) -> nbformat.NotebookNode:
    """Return a solution whose worked examples are those of the checks.

    source: gives the text of an exercise's example by its name. A cell that is there is
    written anew, and one that is missing is put right below its exercise. ValueError:
    an example without an exercise.
    """
    written = nbformat.from_dict(solution)
    examples = {cell.id: cell for cell in written.cells if _is_example(cell)}
    cells = []
    for cell in (cell for cell in written.cells if not _is_example(cell)):
        cells.append(cell)
        name = EXAMPLE + cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if cell.cell_type == "code" and _is_solution(cell):
            example = examples.pop(name, None) or _new_example(name)
            example.source = source(name.removeprefix(EXAMPLE))
            cells.append(example)
    if examples:
        raise ValueError(
            f"{', '.join(examples)}: no exercise has this name; name the cell "
            f"{EXAMPLE}<exercise>, or delete it."
        )
    written.cells = cells
    return written


def _is_example(cell: nbformat.NotebookNode) -> bool:
    return "example" in cell.metadata.get("tags", [])


def _is_solution(cell: nbformat.NotebookNode) -> bool:
    return bool(cell.metadata.get("nbgrader", {}).get("solution"))


def _new_example(name: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_code_cell(id=name, metadata={"tags": ["example"]})


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
        elif _is_solution(cell):
            cell.source = ANSWER
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


def read(path: Path) -> nbformat.NotebookNode:
    """Return a solution with its examples as the checks have them.

    ValueError: a check that has no example, or an example without an exercise.
    """

    def source(name: str) -> str:
        from llmlab import checks  # heavy, and a class's copy of this file has none

        return checks.example_source(path.stem.split("_", 1)[1], name)

    return with_examples(nbformat.read(path, as_version=4), source)


def main(names: list[str]) -> int:
    """Write the examples into solutions and cut their labs; 1 where that failed."""
    try:
        for path in solutions(names):
            solution = read(path)
            if solution != nbformat.read(path, as_version=4):
                write(path, text(solution))
                print(f"solutions/{path.name}: examples written")
            changed = write(LABS / path.name, text(cut(solution)))
            print(f"labs/{path.name}: {'cut' if changed else 'as it was'}")
    except (ValueError, OSError, nbformat.ValidationError) as error:
        print(f"cut.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
