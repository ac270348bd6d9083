"""What takes longer than a lab may, as it was recorded for the weights that ship."""

import dataclasses
from dataclasses import dataclass

from llmlab.core import quantities, recording
from llmlab.core.records import Record
from llmlab.models import files

TRANSLATOR = "translator"


@dataclass(frozen=True)
class Recorded:
    """Facts that ran elsewhere, each with its machine and date."""

    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return the facts."""
        return list(self.facts)


def recorded(what: str) -> Recorded:
    """Return what is recorded of pruned models.

    what: "translator", its right answers by sparsity, magnitude in each layer. Raises
    ValueError for another word, and where nothing is recorded for the weights that ship
    here.
    """
    made = {TRANSLATOR: _translator}
    if what not in made:
        raise ValueError(f"what={what!r} is not recorded; choose one of {[*made]}.")
    facts = made[what]()
    if not facts:
        raise ValueError(
            f"what={what!r}: nothing is recorded for the weights that ship; run the "
            "command of benchmarks/ that writes it."
        )
    return Recorded(tuple(facts))


def _translator() -> list[Record]:
    rows = _of("pruning_grid", "translator", quantities.EXACT_MATCH.name)
    return [
        dataclasses.replace(row, details={"sparsity": row.details["sparsity"]})
        for row in rows
    ]


def _of(file: str, subject: str, name: str) -> list[Record]:
    version = files.fingerprint(files.weight_files(files.find(subject)))
    return [
        fact
        for fact in recording.shipped(file)
        if (fact.subject, fact.name, fact.weights) == (subject, name, version)
    ]
