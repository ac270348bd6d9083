"""What layers cost by the length of the text: to read it, and to go on from it.

At each length all layers run in the same rounds (`measure.speed`), so that they compare
whatever the machine's mood; the records hold the comparisons too. A layer whose least
number of calls would not fit into three times the planned seconds is left out there,
and a record says so with the time that it would have taken.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import torch

from llmlab.attention_vs_rnn import scan, workloads
from llmlab.attention_vs_rnn.quantities import LEFT_OUT, SCAN_LATENCY
from llmlab.attention_vs_rnn.recurrence import Scan
from llmlab.attention_vs_rnn.workloads import LENGTHS, Call, Layers
from llmlab.core import progress, records
from llmlab.core.quantities import DECODE_LATENCY, PREFILL_LATENCY, Quantity
from llmlab.core.records import Record
from llmlab.measure import speed
from llmlab.measure.timing import Speed

LEAST_CALLS = 8  # two of warm-up and six rounds
PATIENCE = 3  # times the planned seconds, as in measure.speed
WAYS: dict[str, Scan] = {"loop": scan.loop, "parallel": scan.parallel}
GROWTH = 2  # the power of the length that no layer here outgrows


def prefill(
    layers: Layers,
    *,
    lengths: Sequence[int] = LENGTHS,
    longest: Mapping[str, int] = MappingProxyType({}),
    seconds: float = 30.0,
    seed: int = 0,
) -> list[Record]:
    """Time how long each layer takes to read a text of each length at once.

    layers: name -> layer. longest: name -> where its curve ends. seconds: of measuring,
    over all lengths. Returns "prefill latency" (s) and a "speed-up" for each pair, with
    details["tokens"]; "latency, left out" (s) is an estimate. Raises ValueError for
    no layers or no lengths.
    """
    workload = (PREFILL_LATENCY, workloads.prefill)
    return _by_length(*workload, layers, lengths, longest, seconds, seed)


def decode(
    layers: Layers,
    *,
    lengths: Sequence[int] = LENGTHS,
    longest: Mapping[str, int] = MappingProxyType({}),
    seconds: float = 30.0,
    seed: int = 0,
) -> list[Record]:
    """Time the step that makes a text of length - 1 tokens one token longer.

    Arguments and records as in `prefill`, with "decode latency per token".
    """
    workload = (DECODE_LATENCY, workloads.decode)
    return _by_length(*workload, layers, lengths, longest, seconds, seed)


def scans(
    ways: Mapping[str, Scan] = MappingProxyType(WAYS),
    *,
    width: int = 256,
    lengths: Sequence[int] = LENGTHS,
    seconds: float = 6.0,
    seed: int = 0,
) -> list[Record]:
    """Time the gated recurrence alone: by default "parallel" against "loop".

    ways: name -> function of decay and new (B, T, D). Records as in `prefill`, with
    "scan latency".
    """
    workload = (SCAN_LATENCY, partial(workloads.scan, width=width))
    return _by_length(*workload, ways, lengths, {}, seconds, seed)


def _by_length(
    what: Quantity,
    call_of: Callable[..., Call],
    layers: Layers,
    lengths: Sequence[int],
    longest: Mapping[str, int],
    seconds: float,
    seed: int,
) -> list[Record]:
    workloads.check(layers, lengths)
    until = time.perf_counter() + PATIENCE * seconds
    facts, last = [], {}  # the last time of each layer, and at which length
    for length in progress.track(sorted(lengths), f"{what} by length"):
        here = workloads.within(layers, length, longest)
        guesses = {one: _guess(*last[one], length) for one in here if one in last}
        for one in too_long(guesses, until - time.perf_counter()):
            facts.append(_left_out(what, one, length, guesses[one]))
            del here[one]
        if here:
            made = {one: call_of(here[one], length, seed=seed) for one in here}
            with torch.inference_mode():
                result = speed(made, seconds=seconds / len(lengths), seed=seed)
            facts += _facts(result, what, length)
            last |= {one: (result[one].median, length) for one in here}
    return facts


def too_long(guesses: Mapping[str, float], left: float) -> list[str]:
    """Return the slowest calls, so many that the others fit into the seconds left."""
    gone, needed = [], LEAST_CALLS * sum(guesses.values())
    for name in sorted(guesses, key=guesses.__getitem__, reverse=True):
        if needed <= left:
            break
        gone.append(name)
        needed -= LEAST_CALLS * guesses[name]
    return gone


def _facts(result: Speed, what: Quantity, length: int) -> list[Record]:
    """Return the times of one length and how they compare."""
    place, seed = {"tokens": length}, result.seed
    times = [
        timing.total.record(what, subject=timing.name, details=place, seed=seed)
        for timing in result.timings
    ]
    ratios = [verdict.record(seed=seed) for verdict in result.verdicts]
    compared = place | {"of": what.name}
    return times + [
        replace(ratio, details=dict(ratio.details) | compared) for ratio in ratios
    ]


def _guess(seconds: float, before: int, length: int) -> float:
    """Return the time at a greater length, rather too long than too short."""
    return seconds * (length / before) ** GROWTH


def _left_out(what: Quantity, subject: str, length: int, seconds: float) -> Record:
    details = {"tokens": length, "of": what.name}
    return records.make(
        LEFT_OUT, seconds, kind="estimated", subject=subject, details=details
    )
