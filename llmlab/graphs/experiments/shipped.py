"""What `benchmarks/graphs_ladder.py` recorded, for what cannot be built here."""

import dataclasses

from llmlab.core import recording
from llmlab.core.records import Record

FILE = "graphs_ladder"  # in llmlab/recorded
COMMAND = f"python benchmarks/{FILE}.py"
FLOAT, HALF, WHOLE = "fp32", "bf16", "int8"
FORMATS = (FLOAT, HALF, WHOLE)


def of(name: str, machine: str = "") -> tuple[Record, ...]:
    """Return the facts of one name, of a machine or of the one recorded last.

    name: of a model, or "levels", which subjects in the file begin with. A model in
    another format than float32 is called so: "coder in bf16" (`in_format`).
    """
    start = f"{name}: "
    facts = [f for f in recording.shipped(FILE) if f.subject.startswith(start)]
    if facts and not machine:
        machine = str(max((fact.date or "", fact.machine) for fact in facts)[1])
    return tuple(
        dataclasses.replace(fact, subject=fact.subject.removeprefix(start))
        for fact in facts
        if fact.machine == machine
    )


def nothing(model: str) -> str:
    """Say that nothing ships of a model, and what records it."""
    return f"Nothing is recorded of {model}; {COMMAND} does it."


def in_format(model: str, dtype: str) -> str:
    """Return what a model in a format is called: "coder", "coder in bf16"."""
    return model if dtype == FLOAT else f"{model} in {dtype}"
