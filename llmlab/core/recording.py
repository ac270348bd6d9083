"""What benchmarks record: facts as a file keeps them, and grids that fill row by row.

A grid can be stopped and goes on. Each row is a fact about a model that was changed in
one way. It is written to the file as soon as it is known, and a row that stands there
for the same weights is not made again.
"""

import contextlib
import dataclasses
import datetime
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from llmlab.core import clock, machine, records
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record

Details = Mapping[str, Any]
Make = Callable[[Any], Any]  # a model -> what is judged, such as the changed model
Judge = Callable[[Any, Any], Record]  # a model and what was made of it -> the fact


def shipped(name: str) -> tuple[Record, ...]:
    """Return the facts that ship in llmlab/recorded, none where there is no file.

    name: of the file, such as "pruning_grid".
    """
    path = resources.files("llmlab") / "recorded" / f"{name}.json"
    if not path.is_file():
        return ()
    return tuple(records.from_json(path.read_text("utf-8")))


def as_recorded(
    fact: Record, command: str, *, subject: str | None = None,
    weights: str | None = None, details: Details | None = None,
) -> Record:  # fmt: skip
    """Return a fact that was made just now as a file keeps it.

    What was measured is recorded then; what a formula or a simulation says stays so.
    command: what gives it again. subject, weights, details: in the place of the fact's
    own. Machine and date are those of now if it names none.
    """
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return dataclasses.replace(
        fact,
        kind="recorded" if fact.kind == "measured" else fact.kind,
        command=command,
        subject=fact.subject if subject is None else subject,
        weights=fact.weights if weights is None else weights,
        details=fact.details if details is None else details,
        machine=fact.machine or machine.describe().label,
        date=fact.date or now,
    )


def of_rounds(
    what: Quantity, values: Sequence[float], *, subject: str, details: Details,
    command: str,
) -> Record:  # fmt: skip
    """Return the median of some rounds as a file keeps it, with the lowest and highest.

    One value has no ends.
    """
    low, high = (min(values), max(values)) if len(values) > 1 else (None, None)
    fact = records.measured(
        what, statistics.median(values), low=low, high=high, subject=subject,
        details=details,
    )  # fmt: skip
    return as_recorded(fact, command)


class Grid:
    """Facts in a file, which grows by those that are not there yet."""

    def __init__(self, path: Path | None, command: str):
        """Go on with the facts of a file, if it is there.

        path: None writes nothing. command: what gives the facts again.
        """
        self.path, self.command = path, command
        self.facts: list[Record] = []
        if path is not None:
            with contextlib.suppress(FileNotFoundError):
                self.facts = list(records.load(path))

    def fill(
        self, model: Any, ways: Iterable[tuple[Details, Make]], judge: Judge
    ) -> Iterator[Record]:
        """Yield the facts that were missing, each when it stands in the file.

        model: with a `name` and a `weights_version`. ways: what tells a row from
        others, and how it is made. Details also say how many seconds the making took.
        """
        for details, make in ways:
            if not self._has(model, details):
                fact = self._made(model, details, make, judge)
                self.facts.append(fact)
                if self.path is not None:
                    records.save(self.facts, self.path)
                yield fact

    def _has(self, model: Any, details: Details) -> bool:
        return any(
            (fact.subject, fact.weights) == (model.name, model.weights_version)
            and all(fact.details.get(key) == value for key, value in details.items())
            for fact in self.facts
        )

    def _made(self, model: Any, details: Details, make: Make, judge: Judge) -> Record:
        watch = clock.Host()
        with clock.given_way() as ran_on:
            start = watch.look()
            made = make(model)
            seconds = watch.seconds(start, watch.look())
        fact = judge(model, made)
        more = {**details, "seconds": round(seconds, 2), **ran_on.details}
        return as_recorded(
            fact,
            self.command,
            subject=model.name,
            weights=model.weights_version,
            details={**fact.details, **more},
        )
