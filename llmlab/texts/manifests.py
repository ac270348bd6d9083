"""Manifests: which files a model learnt from, and which were held out.

A manifest (data.json) stands beside the weights; models of a family share one.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab.core import atomic
from llmlab.texts.corpus import TextFile

MANIFEST = "data.json"
PACKAGE, FILE = ("package", "version", "licence"), ("path", "sha256", "split")
# Models that share a manifest, which stands with the first of them.
FAMILIES = (("coder", "coder-small", "coder-rnn", "coder-distilled"),)


def write_manifest(listed: Sequence[TextFile], path: Path) -> None:
    """Write which files a model learnt from: per package, path, sha256 and split."""
    atomic.write(path, manifest_text([file.entry() for file in listed]))


def manifest_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as `read_manifest` reads them, each package's together."""
    groups: dict[tuple, list[list[str]]] = {}
    for row in rows:
        key = *(row[part] for part in PACKAGE), tuple(row.get("models", ()))
        groups.setdefault(key, []).append([row[part] for part in FILE])
    entries = []
    for (*package, models), listed in groups.items():
        group: dict[str, Any] = dict(zip(PACKAGE, package, strict=True))
        entries.append(
            group | ({"models": models} if models else {}) | {"files": listed}
        )
    return json.dumps(entries, separators=(",", ":")) + "\n"


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
    manifest = folder / MANIFEST
    return shared if shared.exists() and not manifest.exists() else manifest


def manifest_of(folder: Path) -> list[dict[str, Any]]:
    """Return one row per file that the model in this folder learnt from, or that was
    held out; ValueError when its manifest is damaged."""
    in_family = len(_family(folder)) > 1
    return read_manifest(manifest_path(folder), folder.name if in_family else None)


def _family(folder: Path) -> tuple[str, ...]:
    """Return the names of those that share a manifest with the model in this folder."""
    return next(
        (family for family in FAMILIES if folder.name in family), (folder.name,)
    )


def is_unseen(text: str, manifest: Path, model: str | None = None) -> bool:
    """Say whether no training file of the manifest is exactly this text.

    model: only what this one of a family read.
    """
    digest = hashlib.sha256(text.encode()).hexdigest()
    rows = read_manifest(manifest, model)
    return all(r["sha256"] != digest or r["split"] != "training" for r in rows)
