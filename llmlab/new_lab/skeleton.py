"""The files of a new lab: what is written, which lists get a line, what is left.

Texts stand in `templates`, with $word, $number, $title and $name to be replaced. All
places are looked at before the first file is written, so a lab is made whole or not.
"""

import re
import string
from pathlib import Path

import nbformat

import llmlab
from llmlab.command import labs
from llmlab.core import atomic
from llmlab.new_lab import notebook

TEMPLATES = Path(__file__).parent / "templates"
ROOMS = ("llmlab/__init__.py", "llmlab/checks/__init__.py", "llmlab/show/__init__.py")
FACES = "\n__getattr__, __dir__ = faces.of(__name__, __all__)\n"
MINUTES = 2  # of the machine, until it was measured
TEACHING = "docs/teaching.md"


def make(word: str, folder: Path) -> str:
    """Write the skeleton of a lab into a checkout; return what is left to fill.

    folder: where its solutions stand. Raises ValueError for a word that is no lab's, a
    folder outside a checkout, and a file that exists already; then nothing is written.
    """
    if word not in llmlab.WORDS:
        raise ValueError(
            f"WORD={word!r} is no lab's word; choose one of {', '.join(llmlab.WORDS)}."
        )
    root = folder.resolve().parent
    if not (root / "llmlab" / "__init__.py").exists():
        raise ValueError(
            f"folder={str(folder)!r} lies in no checkout of llmlab; give the folder "
            "solutions of one."
        )
    files = _files(word, folder.resolve(), root)
    there = [str(path.relative_to(root)) for path in files if path.exists()]
    if there:
        raise ValueError(
            f"{', '.join(there)} exist and are kept as they are; move them away first."
        )
    changed = {root / name: _listed(root / name, word) for name in ROOMS}
    changed[root / TEACHING] = _taught(root / TEACHING, word)
    for path, text in (files | changed).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write(path, text)
    return _left(word, [path.relative_to(root) for path in files])


def _files(word: str, solutions: Path, root: Path) -> dict[Path, str]:
    """Return the new files with their texts."""
    values = {
        "word": word,
        "number": labs.number(word),
        "title": labs.row(word).question,
        "names": ", ".join(f'"{name}"' for name in notebook.NAMES),
    }
    package, tests = root / "llmlab", root / "tests" / word
    places = {
        package / word / "__init__.py": "room",
        package / word / "quantities.py": "quantities",
        package / word / "experiments.py": "experiments",
        package / "checks" / word / "__init__.py": "checks",
        package / "show" / word / "__init__.py": "show",
        package / "show" / word / "drawings.py": "drawings",
        tests / "test_checks.py": "test_checks",
        tests / "test_show.py": "test_show",
        tests / f"test_{word}.py": "test_room",
    }
    files = {path: _filled(name, values) for path, name in places.items()}
    for place, name in enumerate(notebook.NAMES, start=1):
        path = package / "checks" / word / f"{name}.py"
        files[path] = _filled("check", values | {"name": name, "place": str(place)})
    made = notebook.build(word, labs.number(word), labs.row(word).question)
    files[solutions / labs.notebook(word)] = nbformat.writes(made).rstrip("\n") + "\n"
    return files


def _filled(name: str, values: dict[str, str]) -> str:
    text = (TEMPLATES / f"{name}.txt").read_text(encoding="utf-8")
    return string.Template(text).substitute(values)


def _listed(path: Path, word: str) -> str:
    """Return a room's text with the word among what is public.

    In llmlab's, the room stands in the docstring, and the lab in LABS with its minutes.
    """
    text = path.read_text(encoding="utf-8")
    if text.count(FACES) != 1:
        raise ValueError(
            f"{path} does not end with {FACES.strip()!r}; add {word} there."
        )
    text = text.replace(FACES, f'\n__all__ += ["{word}"]{FACES}')
    said = f"{word:<16}  lab {int(labs.number(word))}: FILL in a line"
    text = re.sub(r"^(?=checks {2,}\S)", f"{said}\n", text, count=1, flags=re.M)
    row = re.compile(rf'(Lab\(\s*"{word}",\s*"[^"]+",\s*)None')
    return row.sub(rf"\g<1>{MINUTES}", text)


def _taught(path: Path, word: str) -> str:
    values = {"word": word, "number": labs.number(word)}
    before = path.read_text(encoding="utf-8") if path.exists() else "# Teaching\n"
    return before.rstrip("\n") + "\n\n" + _filled("teaching", values)


def _left(word: str, made: list[Path]) -> str:
    """Write what was made, and what a person has to do."""
    number, row = labs.number(word), labs.row(word)
    left = [
        f"every FILL: grep -rn FILL llmlab docs solutions/*_{word}.ipynb tests/{word}",
        f"python solutions/cut.py {number}_{word}: the worked examples, and the lab",
        "python solutions/counts.py: what is still missing of the pattern",
        f"make run-lab {word}: the outputs; then the minutes of the machine in LABS",
        "tests/labs/terms.json: the terms that the lab defines; solutions/glossary.py",
        "docs/labs: the lab's page, which solutions/pages.py writes",
        "pyproject.toml: show's pictures may import the lab's quantities",
        f"README.md: the row of {number} {row.question}, the room, a recipe",
        "CHANGELOG.md, .github/workflows/labs.yml, .github/ISSUE_TEMPLATE/lab.yml",
        f"tests/contracts: what {word} brings of techniques, caches and layers",
    ]
    lines = [f"made      {path}" for path in made]
    lines += [f"changed   {name}" for name in (*ROOMS, TEACHING)]
    return "\n".join([*lines, *(f"left      {item}" for item in left)])
