"""Copy the labs into the learner's folder without ever losing the learner's work.

A notebook counts as changed when the sources of its cells differ; outputs and execution
counts do not matter. What the learner changed is left alone, and the lab as it ships
goes beside it as `01_measure.new.ipynb`. A lab that the learner never touched follows
a newer llmlab: `.llmlab/labs.json` remembers what was copied.

A file is written beside its place and then renamed, so that a full disk, Ctrl-C or a
power cut leaves the old file or the new one, never half of one.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

IGNORED = {".ipynb_checkpoints", ".llmlab", "__pycache__"}


def copy_labs(source: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Copy every file of `source` into `folder`; yield what was done to which file.

    What was done is "copied", "updated" (an older version, never touched), "kept" (the
    same sources) or "beside" (yours is changed; this path holds the lab as it ships).
    """
    memory = _Memory(folder)
    for original in files(source):
        target = folder / original.relative_to(source)
        fresh = digest(original)
        name = target.relative_to(folder).as_posix()
        if not target.exists():
            done = "copied"
        elif digest(target) == fresh:
            done = "kept"
        elif digest(target) == memory.copied(name):
            done = "updated"
        else:
            done, target = "beside", _beside(target, fresh)
        if done == "updated" or not target.exists():
            write(target, original.read_bytes(), folder)
        if done in ("copied", "updated"):
            memory.remember(name, fresh)
        yield done, target


def files(folder: Path) -> list[Path]:
    """Return the files below a folder, sorted, without caches and journals."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not IGNORED & set(path.relative_to(folder).parts)
    )


def digest(path: Path) -> str:
    """Return the sha256 of what a learner writes: a notebook's sources, else all."""
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        try:
            cells = json.loads(content)["cells"]
            sources = [[c["cell_type"], "".join(c["source"])] for c in cells]
            content = json.dumps(sources).encode()
        except (ValueError, KeyError, TypeError):
            pass  # no notebook (any more): its bytes are what the learner has
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes, folder: Path) -> None:
    """Write a file of a learner's folder whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    workshop = folder / ".llmlab"
    workshop.mkdir(exist_ok=True)
    part = workshop / f"{path.name}.{os.getpid()}.part"
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _beside(target: Path, fresh: str) -> Path:
    """Return the free name for a fresh copy, or the one that already holds it."""
    number = 1
    while True:
        mark = "new" if number == 1 else f"new-{number}"
        path = target.with_name(f"{target.stem}.{mark}{target.suffix}")
        if not path.exists() or digest(path) == fresh:
            return path
        number += 1


class _Memory:
    """Which version of each lab was copied into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / ".llmlab" / "labs.json"
        try:
            self.digests = dict(json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            self.digests = {}  # then every difference counts as the learner's

    def copied(self, name: str) -> str | None:
        return self.digests.get(name)

    def remember(self, name: str, digest: str) -> None:
        self.digests[name] = digest
        write(self.path, json.dumps(self.digests, indent=1).encode(), self.folder)
