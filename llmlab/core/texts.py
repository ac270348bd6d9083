"""The texts that models learn from and are judged by.

`evaluation()` is frozen: small unrelated programs written for this project, the same
everywhere, so that figures on it can be compared. The training text is whatever Python
sources this installation holds (`core.corpus`), listed once and remembered.
"""

import functools
import hashlib
import importlib.metadata
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from llmlab.core import bands, corpus, machine, writing
from llmlab.core.corpus import TextFile

SHORT_BYTES = 12_000
MASK = "[MASK]"  # stands for a module's name in a snippet


@dataclass(frozen=True)
class Snippet:
    """A few lines of code, masked, and the standard module that they use."""

    module: str
    code: str
    source: str  # the file that it is cut from


@functools.cache
def evaluation_files() -> dict[str, str]:
    """Return the frozen programs by name, in order."""
    folder = resources.files("llmlab.core") / "evaluation"
    chosen = sorted(f.name for f in folder.iterdir() if f.name.endswith(".py"))
    return {name: (folder / name).read_text("utf-8") for name in chosen}


def evaluation() -> str:
    """Return the frozen evaluation text: every program, one behind the other."""
    return "".join(evaluation_files().values())


def short_files() -> dict[str, str]:
    """Return the programs of `short()`: every n-th of all, up to 12 KB."""
    files = evaluation_files()
    size, chosen = 0, {}
    for name in list(files)[:: max(1, len(files) // 4)]:
        size += len(files[name].encode())
        if size > SHORT_BYTES:
            break
        chosen[name] = files[name]
    return chosen


def short() -> str:
    """Return the 12 KB part of the evaluation text, for quick looks in labs."""
    return "".join(short_files().values())


@functools.cache
def number_pairs() -> tuple[bands.Pair, ...]:
    """Return the 2,000 frozen pairs of number words, English and French.

    In random order, so that any first part of them is a fair sample.
    """
    return bands.read()


@functools.cache
def snippets() -> tuple[Snippet, ...]:
    """Return the frozen snippets that a classifier is judged by, module by module."""
    text = (resources.files("llmlab.core") / "snippets.json").read_text("utf-8")
    return tuple(Snippet(**row) for row in json.loads(text))


def training_files() -> list[TextFile]:
    """Return the source files of this installation that models may learn from."""
    return [file for file in files() if file.split == "training"]


def held_out_files() -> list[TextFile]:
    """Return the source files of this installation that no recipe learns from."""
    return [file for file in files() if file.split == "held out"]


@functools.cache
def files() -> tuple[TextFile, ...]:
    """List all usable files; the first call of an installation takes about a minute.

    The list is kept in the cache folder under the versions of all packages involved;
    a damaged list is made again.
    """
    path = machine.cache_folder() / f"corpus-{_installation()}.json"
    try:
        rows = json.loads(path.read_text())
        return tuple(TextFile(**row | {"folder": Path(row["folder"])}) for row in rows)
    except (OSError, ValueError, TypeError, KeyError):
        pass  # not listed yet, or damaged: list again
    found = tuple(corpus.files())
    rows = [file.entry() | {"folder": str(file.folder)} for file in found]
    writing.write(path, json.dumps(rows))
    return found


def _installation() -> str:
    """Return a name for this set of packages and these rules of selection."""
    import platform

    packages = [
        f"{name} {importlib.metadata.version(name)}" for name in corpus.packages()
    ]
    rules = Path(corpus.__file__).read_text()
    everything = [platform.python_version(), os.__file__, *packages, rules]
    return hashlib.sha256("\n".join(everything).encode()).hexdigest()[:16]


def write_manifest(listed: Sequence[TextFile], path: Path) -> None:
    """Write which files a model learnt from: per package, path, sha256 and split."""
    packages: dict[tuple[str, str, str], list[list[str]]] = {}
    for file in listed:
        key = file.package, file.version, file.licence
        packages.setdefault(key, []).append([file.path, file.sha256, file.split])
    rows = [
        {"package": p, "version": v, "licence": c, "files": found}
        for (p, v, c), found in packages.items()
    ]
    writing.write(path, json.dumps(rows, separators=(",", ":")) + "\n")


def read_manifest(path: Path) -> list[dict[str, str]]:
    """Return one row per file of a manifest; ValueError when it is damaged."""
    try:
        return [
            {
                "package": group["package"],
                "version": group["version"],
                "licence": group["licence"],
                "path": place,
                "sha256": digest,
                "split": split,
            }
            for group in json.loads(path.read_text())
            for place, digest, split in group["files"]
        ]
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a manifest ({error}); get it again."
        ) from error


def is_unseen(text: str, manifest: Path) -> bool:
    """Say whether no training file of the manifest is exactly this text."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    rows = read_manifest(manifest)
    return all(r["sha256"] != digest or r["split"] != "training" for r in rows)
