"""Write docs/glossary.md from the sentences in which the labs define their terms.

    python solutions/glossary.py

A lab sets a term in bold italics, ***prefill***, in the sentence
that explains it, once over all labs. The glossary holds these sentences and no others.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import cut
import nbformat
import outline

PLACE = cut.HERE.parent / "docs" / "glossary.md"
TERM = re.compile(r"\*\*\*([^*\n]+)\*\*\*")
# A sentence ends at a full stop, a question mark or a colon before a list.
END = re.compile(r"(?<=[.?])(?<!e\.g\.)(?<!i\.e\.)\s+(?=[*\"“(`]*[A-Z0-9$])")
TOP = """# Glossary

The terms of the labs, each in the sentence that explains it there. This page is \
written by `python solutions/glossary.py`: change the lab, not the page.
"""


@dataclass(frozen=True)
class Entry:
    """A term, the sentence that defines it, and where that stands."""

    term: str
    sentence: str
    lab: str  # as in the file's name: "01"
    section: str


def entries(notebook: nbformat.NotebookNode, lab: str) -> list[Entry]:
    """Return the terms that a notebook defines, in its order.

    ValueError: a term stands in a heading or a table, where no sentence explains it.
    """
    found, section = [], "the top"
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        for line in re.split(r"\n\s*\n|\n(?=[-#|>])", cell.source):
            if heading := outline.HEADING.match(line):
                section = heading[1].strip()
            terms = TERM.findall(line)
            if terms and line.startswith(("#", "|")):
                raise ValueError(
                    f"lab {lab}: {terms[0]!r} stands in a heading or table; define it "
                    "in a sentence."
                )
            for sentence in END.split(" ".join(line.lstrip("-> ").split())):
                found += [
                    Entry(term, TERM.sub(r"\1", sentence), lab, section)
                    for term in TERM.findall(sentence)
                ]
    return found


def glossary(labs: dict[str, nbformat.NotebookNode]) -> str:
    """Return the page; labs: number -> notebook.

    ValueError: a term is defined twice.
    """
    known: dict[str, Entry] = {}
    for lab, notebook in labs.items():
        for entry in entries(notebook, lab):
            first = known.setdefault(entry.term.casefold(), entry)
            if first is not entry:
                raise ValueError(
                    f"{entry.term!r} is defined in lab {first.lab}, {first.section}, "
                    f"and in lab {lab}, {entry.section}; set it in bold italics once."
                )
    lines = [
        f"**{one.term}** · {one.sentence} *(lab {one.lab}, {one.section})*"
        for _, one in sorted(known.items())
    ]
    return "\n\n".join([TOP.rstrip("\n"), *lines]) + "\n"


def solutions() -> dict[str, nbformat.NotebookNode]:
    """Return all solutions, by number."""
    return {
        path.stem.split("_")[0]: nbformat.read(path, as_version=4)
        for path in cut.solutions([])
    }


def main(place: Path = PLACE) -> int:
    """Write the page; 1 where a term is defined badly."""
    try:
        changed = cut.write(place, glossary(solutions()))
    except (ValueError, OSError) as error:
        print(f"glossary.py: {error}", file=sys.stderr)
        return 1
    print(f"{place.name}: {'written' if changed else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
