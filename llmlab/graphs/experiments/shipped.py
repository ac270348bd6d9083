"""What `benchmarks/graphs_ladder.py` recorded, for what cannot be built here."""

import dataclasses

from llmlab.core import recording
from llmlab.core.records import Record

FILE = "graphs_ladder"  # in llmlab/recorded
COMMAND = f"python benchmarks/{FILE}.py"


def of(name: str) -> tuple[Record, ...]:
    """Return the facts of one name, of the machine that was recorded last.

    name: of a model, or "levels", which subjects in the file begin with.
    """
    start = f"{name}: "
    facts = [f for f in recording.shipped(FILE) if f.subject.startswith(start)]
    last = max((fact.date or "", fact.machine) for fact in facts)[1] if facts else ""
    return tuple(
        dataclasses.replace(fact, subject=fact.subject.removeprefix(start))
        for fact in facts
        if fact.machine == last
    )
