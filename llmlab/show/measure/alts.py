"""What the pictures of lab 1 say to who cannot see them, made from their records."""

from collections.abc import Sequence

from llmlab.core import quantities
from llmlab.core.records import Record, quantity
from llmlab.show import select
from llmlab.show.measure.phases import BOUNDS, heading, phases_of


def requests(records: Sequence[Record]) -> str:
    """Say median, mean and 95th percentile of every strip, and where mean and median
    part."""
    said = ["Every wait for a token as a dot."]
    for name, facts in select.by_subject(records).items():
        values = {fact.name: fact for fact in facts}
        middle = values.get(quantities.WAITS["p50"].name)
        mean = values.get(quantities.MEAN_WAIT.name)
        if middle is None or mean is None:
            continue
        line = f"{name}: median {middle.value_text()}, mean {mean.value_text()}"
        if high := values.get(quantities.WAITS["p95"].name):
            line += f", 95th percentile {high.value_text()}"
        times = mean.value / middle.value
        if times > 1.2:
            line += f"; the mean is {quantity(times, '×')} the median"
        said.append(f"{line}.")
    return " ".join(said)


def ratios(records: Sequence[Record]) -> str:
    """Say every ratio with its interval and its verdict."""
    said = ["Ratios with their intervals against the line at 1."]
    for record in select.by_quantity(records, quantities.SPEED_UP):
        interval = record.interval_text()
        line = f"{record.subject}: {record.value_text()}"
        line += f" ({interval})" if interval else ""
        verdict = record.details.get("verdict")
        said.append(f"{line}, {verdict}." if verdict else f"{line}.")
    return " ".join(said)


def bandwidth(records: Sequence[Record]) -> str:
    """Say how fast the smallest and the largest set are read, and a model's weights."""
    rates = select.by_quantity(records, quantities.READ_BANDWIDTH)
    curve = sorted(rates, key=lambda each: select.detail(each, "bytes"))
    first, last = curve[0], curve[-1]
    said = [
        f"Read bandwidth by working set: {first.value_text()} for "
        f"{quantity(first.details['bytes'], 'B')}, {last.value_text()} for "
        f"{quantity(last.details['bytes'], 'B')}, "
        f"{quantity(first.value / last.value, '×')} apart."
    ]
    if first.date:
        said.append(f"Measured on {first.date[:10]}.")
    for size in select.of_unit(records, "B"):
        near = min(curve, key=lambda each: abs(each.details["bytes"] / size.value - 1))
        said.append(
            f"The {size.name} of {size.subject or 'the model'}, {size.value_text()}, "
            f"are read at about {near.value_text()}."
        )
    return " ".join(said)


def bounds(records: Sequence[Record]) -> str:
    """Say for every phase the measured time, its bounds and which one rules."""
    said = []
    for phase, (*limits, measured) in phases_of(records).items():
        ruling = max(limits, key=lambda each: each.value)
        words = [f"{each.name} {each.value_text()}" for each in limits]
        said.append(
            f"{heading(phase, [*limits, measured])}: {measured.value_text()} "
            f"{measured.kind}; {', '.join(words)}. It is {BOUNDS[ruling.name]}, and "
            f"takes {quantity(measured.value / ruling.value, '×')} that bound."
        )
    return " ".join(said)
