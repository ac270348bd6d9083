"""The results of lab 1 and the picture that each gets from `show.figure`."""

from typing import Any

from matplotlib.figure import Figure

from llmlab.core import quantities, records
from llmlab.show import registry, select
from llmlab.show.measure import alts
from llmlab.show.measure.along_batch import regimes
from llmlab.show.measure.bandwidths import bandwidth
from llmlab.show.measure.distributions import latencies, ratios
from llmlab.show.measure.grid import grid
from llmlab.show.measure.parts import parts_alt, step_parts
from llmlab.show.measure.phases import bounds
from llmlab.show.measure.positions import by_position, positions_alt

CHOSEN_BY = ("model", "dtype", "batch", "context")


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(quantities.WAIT, draw=by_position, alt=positions_alt)
    add(quantities.MEAN_WAIT, draw=_requests, alt=alts.requests)
    add(quantities.STEP, draw=step_parts, alt=parts_alt)
    add(quantities.SPEED_UP, draw=_ratios, alt=alts.ratios)
    add(quantities.READ_BANDWIDTH, draw=_bandwidth, alt=alts.bandwidth)
    for measured in (quantities.PREFILL_LATENCY, quantities.DECODE_LATENCY):
        add(*quantities.BOUNDS, measured, draw=_bounds, alt=alts.bounds)
    add(
        *quantities.BOUNDS, quantities.DECODE_LATENCY, key="context",
        draw=_first_of_grid, alt=_first_sentence,
    )  # fmt: skip


def _requests(
    result: Any, *, title: str = "One request, again and again: every wait"
) -> Figure:
    samples = getattr(result, "samples", None)
    if not samples:
        raise ValueError(
            "result holds no single waits, only what was made of them; hand in what "
            "measure.experiments.many_requests returned."
        )
    return latencies(samples, title=title, what="wait for a token")


def _ratios(result: Any, *, title: str = "How many times as fast") -> Figure:
    facts = select.by_quantity(records.collect(result), quantities.SPEED_UP)
    return ratios(facts, title=title)


def _bandwidth(result: Any, *, title: str = "Read bandwidth by working set") -> Figure:
    wanted = (quantities.READ_BANDWIDTH, quantities.WEIGHTS)
    facts = select.by_quantity(records.collect(result), *wanted)
    return bandwidth(facts, title=title)


def _bounds(
    result: Any, *, title: str = "Three bounds and the measured time"
) -> Figure:
    return bounds(records.collect(result), title=title)


def _first_of_grid(
    result: Any, *, title: str = "Time of a decode step: three bounds"
) -> Figure:
    """Draw the first choice of a grid; `bounds_widget` shows them all."""
    cells = grid(records.collect(result), CHOSEN_BY)
    return regimes(cells.along(cells.first(), "batch"), title=title)


def _first_sentence(facts: Any) -> str:
    cells = grid(facts, CHOSEN_BY)
    return (
        f"Three bounds and the measured time by batch. {cells.sentence(cells.first())}."
    )
