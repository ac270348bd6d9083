"""Prefill and decode of models that raced: their times, and how many times as fast.

`measure.race` times whole answers; of each, the first token is the prefill and the
later ones are the decode. What labs say of a race in both phases is made here.
"""

from llmlab.core import quantities
from llmlab.core.quantities import Quantity
from llmlab.core.records import Record
from llmlab.measure.comparison import Verdict, compare
from llmlab.measure.samples import Series
from llmlab.measure.timing import Speed

LATENCIES = {
    "prefill": quantities.PREFILL_LATENCY,
    "decode": quantities.DECODE_LATENCY,
}
SPEED_UPS: dict[str, Quantity] = {
    "prefill": quantities.PREFILL_SPEED_UP,
    "decode": quantities.DECODE_SPEED_UP,
}


def series(speed: Speed, name: str, of: str = "decode") -> Series:
    """Return the seconds of a phase, round by round.

    of: "prefill" or "decode". Raises ValueError for other words, for a model that did
    not race, and for one that was not streamed.
    """
    if of not in SPEED_UPS:
        raise ValueError(f"of={of!r} is no phase; choose 'prefill' or 'decode'.")
    names = [timing.name for timing in speed.timings]
    if name not in names:
        raise ValueError(f"{name!r} did not race; choose of {names}.")
    timing = speed[name]
    found = timing.time_to_first_token if of == "prefill" else timing.per_token
    if found is None:
        raise ValueError(f"{name!r} wrote no tokens one by one; race streams.")
    return found


def latency(speed: Speed, name: str, of: str = "decode") -> Record:
    """Return the time of a phase, at batch 1; errors as above."""
    details = {"phase": of, "batch": 1}
    return series(speed, name, of).record(LATENCIES[of], subject=name, details=details)


def verdict(speed: Speed, name: str, against: str, of: str = "decode") -> Verdict:
    """Compare two models in a phase by their ratios within rounds; errors as above."""
    one, other = (series(speed, each, of) for each in (name, against))
    return compare(name, one.rounds, against, other.rounds, ran_on=speed.ran_on)


def ratio(speed: Speed, name: str, against: str, of: str = "decode") -> Record:
    """Return how many times as fast a model is as another in a phase."""
    one = verdict(speed, name, against, of)
    return one.record(SPEED_UPS[of], subject=name, details={"phase": of})
