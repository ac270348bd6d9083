"""Choose among records: by quantity, by details, and the name a reader sees."""

from collections.abc import Iterable
from typing import Any

from llmlab.core import records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record


def checked(result: Any, what: str = "records") -> tuple[Record, ...]:
    """Return the records of a result (`records.collect`); ValueError for none.

    what: what the argument is called that they come from.
    """
    facts = records.collect(result, what)
    if not facts:
        raise ValueError(f"{what}={result!r:.60} is empty; there is nothing to draw.")
    return facts


def by_quantity(
    records: Iterable[Record], *quantities: Quantity | str
) -> tuple[Record, ...]:
    """Return the records of these quantities; a name stands for one of your own."""
    names = set(map(str, quantities))
    return tuple(record for record in records if record.name in names)


def needed(result: Any, quantity: Quantity) -> tuple[Record, ...]:
    """Return the records of a quantity that a picture shows; ValueError for none."""
    facts = by_quantity(checked(result, "result"), quantity)
    if not facts:
        raise ValueError(
            f"result holds no {quantity.name!r}; there is nothing to draw."
        )
    return facts


def of_unit(records: Iterable[Record], unit: str) -> tuple[Record, ...]:
    """Return the records of one unit."""
    return tuple(record for record in records if record.unit == unit)


def detail(record: Record, key: str) -> Any:
    """Return a detail that the picture needs; ValueError names the record without."""
    if key not in record.details:
        raise ValueError(
            f"{record.name!r} has no details[{key!r}], which this picture is drawn by; "
            f"it has {', '.join(record.details) or 'no details'}."
        )
    return record.details[key]


def positive(records: Iterable[Record]) -> None:
    """Refuse what a logarithmic axis cannot show."""
    for record in records:
        if record.value <= 0:
            raise ValueError(
                f"{record.name!r} of {record.subject or 'one record'} is "
                f"{record.value:g}; a logarithmic axis shows values above 0 only."
            )


def by_subject(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Group records by what they are facts of, in the order they come."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.subject or record.name, []).append(record)
    return groups


def kinds(records: Iterable[Record]) -> str:
    """Say how the numbers came about: "measured", "measured or recorded"."""
    return " or ".join(dict.fromkeys(record.kind for record in records))
