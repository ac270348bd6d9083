"""Facts with a unit, a kind and, where they were sampled, an interval.

Every number of the course is a Record: measured (ran here), recorded (ran elsewhere,
with machine and date), simulated, or estimated (a formula). Values stay in base units;
`text` and the tables turn them into ms and GB. Records go to JSON and come back equal.
"""

import datetime
import functools
import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from llmlab.core import atomic, quantities, units
from llmlab.core import machine as this_machine
from llmlab.core.numbers import finite, plain
from llmlab.core.quantities import Quantity
from llmlab.core.tables import Cells, cells, html_grid, text_grid
from llmlab.core.units import quantity

__all__ = ["KINDS", "HasRecords", "Record", "from_json", "html_table", "load", "make"]
__all__ += ["collect", "measured", "notes", "quantity", "save", "table", "to_json"]

KINDS = ("measured", "recorded", "simulated", "estimated")
VERSION = 1  # of the JSON
COLUMNS = {"name": "what", "subject": "of", "value": "value", "interval": "95 %"}
COLUMNS |= {"kind": "kind"}


@dataclass(frozen=True, kw_only=True)
class Record:
    """One fact.

    Raises ValueError for a NaN, an unknown kind, a unit with a prefix, and for another
    unit or key of details than those of the quantity that has this name, if there is
    one (`core.quantities`).
    """

    name: str
    value: float
    unit: str  # base: "s", "B", "FLOP", "token/s", "bit/B"; "1" for none
    kind: str
    low: float | None = None  # 95 % interval, in the same unit
    high: float | None = None
    subject: str = ""  # what it is a fact of: "coder fp32"
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)
    seed: int | None = None
    machine: str | None = None
    weights: str | None = None  # version of the weights
    date: str | None = None
    command: str | None = None  # that gives the fact again

    def __post_init__(self):
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name={self.name!r}; a record needs a name.")
        if self.kind not in KINDS:
            raise ValueError(f"kind={self.kind!r} is none of {', '.join(KINDS)}.")
        units.check_base(self.unit)
        for bound in ("value", "low", "high"):
            if bound == "value" or getattr(self, bound) is not None:
                number = finite(f"{bound} of {self.name!r}", getattr(self, bound))
                object.__setattr__(self, bound, float(number))
        if not self._has_interval_or_none():
            raise ValueError(
                f"low={self.low}, high={self.high} of {self.name!r} is no interval; "
                "give both, the smaller as low, or neither."
            )
        details = {
            str(key): plain(f"details[{key!r}]", value)
            for key, value in self.details.items()
        }
        quantities.check(self.name, self.unit, details)
        object.__setattr__(self, "details", MappingProxyType(details))

    def text(self) -> str:
        """Write value and interval for a person: "12.3 ms (11.9 to 12.8)"."""
        interval = self.interval_text()
        return self.value_text() + (f" ({interval})" if interval else "")

    def value_text(self) -> str:
        """Write the value with its unit: "12.3 ms"; a share in per cent."""
        if quantities.is_share(self.name):
            return f"{100 * self.value:.3g} %"
        return quantity(self.value, self.unit)

    def interval_text(self) -> str:
        """Write the interval on the scale of the value, or nothing without one."""
        if self.low is None or self.high is None:
            return ""
        if quantities.is_share(self.name):
            return f"{100 * self.low:.3g} to {100 * self.high:.3g}"
        bounds = (self.value, self.low, self.high)
        return " to ".join(units.quantities(bounds, self.unit)[1:])

    def _has_interval_or_none(self) -> bool:
        if self.low is None or self.high is None:
            return self.low is self.high
        return self.low <= self.high

    def __str__(self) -> str:
        subject = f" of {self.subject}" if self.subject else ""
        return f"{self.name}{subject}: {self.text()}, {self.kind}"

    def __reduce__(self):  # a MappingProxyType cannot be pickled
        return functools.partial(Record, **_as_dict(self)), ()


@runtime_checkable
class HasRecords(Protocol):
    """A result that people look at: it tells its facts as records."""

    def records(self) -> list[Record]: ...


def collect(result: Any, name: str = "result") -> tuple[Record, ...]:
    """Return the records of a result, of several in a list, or of a mapping's values.

    A mapping's names become the subjects. name: what the argument is called. Raises
    ValueError for what has no records.
    """
    if isinstance(result, Record):
        return (result,)
    if callable(getattr(result, "records", None)):
        return tuple(result.records())
    if isinstance(result, Mapping):
        return tuple(
            replace(record, subject=str(subject))
            for subject, part in result.items()
            for record in collect(part, name)
        )
    if isinstance(result, Iterable) and not isinstance(result, str | bytes):
        return tuple(record for part in result for record in collect(part, name))
    raise ValueError(
        f"{name}={result!r:.60} has no records; hand in records, what offers "
        "records(), as what measure.speed returns does, or a list or mapping of these."
    )


