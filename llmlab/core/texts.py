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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from llmlab.core import bands, corpus, machine, writing
from llmlab.core.corpus import TextFile

SHORT_BYTES = 12_000
MASK = "[MASK]"  # stands for a module's name in a snippet
MANIFEST = "data.json"
PACKAGE, FILE = ("package", "version", "licence"), ("path", "sha256", "split")
# Models that share a manifest, which stands with the first of them.
FAMILIES = (("coder", "coder-small", "coder-rnn"),)


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
    writing.write(path, manifest_text([file.entry() for file in listed]))


def manifest_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as `read_manifest` reads them, each package's together."""
    groups: dict[tuple, list[list[str]]] = {}
    for row in rows:
        key = *(row[part] for part in PACKAGE), tuple(row.get("models", ()))
        groups.setdefault(key, []).append([row[part] for part in FILE])
    found = []
    for (*package, models), listed in groups.items():
        group: dict[str, Any] = dict(zip(PACKAGE, package, strict=True))
        found.append(group | ({"models": models} if models else {}) | {"files": listed})
    return json.dumps(found, separators=(",", ":")) + "\n"


def read_manifest(path: Path, model: str | None = None) -> list[dict[str, Any]]:
    """Return one row per file of a manifest; ValueError when it is damaged.

    A family of models shares one, where a row that not all of them read carries
    "models". model: only what this one read, without saying who else did.
    """
    try:
        return [
            {part: group[part] for part in PACKAGE}
            | dict(zip(FILE, file, strict=True))
            | ({} if model or "models" not in group else {"models": group["models"]})
            for group in json.loads(path.read_text())
            for file in group["files"]
            if model in (None, *group.get("models", [model]))
        ]
    except (json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is not a manifest ({error}); get it again."
        ) from error


def manifest_path(folder: Path) -> Path:
    """Return where it stands what the model in this folder learnt from.

    That is data.json in the folder, or in that of the first of its family beside it.
    """
    family = _family(folder)
    shared = folder.parent / family[0] / MANIFEST
    own = folder / MANIFEST
    return shared if shared.exists() and not own.exists() else own


def manifest_of(folder: Path) -> list[dict[str, Any]]:
    """Return one row per file that the model in this folder learnt from, or that was
    held out; ValueError when its manifest is damaged."""
    in_family = len(_family(folder)) > 1
    return read_manifest(manifest_path(folder), folder.name if in_family else None)


def _family(folder: Path) -> tuple[str, ...]:
    """Return the names of those that share a manifest with the model in this folder."""
    return next((each for each in FAMILIES if folder.name in each), (folder.name,))


def is_unseen(text: str, manifest: Path, model: str | None = None) -> bool:
    """Say whether no training file of the manifest is exactly this text.

    model: only what this one of a family read.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    rows = read_manifest(manifest, model)
    return all(r["sha256"] != digest or r["split"] != "training" for r in rows)
