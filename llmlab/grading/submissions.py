"""Submissions as they were collected: whose they are, which lab, which cells.

nbgrader keeps `submitted/<learner>/<lab>/<lab>.ipynb`. Moodle, Canvas and others give
files with the learner's name before that of the lab, or a folder for each learner. What
cannot be read is reported with its reason; the others go on.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab.grading.cells import Cell

LARGEST = 5 * 2**20  # bytes; a lab with all its pictures has a tenth of it
MARK = re.compile(r"[ _-]*(\(\d+\)|-\d+|-copy\d*)?$", re.IGNORECASE)


@dataclass(frozen=True)
class Submission:
    """One notebook of one learner."""

    learner: str
    lab: str  # the name of its notebook: 01_measure
    path: Path
    cells: list[Cell]
    timestamp: str = ""  # as nbgrader wrote it when it collected


@dataclass(frozen=True)
class Problem:
    """A file that is not graded, and why."""

    path: Path
    reason: str


def folder(place: Path, labs: Sequence[str]) -> tuple[list[Submission], list[Problem]]:
    """Return what lies in a folder, in the order of learners, and what is no use.

    labs: the names of the notebooks that can be graded. ValueError: no such folder, or
    none of their names in it.
    """
    if not place.is_dir():
        raise ValueError(f"FOLDER={str(place)!r} is no folder; give that with the "
                         "submissions, such as submitted.")  # fmt: skip
    root = place / "submitted" if (place / "submitted").is_dir() else place
    submissions: dict[tuple[str, str], Submission] = {}
    problems, twice = [], set()
    for path in sorted(_notebooks(root)):
        try:
            one = _submission(path, root, labs)
        except ValueError as error:
            problems.append(Problem(path, str(error)))
            continue
        key = one.learner, one.lab
        if key in submissions or key in twice:
            problems.append(Problem(path, _twice(*key)))
            if key not in twice:
                problems.append(Problem(submissions.pop(key).path, _twice(*key)))
            twice.add(key)
        else:
            submissions[key] = one
    if not submissions and not problems:
        raise ValueError(
            f"FOLDER={str(place)!r} holds no notebook; a submission is "
            f"submitted/<learner>/<lab>/<lab>.ipynb, or <learner>_{labs[0]}.ipynb."
        )
    return [submissions[key] for key in sorted(submissions)], problems


def _twice(learner: str, lab: str) -> str:
    return f"{learner} has two files for {lab}; keep the one that counts."


def _notebooks(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.ipynb"):
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if not hidden:
            yield path


def _submission(path: Path, root: Path, labs: Sequence[str]) -> Submission:
    learner, lab = _names(path.relative_to(root), labs)
    stamp = path.with_name("timestamp.txt")
    when = stamp.read_text(errors="replace").strip()[:40] if stamp.is_file() else ""
    return Submission(learner, lab, path, _cells(path), when)


def _names(path: Path, labs: Sequence[str]) -> tuple[str, str]:
    """Return learner and lab: from the folders, or from the name of a flat file."""
    stem = MARK.sub("", path.stem)
    for lab in labs:
        if stem == lab and len(path.parts) > 1:
            return path.parts[0], lab
        if stem.endswith(lab) and len(stem) > len(lab):
            learner = stem.removesuffix(lab).strip(" _-")
            if learner and len(path.parts) == 1:
                return learner, lab
    raise ValueError(
        f"its name is none of a lab; call it <learner>_{labs[0]}.ipynb, or keep it in "
        "a folder of the learner under the name of the lab."
    )


def _cells(path: Path) -> list[Cell]:
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is a link, not a file; submissions are read as files.")
    size = path.stat().st_size
    if size > LARGEST:
        raise ValueError(f"it has {size / 2**20:.1f} MiB; a lab has 5 at most.")
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        every = notebook["cells"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError("it is no notebook of format 4 in UTF-8.") from None
    if not isinstance(every, list) or not all(isinstance(one, dict) for one in every):
        raise ValueError("its cells are no cells of a notebook.")
    return every
