"""Where a training begins: at random, or with weights that another one made.

Weights that were kept on the way (`coder.keep`) say so in resume.json, and the training
goes on at their step, with their log. Any others, such as those that ship, have reached
the end of a plan of their own: a training takes them for its start, and counts from 0.
Both are remembered in the folder, and so is what the weights have learnt from.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmlab.core import atomic
from llmlab.models import files
from llmlab.texts import manifests

LOG, RESUME, DATA = "log.jsonl", "resume.json", "data_before.json"


def begin(folder: Path, weights: Path | None) -> None:
    """Write into a training's folder what it goes on from, None for random weights."""
    for part in (LOG, RESUME, DATA):  # of a start that came to nothing
        (folder / part).unlink(missing_ok=True)
    if weights is None:
        return
    remember(folder, weights)
    if (weights / RESUME).exists():
        shutil.copy(weights / LOG, folder)


def remember(folder: Path, weights: Path) -> None:
    """Write which weights a training goes on from, and what those have learnt from."""
    if manifests.manifest_path(weights).exists():
        rows = manifests.manifest_of(weights)
        atomic.write(folder / DATA, manifests.manifest_text(rows))
    if (weights / RESUME).exists():
        shutil.copy(weights / RESUME, folder)
    else:
        facts = {
            "steps": 0,
            "started_from": files.fingerprint(files.weight_files(weights)),
        }
        atomic.write(folder / RESUME, json.dumps(facts) + "\n")


def before(folder: Path) -> dict[str, Any] | None:
    """Return `steps` and `machine` of the weights that a training went on from.

    Of weights that were a start, `steps` is 0 and `started_from` their version.
    """
    path = folder / RESUME
    return json.loads(path.read_text()) if path.exists() else None


def started_from(before: Mapping[str, Any] | None) -> str | None:
    """Return the version of the weights at the beginning of it all, None if random."""
    while before:
        if "started_from" in before:
            return before["started_from"]
        before = before.get("before")
    return None


def learnt_from(folder: Path) -> list[dict[str, Any]]:
    """Return a row per file that the weights in training have read, or hold out."""
    rows = manifests.read_manifest(folder / manifests.MANIFEST)
    if (folder / DATA).exists():
        known_rows = {tuple(row.values()) for row in rows}
        earlier = manifests.read_manifest(folder / DATA)
        rows += [row for row in earlier if tuple(row.values()) not in known_rows]
    return rows
