"""`llmlab measure`: one model on this machine, as a table, JSON and a picture."""

import argparse
import dataclasses
import shlex
import tempfile
from pathlib import Path

from llmlab.command import terminal
from llmlab.core import machine, quantities, records

TOLD = (
    quantities.LATENCY_OF_ANSWERS,
    quantities.EXACT_MATCH,
    quantities.ACCURACY,
    quantities.PREFILL_LATENCY,
    quantities.DECODE_LATENCY,
    quantities.WEIGHTS,
    quantities.BITS_PER_BYTE,
)
COLUMNS = ("name", "phase", "batch", "value", "interval", "kind")


def run(options: argparse.Namespace) -> int:
    """Measure one model and show what was found.

    The folder is tried before the work, so that a minute of measuring is not lost.
    """
    folder = _writable(Path(options.out).expanduser()) if options.out else None
    machine.set_threads()
    dtype = options.dtype and machine.dtype(options.dtype)
    device = machine.device(options.device)
    if options.formats is not None:
        return _formats(options, folder)

    from llmlab import models, show

    model = models.load(options.model, dtype=dtype, device=device)
    facts = _with_command(_facts(model), options)
    form = getattr(model, "format", "") or _dtype_of(model)
    title = f"{options.model} {form}: {machine.describe().label}"
    print(terminal.paint(title, "bold"))
    print(show.table(facts, _columns(facts)), flush=True)
    if folder:
        name = f"{Path(options.model).name}_{form.replace(' ', '-')}"
        for path in _save(facts, folder / name):
            print(f"written {path}")
    return 0


def _formats(options: argparse.Namespace, folder: Path | None) -> int:
    """Compare one model in several formats; the words of each stand in the module."""
    from llmlab.command import formats

    words = options.formats.split(",") if options.formats else formats.DEFAULT
    facts = formats.compare(options.model, words, device=options.device)
    results = _with_command(facts, options)
    print(terminal.paint(f"{options.model}: {machine.describe().label}", "bold"))
    print("\n".join([formats.table(results), *records.notes(results)]), flush=True)
    if folder:
        path = folder / f"{Path(options.model).name}_formats.json"
        records.save(results, path)
        print(f"written {path}")
    return 0


def _dtype_of(model) -> str:
    return machine.dtype_name(next(model.parameters()).dtype)


def _columns(facts: list[records.Record]) -> list[str]:
    """Return the columns that any fact has: an answer has no phase."""
    fields = {field.name for field in dataclasses.fields(records.Record)}
    held = fields.union(*(fact.details for fact in facts))
    return [column for column in COLUMNS if column in held | {"interval"}]


def _facts(model) -> list[records.Record]:
    """Measure a model by what it does: write on, answer texts, or label them."""
    from llmlab.command import answering
    from llmlab.measure import answers, report
    from llmlab.models import generation

    if hasattr(model, "new_cache"):
        return report.one_model(model, stream=generation.stream_batch)
    questions = answering.for_model(model)
    return answers.one_model(
        model, ask=questions.ask, exam=questions.exam, judged=questions.judged
    )


def _writable(folder: Path) -> Path:
    """Make the folder and write into it once; OSError says why it cannot be."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        return folder


def _with_command(facts, options: argparse.Namespace) -> list[records.Record]:
    words = ["llmlab", "measure", "--model", options.model]
    if options.formats is None:
        words += ["--dtype", options.dtype] if options.dtype else []
    else:
        words += ["--formats", options.formats] if options.formats else ["--formats"]
    if options.device != "cpu":
        words += ["--device", options.device]
    again = shlex.join(words)
    return [dataclasses.replace(record, command=again) for record in facts]


def _save(found: list[records.Record], stem: Path) -> list[Path]:
    """Write JSON and picture, each whole or not at all; return their paths."""
    from llmlab import show

    facts, picture = Path(f"{stem}.json"), Path(f"{stem}.png")
    records.save(found, facts)
    show.figure(show.measure.model_card(found), alt=_told(found)).save(picture)
    return [facts, picture]


def _told(facts: list[records.Record]) -> str:
    """Say in one sentence what the picture shows, for who cannot see it."""
    alone = [record for record in facts if record.details.get("batch", 1) == 1]
    names = {quantity.name for quantity in TOLD}
    said = [
        f"{record.name} {record.value_text()}"
        for record in alone
        if record.name in names
    ]
    subject = next(record.subject for record in facts if record.subject)
    return f"{subject}, one sequence: {', '.join(said)}."
