"""Copy the labs into the learner's folder without ever losing the learner's work.

A notebook counts as changed when the sources of its cells differ; outputs and execution
counts do not matter. What the learner changed is left alone, and the lab as it ships
goes beside it as `01_measure.new.ipynb`. A lab that the learner never touched follows
a newer llmlab: `.llmlab/labs.json` remembers what was copied.

A file is written beside its place and then renamed, so that a full disk, Ctrl-C or a
power cut leaves the old file or the new one, never half of one. What stands in a lab's
place and is no file, such as a link to a drive that is not there, stays as it is, and
the other labs still come.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from llmlab.core import atomic

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no other file would fit either
WORKSHOP = ".llmlab"  # of a learner's folder: what was copied, and half-written files
IGNORED = {".ipynb_checkpoints", WORKSHOP, "__pycache__"}


def copy_labs(source: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Copy every file of `source` into `folder`; yield what was done to which file.

    What was done is "copied", "updated" (an older version, never touched), "kept" (the
    same sources), "beside" (yours is changed; this path holds the lab as it ships), or
    why this place cannot take the lab, a sentence about it that ends in a full stop.
    Raises OSError where the disk is full.
    """
    memory = _Memory(folder)
    for original in files(source):
        target = folder / original.relative_to(source)
        try:
            yield _copy(original, target, folder, memory)
        except OSError as error:
            if _cause(error).errno in FULL:
                raise
            yield f"{_reason(error)}; choose another folder for the labs.", target
    if memory.trouble:
        yield memory.trouble, memory.path.parent


def _copy(
    original: Path, target: Path, folder: Path, memory: "_Memory"
) -> tuple[str, Path]:
    """Copy one file, and say what was done to which."""
    fresh, name = digest(original), target.relative_to(folder).as_posix()
    if why := _blocked(target):
        return why, target
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
    return done, target


def _blocked(target: Path) -> str:
    """Say why a place can take no lab; "" where it can."""
    if target.is_symlink() and not target.exists():
        return (
            f"is a link to {os.readlink(target)}, which is not there; bring it back, "
            "or take the link away."
        )
    if target.is_dir():
        return "is a folder; move it away."
    if target.exists() and not target.is_file():
        return "is a pipe, a socket or a device, and no file; move it away."
    return ""


def _cause(error: OSError) -> OSError:
    return error.__cause__ if isinstance(error.__cause__, OSError) else error


def _reason(error: OSError) -> str:
    """Say in a few words why a file could not be read or written."""
    cause = _cause(error)
    return f"cannot be read or written ({cause.strerror or cause})"


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
        except (ValueError, KeyError, TypeError, RecursionError):
            pass  # no notebook (any more): its bytes are what the learner has
    return hashlib.sha256(content).hexdigest()


def write(path: Path, content: bytes, folder: Path) -> None:
    """Write a file of a learner's folder whole or not at all.

    What a kill leaves half-written lies in .llmlab, where nobody works, if that is a
    folder. A link keeps pointing where it points.
    """
    workshop = folder / WORKSHOP
    usable = not workshop.is_symlink() and (workshop.is_dir() or not workshop.exists())
    if path.is_symlink() or not usable:
        atomic.write(path.resolve(), content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
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
        free = not os.path.lexists(path)
        if free or (path.is_file() and digest(path) == fresh):
            return path
        number += 1


class _Memory:
    """Which version of each lab was copied into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / WORKSHOP / "labs.json"
        self.trouble = ""  # why nothing is remembered
        self.digests: dict[
            str, str
        ] = {}  # then every difference counts as the learner's
        place = self.path.parent
        if place.is_symlink() or (place.exists() and not place.is_dir()):
            self.trouble = (
                "is no folder, so it is not noted there what was copied; put one in "
                "its place, or take it away."
            )
            return
        try:
            if self.path.is_file():
                self.digests = dict(json.loads(self.path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, RecursionError):
            pass

    def copied(self, name: str) -> str | None:
        return self.digests.get(name)

    def remember(self, name: str, digest: str) -> None:
        self.digests[name] = digest
        if self.trouble:
            return
        try:
            write(self.path, json.dumps(self.digests, indent=1).encode(), self.folder)
        except OSError as error:
            self.trouble = f"{_reason(error)}, so it is not noted what was copied."
