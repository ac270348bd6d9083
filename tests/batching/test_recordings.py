"""What is recorded of shape M is told with its machine, or said to be missing."""

import dataclasses

from llmlab import show
from llmlab.batching import experiments
from llmlab.batching import quantities as q
from llmlab.batching.experiments import recordings
from llmlab.core import recording, records

FP32, NATIVE = "M: continuous, 16, fp32", "M: continuous, 16, native int8"
THEIRS = "M: transformers static, 8"


def fact(what, value, subject, *, on="a machine", day="2026-11-27", **details):
    made = records.measured(what, value, subject=subject, details=details)
    return dataclasses.replace(
        made, kind="recorded", machine=on, date=f"{day}T06:00:00+00:00"
    )


def kept():
    """Two rounds, what follows from them, another part, and an older machine."""
    seconds = {FP32: 5.0, NATIVE: 2.0, THEIRS: 16.0}
    facts = [
        fact(q.TRACE_TIME, took, name, requests=64, round=number)
        for name, took in seconds.items()
        for number in range(2)
    ]
    for name, took in seconds.items():
        facts.append(fact(q.TRACE_TIME, took, name, requests=64))
        facts.append(fact(q.TRACE_RATE, 2000 / took, name, requests=64))
        if name != THEIRS:
            for against in ("transformers static, 8", "vLLM, 16"):
                facts.append(fact(q.TRACE_GAIN, 16 / took, name, against=against))
    facts.append(fact(q.TRACE_TIME, 9.0, "coder: one by one", requests=32))
    older = {"on": "an older one", "day": "2026-01-01", "requests": 64}
    return (*facts, fact(q.TRACE_TIME, 99.0, FP32, **older))


def test_the_fastest_way_is_told_first_with_machine_and_day():
    found = recordings.of(kept())
    assert found.said == (
        "64 requests at shape M, recorded on a machine, 2026-11-27: continuous, 16, "
        "native int8 2.00 s, continuous, 16, fp32 5.00 s, transformers static, 8 "
        "16.0 s."
    )
    told = [(one.name, one.value) for one in found.records()]
    rate, gain = q.TRACE_RATE.name, q.TRACE_GAIN.name
    assert told == [
        (rate, 400.0), (rate, 1000.0), (rate, 125.0), (gain, 3.2), (gain, 8.0)
    ]  # fmt: skip
    assert "native int8" in repr(show.table(found))


def test_where_nothing_is_recorded_a_sentence_says_how_to():
    for facts in ((), tuple(one for one in kept() if "coder" in one.subject)):
        found = recordings.of(facts)
        assert found.said == (
            "Nothing is recorded of shape M yet; python benchmarks/batching_speed.py "
            "records it."
        )
        assert not found.records()


def test_what_ships_is_told_or_said_to_be_missing():
    ships = any(one.subject[:2] == "M:" for one in recording.shipped("batching_speed"))
    found = experiments.recorded()
    assert bool(found.records()) == ships
    assert found.said.startswith("64 requests" if ships else "Nothing is recorded")