def make(
    what: Quantity | str,
    value: float,
    unit: str | None = None,
    *,
    kind: str,
    subject: str = "",
    low: float | None = None,
    high: float | None = None,
    details: Mapping[str, Any] | None = None,
    seed: int | None = None,
    weights: str | None = None,
    machine: str | None = None,
    date: str | None = None,
) -> Record:
    """Return a Record of a quantity; the other arguments are fields of `Record`.

    what: a quantity of `core.quantities` or of a lab, which has its unit; or a name of
    your own, for which `unit` says it. Raises ValueError as Record, and for a name of
    your own without unit.
    """
    return Record(
        name=str(what),
        value=value,
        unit=quantities.get(str(what)).unit if unit is None else unit,
        kind=kind,
        low=low,
        high=high,
        subject=subject,
        details=details or {},
        seed=seed,
        machine=machine,
        weights=weights,
        date=date,
    )


def measured(
    what: Quantity | str,
    value: float,
    unit: str | None = None,
    *,
    subject: str = "",
    low: float | None = None,
    high: float | None = None,
    details: Mapping[str, Any] | None = None,
    seed: int | None = None,
    weights: str | None = None,
    machine: str | None = None,
    date: str | None = None,
) -> Record:
    """Return a Record of what just ran: here (`machine`) and now (`date`) unless told.

    The other arguments and errors are those of `make`.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return make(
        what,
        value,
        unit,
        kind="measured",
        low=low,
        high=high,
        subject=subject,
        details=details,
        seed=seed,
        machine=this_machine.describe().label if machine is None else machine,
        weights=weights,
        date=date or now,
    )


def table(records: Iterable[Record], columns: Iterable[str] | None = None) -> str:
    """Write records as aligned plain text.

    columns: fields of a record, "interval", or keys of details. By default name,
    subject, value, interval and kind, without those that are empty in every record.
    What the records note stands below, such as that they gave way to a neighbour.
    """
    records = tuple(records)
    return "\n".join([text_grid(*_cells(records, columns)), *notes(records)])


def html_table(
    records: Iterable[Record], columns: Iterable[str] | None = None, *, title: str = ""
) -> str:
    """Write records as an HTML table; columns as in `table`."""
    records = tuple(records)
    below = "".join(f"<p>{html.escape(note)}</p>" for note in notes(records))
    return html_grid(*_cells(records, columns), title=title) + below


def notes(records: Iterable[Record]) -> list[str]:
    """Return what details["note"] of some records says, each sentence once."""
    said = (record.details.get("note") for record in records)
    return list(dict.fromkeys(str(note) for note in said if note))


def to_json(records: Iterable[Record]) -> str:
    """Write records as JSON, without the fields that are empty."""
    rows = [
        {name: value for name, value in _as_dict(record).items() if _is_given(value)}
        for record in records
    ]
    document = {"version": VERSION, "records": rows}
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def from_json(text: str) -> tuple[Record, ...]:
    """Read what `to_json` wrote; ValueError says what is wrong with another text."""
    try:
        document = json.loads(text)
        version, rows = document["version"], document["records"]
        if version == VERSION:
            return tuple(Record(**row) for row in rows)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(
            f"this is no JSON of records ({type(error).__name__}: {error}); "
            "records.save writes it."
        ) from error
    raise ValueError(
        f"these records have version {version!r}, this llmlab reads {VERSION}; "
        "update it: pip install -U llmlab."
    )


def save(records: Iterable[Record], path: str | Path) -> None:
    """Write records to a file that is at every moment the old or the new one."""
    atomic.write(path, to_json(records))


def load(path: str | Path) -> tuple[Record, ...]:
    """Read the records of a file; ValueError names the file that holds none."""
    try:
        return from_json(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _cells(records: tuple[Record, ...], columns: Iterable[str] | None) -> Cells:
    known = {field.name for field in fields(Record)} | {"interval"}
    return cells(records, columns, known=known, headings=COLUMNS)


def _as_dict(record: Record) -> dict[str, Any]:
    as_dict = {field.name: getattr(record, field.name) for field in fields(record)}
    return as_dict | {"details": dict(record.details)}


def _is_given(value: Any) -> bool:
    return value is not None and value != "" and value != {}
