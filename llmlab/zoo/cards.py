"""What the cards of several models say in the same words."""

import dataclasses
import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmlab.core import machine, texts

LICENCE = "| licence | Apache-2.0; the training text itself is not part of it |"
FRONT = """\
---
license: apache-2.0
library_name: transformers
---"""


def data(manifest: Path) -> str:
    """Return the row of the training files: how many, of what, under which terms."""
    listed = texts.read_manifest(manifest)
    training = [row for row in listed if row["split"] == "training"]
    licences = Counter(row["licence"] for row in training).most_common()
    packages = {row["package"] for row in training}
    return (
        f"| data | {len(training):,} files of {len(packages)} packages, each listed in "
        f"`data.json`; licences: {', '.join(f'{k} ({n:,})' for k, n in licences)} |"
    )


def made(
    log: Sequence[Mapping], *, device: str = "cpu", before: Mapping | None = None
) -> str:
    """Return the row of machine, time and day.

    before: `steps` and `machine` of what the training went on from, and what that went
    on from as its own `before`.
    """
    minutes = sum(row.get("seconds", 0) for row in log) / 60
    time = f"{minutes:.0f} minutes" if minutes < 90 else f"{minutes / 60:.1f} hours"
    here = machine.describe()
    label = here.label
    if device == "cpu":
        label = f"{dataclasses.replace(here, gpu=None).label}, without a GPU"
    while before:
        label += f"; the first {before['steps']:,} steps on {before['machine']}"
        before = before.get("before")
    today = datetime.date.today().isoformat()
    return f"| made on | {label}, in {time} of training, {today} |"
