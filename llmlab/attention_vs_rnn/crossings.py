"""Where two curves cross: from which length on the slower layer is the faster one.

They cross only where first the one and then the other is clearly faster, by the ratios
within rounds. Else the answer is "no crossing in this range".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from llmlab.attention_vs_rnn.quantities import CROSSING
from llmlab.core.quantities import SPEED_UP, Quantity
from llmlab.core.records import Record
from llmlab.measure.comparison import FASTER, SAME, SLOWER


@dataclass(frozen=True)
class Crossing:
    """Where two curves cross, if they do."""

    name: str
    against: str
    start: float  # of the range that was measured
    end: float
    first: str  # how `name` is at the start: faster, slower, or no difference anywhere
    at: tuple[Record, ...] = ()  # "crossing", with the lengths around it as interval

    def records(self) -> list[Record]:
        """Return the crossings, none where there is none."""
        return list(self.at)

    def __str__(self) -> str:
        if self.first == SAME:
            return f"{self.name}: {SAME} from {self.against}{self._range()}"
        than = f"{self.name}: {self.first} than {self.against}"
        if not self.at:
            return f"{than}; no crossing in this range{self._range()}"
        word, parts = self.first, []
        for record in self.at:
            word = SLOWER if word == FASTER else FASTER
            around = f"between {record.low:,.0f} and {record.high:,.0f}"
            parts.append(f"{word} from about {record.value:,.0f} tokens ({around})")
        return f"{than} at first, {', '.join(parts)}"

    def _range(self) -> str:
        return f", {self.start:,.0f} to {self.end:,.0f} tokens"


def find(
    records: Sequence[Record],
    name: str,
    against: str,
    *,
    of: Quantity | str | None = None,
    along: str = "tokens",
) -> Crossing:
    """Say from which length on `name` is no longer faster, or slower, than `against`.

    records: "speed-up" of this pair at several lengths, as `latency` gives them. of:
    what was timed, where they hold more than one. Between a length at which the one is
    clearly faster and a later one at which it is clearly slower the ratio reaches 1, on
    a straight line between logarithms. Raises ValueError for no such records, or two
    for one length.
    """
    chosen = [
        record
        for record in records
        if of is None or record.details.get("of") == str(of)
    ]
    ratios = [one for record in chosen if (one := ratio(record, name, against))]
    ratios.sort(key=lambda record: record.details[along])
    lengths = [record.details[along] for record in ratios]
    if not lengths or len(set(lengths)) < len(lengths):
        raise ValueError(
            f"records hold {len(lengths)} speed-ups of {name!r} against {against!r} at "
            f"{len(set(lengths))} lengths; there must be one each, so choose two names "
            'that were timed together, and of="prefill latency", for example.'
        )
    clear = [place for place, one in enumerate(ratios) if _word(one) != SAME]
    turns = [
        _turn(ratios[before : after + 1], along)
        for before, after in pairwise(clear)
        if _word(ratios[before]) != _word(ratios[after])
    ]
    first = _word(ratios[clear[0]]) if clear else SAME
    return Crossing(name, against, lengths[0], lengths[-1], first, tuple(turns))


def ratio(record: Record, name: str, against: str) -> Record | None:
    """Return how many times as fast `name` is, whichever way it was compared.

    None for a record of something else.
    """
    if record.name != SPEED_UP.name:
        return None
    if record.subject == f"{name} against {against}":
        return record
    if record.subject != f"{against} against {name}":
        return None
    turned = replace(
        record,
        value=1 / record.value,
        low=1 / record.high,
        high=1 / record.low,
        subject=f"{name} against {against}",
    )
    return replace(turned, details=dict(record.details) | {"verdict": _word(turned)})


def _word(ratio: Record) -> str:
    if ratio.low > 1:
        return FASTER
    return SLOWER if ratio.high < 1 else SAME


def _turn(ratios: Sequence[Record], along: str) -> Record:
    """Return where the ratio passes 1 between a clear winner and a clear loser."""
    x = [math.log(record.details[along]) for record in ratios]
    y = [math.log(record.value) for record in ratios]
    for place, (before, after) in enumerate(pairwise(y)):
        if before * after <= 0 and before != after:
            share = before / (before - after)
            where = math.exp(x[place] + share * (x[place + 1] - x[place]))
            break
    low, high = (ratios[end].details[along] for end in (0, -1))
    return replace(
        ratios[0],
        name=CROSSING.name,
        value=where,
        unit=CROSSING.unit,
        low=low,
        high=high,
        details={"of": ratios[0].details.get("of", "")},
    )
