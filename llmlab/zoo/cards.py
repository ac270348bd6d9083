"""What the cards of several models have in common: how they are written, some rows."""

import dataclasses
import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from llmlab import models
from llmlab.core import atomic, machine
from llmlab.models import surgery
from llmlab.texts import manifests

LICENCE = "| licence | Apache-2.0; the training text itself is not part of it |"
FRONT = """\
---
license: apache-2.0
library_name: transformers
---"""


def publish(
    model: nn.Module,
    target: Path,
    *,
    tokenizer: Any,
    name: str,
    files: Mapping[str, str],
    text_of: Callable[[nn.Module, Path], str],
    beside: Mapping[str, str] | None = None,
) -> Path:
    """Write bf16 weights, tokenizer and card into `target`, all of it or nothing.

    files: what else stands there, by name. text_of: the card, from what ships, loaded
    again in fp32, and the folder where it stands so far. beside: files of other
    folders, by the way from `target`, written last, when all the rest is ready.
    """
    with atomic.replacing_folder(target, holding="config.json") as place:
        half = surgery.clone(model).to("cpu", torch.bfloat16)
        half.tokenizer = tokenizer
        models.save(half, place)
        for file, content in files.items():
            atomic.write(place / file, content)
        shipped = models.load(place)
        shipped.name = name
        atomic.write(place / "README.md", text_of(shipped, place))
        for path, content in (beside or {}).items():
            atomic.write((target.expanduser() / path).resolve(), content)
    return target


def data(rows: Sequence[Mapping[str, Any]], place: str = manifests.MANIFEST) -> str:
    """Return the row of the training files: how many, of what, under which terms.

    rows: those of a manifest; place: where it stands, as the card's reader finds it.
    """
    training = [row for row in rows if row["split"] == "training"]
    licences = Counter(row["licence"] for row in training).most_common()
    packages = {row["package"] for row in training}
    return (
        f"| data | {len(training):,} files of {len(packages)} packages, each listed in "
        f"`{place}`; licences: {', '.join(f'{k} ({n:,})' for k, n in licences)} |"
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
        there = before.get("machine", "another machine")
        if before["steps"]:
            label += f"; the first {before['steps']:,} steps on {there}"
        before = before.get("before")
    today = datetime.date.today().isoformat()
    return f"| made on | {label}, in {time} of training, {today} |"
