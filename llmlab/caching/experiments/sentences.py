"""Sentences that are said of caches, and whether they hold for `coder` here.

A word like "cheap" was given a bar before. What was not measured is left out.
"""

from llmlab.caching.experiments.answered import BY_NAME, BY_WEIGHTS, Answers
from llmlab.caching.experiments.batches import Waste
from llmlab.caching.experiments.fewer import FewerBits
from llmlab.caching.experiments.paging import OnPages
from llmlab.caching.experiments.prefixed import EDITOR, INDEPENDENT, Prefixes
from llmlab.caching.experiments.reading import ReadingAgain
from llmlab.caching.experiments.similarity import Similar
from llmlab.caching.experiments.windowed import Windows
from llmlab.core.records import Record
from llmlab.measure import comparison
from llmlab.measure.claims import (
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    Claim,
    Claims,
    high_end,
    low_end,
    of_cases,
    percent,
)

SLIGHT = 0.001  # more bits per byte, as a share of what they were
WASTE = 0.04  # of the memory reserved
USUAL = 0.8  # similarity from which a semantic cache serves
RARE = 0.05  # wrong answers among the served, at most


def claims(
    reading: ReadingAgain, waste: Waste, pages: OnPages, bits: FewerBits,
    windows: Windows, prefixes: Prefixes, answers: Answers, similar: Similar,
) -> Claims:  # fmt: skip
    """Hold what is said of caches against the experiments of the lab."""
    return Claims(
        (
            _faster(reading),
            _waste(waste),
            _pages(pages),
            _int8(bits),
            _sinks(windows),
            _prefixes(prefixes),
            _weights(answers),
            _similar(similar),
        )
    )


def _faster(reading: ReadingAgain) -> Claim:
    """Hold where even a single token gains; in part where only long texts do."""
    gains = {tokens: reading.ratio(tokens) for tokens in (1, 256)}
    sure = [low_end(gain) > 1 for gain in gains.values()]
    return Claim(
        "a cache makes generation faster",
        f"one token {gains[1].value:.2f} times, 256 tokens {gains[256].value:.1f} "
        "times as fast",
        of_cases(sure),
    )


def _waste(waste: Waste) -> Claim:
    shares = {size: waste.wasted(size).value for size in (16, 128)}
    small = [share < WASTE for share in shares.values()]
    said = ", ".join(f"pages of {k} waste {100 * v:.1f} %" for k, v in shares.items())
    return Claim(
        "paging wastes under 4 % of the memory",
        f"{said}, one piece {100 * waste.wasted(None).value:.1f} %",
        of_cases(small),
    )


def _pages(pages: OnPages) -> Claim:
    ratios = [pages.ratio("package", rows=rows) for rows in (1, 8)]
    free = [ratio.details["verdict"] != comparison.SLOWER for ratio in ratios]
    return Claim(
        "pages cost no time",
        f"a step takes {ratios[0].value:.2f} times as long with one row, "
        f"{ratios[1].value:.2f} times with 8",
        of_cases(free),
    )


def _int8(bits: FewerBits) -> Claim:
    """Ask that even the end of the interval costs next to nothing."""
    lost = bits.lost(8)
    return Claim(
        "int8 caches cost no quality",
        f"{_percent(lost)} bits per byte",
        HOLDS if high_end(lost) <= SLIGHT else OPEN if lost.value <= SLIGHT else FAILS,
    )


def _sinks(windows: Windows) -> Claim:
    """Hold where a window surely needs more bits without sinks, token by token."""
    losses = [windows.without_sinks(width) for width in (64, 256)]
    needed = [loss.low is not None and loss.low > 0 for loss in losses]
    said = ", ".join(
        f"window of {width}: {_percent(windows.lost(width, 0))} bits without, "
        f"{_percent(windows.lost(width, 4))} with them"
        for width in (64, 256)
    )
    return Claim(
        "attention sinks are needed",
        said,
        of_cases(needed),
    )


def _prefixes(prefixes: Prefixes) -> Claim:
    gains = {trace: prefixes.ratio(trace) for trace in (EDITOR, INDEPENDENT)}
    sooner = [gain.details["verdict"] == comparison.FASTER for gain in gains.values()]
    return Claim(
        "prefix caching cuts the time to first token",
        f"editor {gains[EDITOR].value:.1f} times as soon, prompts that share nothing "
        f"{gains[INDEPENDENT].value:.2f} times",
        of_cases(sooner),
    )


def _weights(answers: Answers) -> Claim:
    named, weighed = (answers.stale(key).value for key in (BY_NAME, BY_WEIGHTS))
    return Claim(
        "an exact cache never gives a wrong answer",
        f"after a quantization {100 * named:.0f} % are stale under a key without the "
        f"weights, {100 * weighed:.0f} % under one with them",
        FAILS if weighed else PARTLY if named else HOLDS,
    )


def _similar(similar: Similar) -> Claim:
    served, wrong = (get(USUAL).value for get in (similar.served, similar.wrong))
    return Claim(
        "similar questions have the same answer",
        f"from a similarity of {USUAL:g} on {100 * served:.0f} % are served, "
        f"{100 * wrong:.0f} % of them wrongly",
        HOLDS if wrong <= RARE else FAILS,
    )


def _percent(fact: Record) -> str:
    digits = 2 if abs(fact.value) < 0.01 else 1
    return percent(fact.value, digits=digits)
