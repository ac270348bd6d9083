"""Energy and price of a token: measured where there is a meter, never guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab import measure
from llmlab.caching.experiments import scoring
from llmlab.caching.experiments.stepping import BEFORE, Steps
from llmlab.core import arguments, records
from llmlab.core.quantities import DECODE_THROUGHPUT, Quantity
from llmlab.core.records import Record
from llmlab.hardware import energy as room
from llmlab.hardware.quantities import MILLION_ENERGY, TOKEN_COST, TOKEN_ENERGY

BATCHES, CACHED, SECONDS = (1, 8), 128, 2.0
SUBJECT = "decode"
NONE = (
    "This machine has no meter: {root} holds no package of a processor, as in most "
    "virtual machines. No joules were measured, and none are guessed."
)
STATE = "State the watts of your machine, energy(model, watts=…), for an estimate."

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Energy:
    """Tokens a second by rows of a step, with their joules and their price."""

    facts: tuple[Record, ...]
    said: str
    note: str  # what neighbours did meanwhile, "" if nothing

    def per_token(self, batch: int) -> Record:
        """Return the joules of a token; ValueError where they are not known."""
        return self._of(TOKEN_ENERGY, batch)

    def price(self, batch: int) -> Record:
        """Return the price of a million tokens; ValueError where none was stated."""
        return self._of(TOKEN_COST, batch)

    def rate(self, batch: int) -> Record:
        """Return the tokens a second; ValueError: other rows."""
        return self._of(DECODE_THROUGHPUT, batch)

    @property
    def is_known(self) -> bool:
        """Whether there are joules, measured or estimated."""
        return any(fact.name == TOKEN_ENERGY.name for fact in self.facts)

    @property
    def batches(self) -> tuple[int, ...]:
        """Rows of the steps, from few to many."""
        named = [f for f in self.facts if f.name == DECODE_THROUGHPUT.name]
        return tuple(int(fact.details["batch"]) for fact in named)

    def records(self) -> list[Record]:
        """Return the rates, then energy and price as far as they are known."""
        return list(self.facts)

    def _of(self, what: Quantity, batch: int) -> Record:
        named = [fact for fact in self.facts if fact.name == what.name]
        if not named:
            raise ValueError(f"{what.name!r} is not known. {self.said}")
        return scoring.find(named, what.name, {"batch": batch})


def energy(
    model: Model, *, watts: float | None = None, price: float | None = None,
    busy: float = 1.0, batches: Sequence[int] = BATCHES, seconds: float = SECONDS,
    root: str = room.POWERCAP,
) -> Energy:  # fmt: skip
    """Decode at some batch sizes: tokens a second, joules a token, price of a million.

    watts: of the whole machine, as you state them; used where there is no meter, and
    what follows is an estimate. price: of an hour of this machine, in any currency;
    busy: the share of the hour in which it writes. root: where Linux shows its meters.
    """
    for name, value in {"watts": watts, "price": price}.items():
        if value is not None:
            arguments.number(name, value, above=0)
    room.cost(1.0, 1.0, busy=busy)  # refuses a share that is none
    batches = arguments.wholes("batches", batches, least=1, way="such as (1, 8)")
    steps = {count: _steps(model, count) for count in batches}
    named = {str(count): step for count, step in steps.items()}
    speed = measure.speed(named, seconds=seconds)
    rates = [
        speed[str(count)].total.rate(
            DECODE_THROUGHPUT, count, subject=SUBJECT, details={"batch": count}
        )
        for count in batches
    ]
    joules, missing = _joules(steps, root, seconds)
    facts = [*rates]
    for count, rate in zip(batches, rates, strict=True):
        if joules:
            facts += _energy(joules[count] / count, count, "measured", {})
        elif watts is not None:
            facts += _estimated(rate, count, watts)
        if price is not None:
            facts.append(_price(rate, count, price, busy))
    return Energy(tuple(facts), _said(facts, missing), speed.note)


def _steps(model: Model, count: int) -> Steps:
    text = scoring.some_texts(model, count=1, length=CACHED).expand(count, -1)
    return Steps(model, model.new_cache(count, CACHED + BEFORE + 1), text)


def _joules(
    steps: Mapping[int, Steps], root: str, seconds: float
) -> tuple[dict[int, float], str]:
    """Return the joules of a step by its rows; none and why where nothing counts."""
    try:
        meter = room.meter(root)
        if meter is None:
            return {}, NONE.format(root=root)
        joules = {
            count: room.measure_joules(step, meter=meter, seconds=seconds / 2).value
            for count, step in steps.items()
        }
    except (PermissionError, RuntimeError) as error:
        return {}, str(error)
    return joules, ""


def _estimated(rate: Record, count: int, watts: float) -> list[Record]:
    joules = room.estimated(watts, 1 / rate.value)
    return _energy(joules, count, "estimated", {"watts": watts})


def _energy(joules: float, count: int, kind: str, stated: dict) -> list[Record]:
    details = {"batch": count} | stated
    million = room.per_million_tokens(joules)
    return [
        records.make(what, value, kind=kind, subject=SUBJECT, details=details)
        for what, value in ((TOKEN_ENERGY, joules), (MILLION_ENERGY, million))
    ]


def _price(rate: Record, count: int, price: float, busy: float) -> Record:
    return records.make(
        TOKEN_COST, room.cost(price, rate.value, busy=busy), kind="estimated",
        subject=SUBJECT, details={"batch": count, "price": price, "busy": busy},
    )  # fmt: skip


def _said(facts: Sequence[Record], missing: str) -> str:
    joules = [fact for fact in facts if fact.name == TOKEN_ENERGY.name]
    prices = [fact for fact in facts if fact.name == TOKEN_COST.name]
    said = [missing] if missing else []
    if joules:
        how = "At the watts you stated" if missing else "By the meter"
        said.append(f"{how}, a token takes {_by_rows(joules)} ({joules[0].kind}).")
    else:
        said.append(STATE)
    if prices:
        said.append(
            f"A million tokens cost {_by_rows(prices)} at the price you stated."
        )
    return " ".join(said)


def _by_rows(facts: Sequence[Record]) -> str:
    parts = []
    for fact in facts:
        rows = fact.details["batch"]
        number = f"{fact.value:.3g}" if fact.unit == "1" else f"{fact.value:.3g} J"
        parts.append(f"{number} with {rows} row{'' if rows == 1 else 's'}")
    return " and ".join(parts)
