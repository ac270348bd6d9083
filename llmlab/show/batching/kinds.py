"""The results of lab 8 and the picture that each gets from `show.figure`."""

from llmlab.batching.quantities import (
    AS_ALONE,
    BATCH_TIME,
    E2ES,
    IN_TIME,
    LONGEST_GAP,
    ORDERED_MEAN,
    ORDERED_WORST,
    QUEUE_WAIT,
    ROWS_RATE,
    ROWS_STEP,
    SPAN,
    TOKEN_TIME,
    TRACE_GAIN,
    TRACE_RATE,
)
from llmlab.show import registry
from llmlab.show.batching import loads, timelines, traces, waits


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(ROWS_RATE, ROWS_STEP, draw=traces.rows, alt=traces.rows_alt)
    add(TRACE_RATE, TRACE_GAIN, draw=traces.served, alt=traces.served_alt)
    add(SPAN, draw=timelines.timeline, alt=timelines.timeline_alt)
    add(LONGEST_GAP, TOKEN_TIME, draw=traces.gaps, alt=traces.gaps_alt)
    add(IN_TIME, QUEUE_WAIT, draw=loads.load, alt=loads.load_alt)
    add(AS_ALONE, draw=waits.padded, alt=waits.padded_alt)
    add(BATCH_TIME, E2ES["p50"], draw=waits.waiting, alt=waits.waiting_alt)
    add(ORDERED_MEAN, ORDERED_WORST, draw=waits.orders, alt=waits.orders_alt)
