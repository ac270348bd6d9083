"""A grid of records computed before: one cell for each combination of details.

A widget asks it what can be chosen and what is known about a choice; it computes
nothing but the largest of three bounds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.core.records import Record
from llmlab.show import select
from llmlab.show.measure.phases import BOUNDS

Choice = Mapping[str, Any]


@dataclass(frozen=True)
class Grid:
    """Records by the details that a reader may choose."""

    keys: tuple[str, ...]
    records: tuple[Record, ...]

    def options(self, key: str) -> list[Any]:
        """Return the values of one key: numbers in order, words as they came."""
        values = list(dict.fromkeys(record.details[key] for record in self.records))
        return values if any(isinstance(v, str) for v in values) else sorted(values)

    def first(self) -> dict[str, Any]:
        """Return the choice that the first record belongs to."""
        return {key: self.records[0].details[key] for key in self.keys}

    def along(self, choice: Choice, key: str) -> tuple[Record, ...]:
        """Return the records of a choice, for every value of one key."""
        fixed = {other: choice[other] for other in self.keys if other != key}
        return tuple(
            record
            for record in self.records
            if all(
                record.details[fixed_key] == value for fixed_key, value in fixed.items()
            )
        )

    def cell(self, choice: Choice) -> dict[str, Record]:
        """Return the records of one choice by name; empty if it was not computed."""
        records = self.along(choice, self.keys[0])
        first = self.keys[0]
        return {r.name: r for r in records if r.details[first] == choice[first]}

    def sentence(self, choice: Choice) -> str:
        """Say what rules this choice: "M, bf16, batch 8: bandwidth-bound, 1.9 ms …"."""
        cell = self.cell(choice)
        where = ", ".join(_spoken(key, choice[key]) for key in self.keys)
        bounds = [record for name, record in cell.items() if name in BOUNDS]
        runs = [record for name, record in cell.items() if name not in BOUNDS]
        if not bounds:
            return f"{where}: not computed before, choose another"
        highest = max(bounds, key=lambda record: record.value)
        known = [BOUNDS[highest.name], f"{highest.value_text()} {highest.kind}"]
        known += [f"{run.value_text()} {run.kind}" for run in runs]
        return f"{where}: {', '.join(known)}{'' if runs else ', not measured'}"


def grid(records: Iterable[Record], keys: Sequence[str]) -> Grid:
    """Sort out records for choosing.

    keys: details that every record has. ValueError: no records, none of the bounds, a
    record without one of the keys, two records of one name for the same choice.
    """
    records = select.checked(records)
    select.positive(records)
    if not select.by_quantity(records, *BOUNDS):
        raise ValueError(f"records hold none of {', '.join(BOUNDS)}.")
    seen = set()
    for record in records:
        cell = (record.name, *(select.detail(record, key) for key in keys))
        if cell in seen:
            raise ValueError(
                f"two records are {record.name!r} for {', '.join(map(str, cell[1:]))}; "
                "hand in one of each, or add the detail that tells them apart to by."
            )
        seen.add(cell)
    return Grid(tuple(keys), records)


def _spoken(key: str, value: Any) -> str:
    return value if isinstance(value, str) else f"{key} {value:,}"
