"""The learner's table of optimised models: quality, latency, size, lab by lab.

Each lab adds its row at the end; lab 13 draws them all. A row replaces its older self:
the same lab, name, model and machine.
"""

from dataclasses import dataclass, replace

from llmlab import WORDS
from llmlab.core import machine, records
from llmlab.core.records import Record
from llmlab.core.tables import html_grid, text_grid
from llmlab.journal import store
from llmlab.journal.lab import known

HEADINGS = ("lab", "name", "model", "quality", "latency", "size", "machine")


@dataclass(frozen=True)
class Row:
    """One model as one lab left it, on one machine."""

    lab: str
    name: str
    model: str
    machine: str
    quality: Record
    latency: Record
    size: Record
    date: str = ""

    @property
    def facts(self) -> tuple[Record, Record, Record]:
        """Quality, latency and size, in that order."""
        return self.quality, self.latency, self.size

    def records(self) -> list[Record]:
        """Return the facts as those of this name, with lab and model in the details."""
        where = {"lab": self.lab, "model": self.model}
        return [
            replace(fact, subject=self.name, details=dict(fact.details) | where)
            for fact in self.facts
        ]

    def __repr__(self) -> str:
        return repr(Rows([self]))

    def _repr_html_(self) -> str:
        return Rows([self])._repr_html_()


class Rows(tuple[Row, ...]):
    """Rows of the scoreboard, which know how to show themselves."""

    def records(self) -> list[Record]:
        """Return the facts of every row."""
        return [fact for row in self for fact in row.records()]

    def __repr__(self) -> str:
        return text_grid(*self._cells())

    def _repr_html_(self) -> str:
        return html_grid(*self._cells(), title="Scoreboard")

    def _cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        # On one machine, as nearly always, its name would only widen the table.
        shown = len(HEADINGS) - (len({row.machine for row in self}) < 2)
        cells = [
            (row.lab, row.name, row.model, *map(_fact, row.facts), row.machine)
            for row in self
        ]
        return HEADINGS[:shown], [line[:shown] for line in cells]


def add(
    lab: str, name: str, model: str, quality: Record, latency: Record, size: Record
) -> Row:
    """Put a row on the scoreboard in place of its older self, and return it.

    The machine is the one of the latency, else this one. Raises ValueError for an
    unknown lab, an empty name or what is no Record, JournalError where the row cannot
    be kept.
    """
    facts = {"quality": quality, "latency": latency, "size": size}
    for what, fact in facts.items():
        if not isinstance(fact, Record):
            raise ValueError(
                f"{what}={fact!r:.60} is not a Record; llmlab.measure returns records, "
                "and records.measured(name, value, unit) makes one."
            )
    for what, value in {"name": name, "model": model}.items():
        if not store.text(what, value).strip():
            raise ValueError(f"{what}={value!r} is empty; say what the row is about.")
    where = latency.machine or machine.describe().label
    row = Row(known(lab), name, model, where, quality, latency, size)
    key = {"lab": lab, "name": name, "model": model, "machine": where}
    written = {what: records.to_json([fact]) for what, fact in facts.items()}
    store.upsert("scoreboard", key | written)
    return row


def rows(lab: str | None = None) -> Rows:
    """Return the rows of one lab or of all, in the order of the labs."""
    wanted = None if lab is None else known(lab)
    found = [_row(dict(each)) for each in store.query("SELECT * FROM scoreboard")]
    order = {word: number for number, word in enumerate(WORDS)}
    found.sort(key=lambda row: (order.get(row.lab, len(WORDS)), row.name, row.model))
    return Rows(row for row in found if wanted in (None, row.lab))


def _fact(record: Record) -> str:
    return f"{record.text()} {record.kind}"


def _row(fields: dict[str, str]) -> Row:
    for what in ("quality", "latency", "size"):
        fields[what] = store.one_record(fields[what])
    return Row(**fields)
