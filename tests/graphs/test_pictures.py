"""The pictures of ways, places and levels keep the rules and say what they show."""

import drawn
import pytest

from llmlab import show
from llmlab.core import records
from llmlab.graphs import quantities as q
from llmlab.show.graphs import ladder, levels, places

EAGER = "eager"
WAYS = {  # ms of a step, seconds to build
    EAGER: (5.0, None), "fused": (4.8, None), "static": (5.2, 0.4),
    "compiled": (4.4, 28.0), "ONNX Runtime": (2.9, 4.1), "OpenVINO": (2.6, 6.5),
    "native int8": (1.5, 0.9),
}  # fmt: skip
UNSURE = {"fused"}
BEFORE = [("norm", "pow"), ("norm", "mean"), ("norm", "rsqrt"), ("norm", "mul"),
          ("norm", "mul"), ("attention", "mm"), ("attention", "mm"),
          ("attention", "mm"), ("attention", "mul"), ("attention", "add"),
          ("attention", "sdpa"), ("attention", "mm"), ("mlp", "mm"), ("mlp", "mm"),
          ("mlp", "silu"), ("mlp", "mul"), ("mlp", "mm")]  # fmt: skip
AFTER = [("norm", ["pow", "mean", "rsqrt", "mul", "mul"]), ("attention", "mm"),
         ("attention", ["mul", "add"]), ("attention", "sdpa"), ("attention", "mm"),
         ("mlp", "mm"), ("mlp", ["silu", "mul"]), ("mlp", "mm")]  # fmt: skip


def fact(what, value, subject="", *, kind="measured", **details):
    ends = {"low": 0.95 * value, "high": 1.1 * value} if kind == "measured" else {}
    return records.make(
        what, value, kind=kind, subject=subject, details=details, **ends
    )


def laddered(ways=WAYS):
    facts, plain = [], ways[EAGER][0]
    for name, (ms, build) in ways.items():
        facts.append(fact(q.STEP_TIME, ms / 1e3, name, tokens=128))
        if name != EAGER:
            word = "faster" if ms < plain else "slower"
            word = "no significant difference" if name in UNSURE else word
            facts.append(
                fact(q.STEP_GAIN, plain / ms, name, against=EAGER, verdict=word)
            )
        if build:
            facts.append(fact(q.BUILD_SECONDS, build, name))
            if ms < plain:
                count = 1e3 * build / (plain - ms)
                facts.append(fact(q.PAID, count, name, kind="estimated", against=EAGER))
    return facts


def built():
    """The same without ratios: what asks when building has paid."""
    return [each for each in laddered() if each.name != q.STEP_GAIN.name]


def compiled():
    return [
        records.make(q.COMPILATIONS, count, kind="measured", subject=name,
                     details={"step": step})
        for name, counts in (("growing cache", range(1, 9)), ("fixed places", [1] * 8))
        for step, count in enumerate(counts, 1)
    ]  # fmt: skip


def filled():
    return [
        fact(q.FILLED_TIME, time * 1e-3, name, filled=count, places=room)
        for name, grows in (("fixed places", False), ("growing cache", True))
        for count in (16, 64, 256)
        for room in [count if grows else 256]
        for time in [4 + room / 256]
    ]


def roomy():
    """More and more places for as many tokens."""
    return [
        fact(q.FILLED_TIME, (4 + room / 256) * 1e-3, "static", filled=16, places=room)
        for room in (64, 256, 1024)
    ]


def at_levels():
    rates = {"-O0": 0.4e9, "-O3": 5.6e9, "this machine": 14.2e9, "prefetch": 15.9e9}
    facts = [
        fact(q.INNER_RATE, rate, "dot", level=name) for name, rate in rates.items()
    ]
    return facts + [
        fact(q.INNER_TIME, 1e6 / rate, "dot", level=name)
        for name, rate in rates.items()
    ]


PICTURES = {
    "ladder": (laddered, ladder.ways),
    "paid": (built, ladder.paid),
    "growing": (compiled, places.growing),
    "filled": (filled, places.filled),
    "roomy": (roomy, places.filled),
    "levels": (at_levels, levels.levels),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_keeps_the_rules(name):
    result, draw = PICTURES[name]
    assert not drawn.faults(lambda: draw(result()))
