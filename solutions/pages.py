"""Write docs/labs/: a page for every lab, from its notebook.

    python solutions/pages.py

Who has not opened a lab reads there what it asks, what is built in it, what that takes,
and where it leads. A page says nothing that the notebook does not say.
"""

import re
import sys
from pathlib import Path

import cut
import glossary
import nbformat
import outline

PLACE = cut.HERE.parent / "docs" / "labs"
NOTE = (
    "This page is written by `python solutions/pages.py`: change the lab, not the page."
)
LEADS_ON = ("in the wild", "read on")  # titles of the sections at a lab's end
ABOUT = re.compile(r"^# Exercise \d+: (.+)$", re.MULTILINE)
FUNCTION = re.compile(r"^(?:def|class) (\w+)", re.MULTILINE)


def page(notebook: nbformat.NotebookNode, stem: str) -> str:
    """Return the page of a lab; stem: of its file, "07_caching".

    ValueError: an exercise's cells lack what the pattern wants.
    """
    number, _, word = stem.partition("_")
    first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
    opened = (
        f"Open [labs/{stem}.ipynb](../../labs/{stem}.ipynb): `llmlab start` copies it, "
        f"and `llmlab where {word}` says where package, checks and tests are. {NOTE}"
    )
    parts = [first.source.strip(), opened, "## What you build", _exercises(notebook)]
    if terms := [entry.term for entry in glossary.entries(notebook, number)]:
        explained = (
            "They stand in the [glossary](../glossary.md), each in its sentence."
        )
        parts += ["## Terms", f"{', '.join(terms)}. {explained}"]
    for section in outline.sections(notebook):
        if section.title.lower() in LEADS_ON:
            parts.append(outline.markdown(section.cells).strip())
    return "\n\n".join(parts) + "\n"


def _exercises(notebook: nbformat.NotebookNode) -> str:
    """Return the table of a lab's exercises."""
    headings = outline.headings(notebook.cells)
    answers = [cell for cell in notebook.cells if ABOUT.search(cell.source)]
    answers = [cell for cell in answers if "### BEGIN SOLUTION" in cell.source]
    if len(headings) != len(answers):
        raise ValueError(
            f"{len(headings)} headings of exercises and {len(answers)} answers; begin "
            "each answer with # Exercise 1: what it does."
        )
    rows = ["| exercise | difficulty | minutes |", "| --- | --- | ---: |"]
    for heading, cell in zip(headings, answers, strict=True):
        about, function = ABOUT.search(cell.source), FUNCTION.search(cell.source)
        said = about[1].rstrip(".") if about else ""
        name = f" (`{function[1]}`)" if function else ""
        stars = heading["stars"] + (" core" if heading["core"] else "")
        rows.append(
            f"| {heading['number']}. {said}{name} | {stars} | {heading['minutes']} |"
        )
    return "\n".join(rows)


def pages() -> dict[str, str]:
    """Return every page by the name of its file."""
    return {
        f"{path.stem}.md": page(nbformat.read(path, as_version=4), path.stem)
        for path in cut.solutions([])
    }


def main(place: Path = PLACE) -> int:
    """Write the pages, and remove those of no lab; 1 where a lab lacks something."""
    try:
        made = pages()
        place.mkdir(exist_ok=True)
        for name, text in made.items():
            changed = cut.write(place / name, text)
            print(f"{place.name}/{name}: {'written' if changed else 'as it was'}")
        for left in {path.name for path in place.glob("*.md")} - set(made):
            (place / left).unlink()
            print(f"{place.name}/{left}: removed")
    except (ValueError, OSError) as error:
        print(f"pages.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
