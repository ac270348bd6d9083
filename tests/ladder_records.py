"""A ladder of ways to run a step as records, for pictures; the numbers are invented."""

from llmlab.core import records
from llmlab.graphs import quantities as q

EAGER = "eager"
WAYS = {  # ms of a step, seconds to build
    EAGER: (5.0, None), "fused": (4.8, 0.05), "static": (5.2, 0.4),
    "compiled": (4.4, 28.0), "ONNX Runtime": (2.9, 4.1), "OpenVINO": (2.6, 6.5),
    "native int8": (1.5, 0.9),
}  # fmt: skip
UNSURE = {"fused"}


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
            if ms < plain and name not in UNSURE:
                count = 1e3 * build / (plain - ms)
                facts.append(fact(q.PAID, count, name, kind="estimated"))
    return facts
