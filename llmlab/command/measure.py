"""`llmlab measure`: one model on this machine, as a table, JSON and a picture."""

import argparse
import dataclasses
import shlex
import tempfile
from pathlib import Path

from llmlab.command import terminal
from llmlab.core import machine, records

COLUMNS = ("name", "phase", "batch", "value", "interval", "kind")


def run(options: argparse.Namespace) -> int:
    """Measure one causal model and show what was found.

    The folder is tried before the work, so that a minute of measuring is not lost.
    """
    folder = _writable(Path(options.out).expanduser()) if options.out else None
    machine.set_threads()
    dtype, device = machine.dtype(options.dtype), machine.device(options.device)

    from llmlab import models
    from llmlab.measure import report
    from llmlab.models import generation

    model = models.load(options.model, dtype=dtype, device=device)
    if not hasattr(model, "new_cache"):
        raise ValueError(
            f"--model {options.model} is no causal language model, and only these are "
            f"measured here; take one such as {' or '.join(models.names())}."
        )
    facts = report.one_model(model, stream=generation.stream_batch)
    found = _with_command(facts, options)
    title = f"{options.model} {machine.dtype_name(dtype)}: {machine.describe().label}"
    print(terminal.paint(title, "bold"))
    print(records.table(found, COLUMNS), flush=True)
    if folder:
        name = f"{Path(options.model).name}_{machine.dtype_name(dtype)}"
        for path in _save(found, folder / name):
            print(f"written {path}")
    return 0


def _writable(folder: Path) -> Path:
    """Make the folder and write into it once; OSError says why it cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _with_command(found, options: argparse.Namespace) -> list[records.Record]:
    words = ["llmlab", "measure", "--model", options.model, "--dtype", options.dtype]
    if options.device != "cpu":
        words += ["--device", options.device]
    again = shlex.join(words)
    return [dataclasses.replace(each, command=again) for each in found]


def _save(found: list[records.Record], stem: Path) -> list[Path]:
    """Write JSON and picture, each whole or not at all; return their paths."""
    from llmlab import show

    facts, picture = Path(f"{stem}.json"), Path(f"{stem}.png")
    records.save(found, facts)
    card = show.plots.model_card(found)
    show.figure(card, alt=f"What llmlab measured of {stem.name}").save(picture)
    return [facts, picture]
