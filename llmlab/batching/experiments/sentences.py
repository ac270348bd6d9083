"""Sentences that are said of batching, and whether they hold here.

A word like "keeps" was given a bar before. What was not measured is left out.
"""

from llmlab.batching.experiments.company import Waiting
from llmlab.batching.experiments.loads import Load
from llmlab.batching.experiments.racing import Served
from llmlab.batching.experiments.simulation import CONTINUOUS, ONE
from llmlab.batching.experiments.streams import Gaps
from llmlab.batching.experiments.widths import Rows
from llmlab.core.records import Record
from llmlab.measure import comparison
from llmlab.measure.claims import FAILS, HOLDS, OPEN, Claim, Claims, of_cases

MANY, ALL = 8, 32  # rows
WITHIN = 0.1  # of what Little's law expects
CLEAR = 1.05  # times: less is no difference where there is no interval


def claims(
    rows: Rows, waiting: Waiting, served: Served, gaps: Gaps, load: Load
) -> Claims:
    """Hold what is said of batching against the experiments of the lab."""
    return Claims(
        (
            _faster(rows),
            _latency(rows),
            _grouping(waiting),
            _continuous(served),
            _neighbours(served),
            _chunks(gaps),
            _policy(load),
            _little(load),
        )
    )


def _faster(rows: Rows) -> Claim:
    gain = rows.ratio(MANY)
    return Claim(
        "batching reduces the total time",
        f"{MANY} rows give {gain.value:.1f} times, {ALL} rows "
        f"{rows.ratio(ALL).value:.1f} times the tokens a second of one",
        _clear(gain),
    )


def _latency(rows: Rows) -> Claim:
    """Hold where a row surely waits longer among others."""
    longer = rows.longer(ALL)
    word = longer.details["verdict"]
    return Claim(
        "latency grows with the batch",
        f"with {ALL} rows a token takes {longer.value:.1f} times as long as with one",
        HOLDS if (longer.low or 0) > 1 else OPEN if word == comparison.SAME else FAILS,
    )


def _grouping(waiting: Waiting) -> Claim:
    """Hold where waiting for company pays at a low load, too."""
    took = {
        load: [waiting.seconds(most, load=load) for most in (0.0, 0.1)]
        for load in ("low", "high")
    }
    pays = [alone.value > CLEAR * many.value for alone, many in took.values()]
    said = [
        f"{many.value_text()} instead of {alone.value_text()} at a {load} load"
        for load, (alone, many) in took.items()
    ]
    return Claim(
        "grouping requests as they come serves them better",
        f"if they wait for up to 100 ms, half are answered within {', '.join(said)}",
        of_cases(pays),
        kind="simulated",
    )


def _continuous(served: Served) -> Claim:
    gain = served.ratio("continuous", against="static")
    return Claim(
        "continuous batching beats static batches",
        f"your plan serves the trace {gain.value:.2f} times as fast",
        _clear(gain),
    )


def _neighbours(served: Served) -> Claim:
    return Claim(
        "an answer does not depend on its neighbours",
        served.said.rstrip("."),
        HOLDS if served.equal else FAILS,
    )


def _chunks(gaps: Gaps) -> Claim:
    ratio = gaps.ratio()
    return Claim(
        "a prompt in chunks keeps the streams going",
        f"read whole, the longest gap is {ratio.value:.1f} times as long",
        _clear(ratio),
    )


def _policy(load: Load) -> Claim:
    """Hold where step by step is as soon as any other way, whatever the load."""
    low, high = load.loads[0], load.loads[-2]
    took = {at: [load.ttft(way, at) for way in (CONTINUOUS, ONE)] for at in (low, high)}
    wins = [many.value < CLEAR * alone.value for many, alone in took.values()]
    said = [
        f"{many.value_text()} step by step and {alone.value_text()} one by one at load "
        f"{at:g}"
        for at, (many, alone) in took.items()
    ]
    return Claim(
        "batching costs a lonely request nothing",
        f"half have their first token within {', '.join(said)}",
        of_cases(wins),
        kind="simulated",
    )


def _little(load: Load) -> Claim:
    ratio = load.little.value
    return Claim(
        "requests that are there: arrivals a second times the stay of each (Little)",
        f"counted, they are {ratio:.2f} times as many",
        HOLDS if abs(ratio - 1) <= WITHIN else FAILS,
    )


def _clear(gain: Record) -> str:
    """Ask the interval where there is one, else for a clear difference."""
    low = gain.value / CLEAR if gain.low is None else gain.low
    high = gain.value * CLEAR if gain.high is None else gain.high
    return HOLDS if low > 1 else FAILS if high < 1 else OPEN
