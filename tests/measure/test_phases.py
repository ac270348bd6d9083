"""What a race gives in each phase, and the words that are refused."""

import re

import pytest

from llmlab import measure, models
from llmlab.measure import phases

NAMES = "coder-small", "coder"


@pytest.fixture(scope="module")
def race():
    both = {name: models.load(name) for name in NAMES}
    return measure.race(both, [1, 2, 3], max_tokens=4, rounds=6)


def test_both_phases_have_a_time_and_a_ratio(race):
    for of in phases.SPEED_UPS:
        small, large = (phases.latency(race, name, of) for name in NAMES)
        assert 0 < small.value < large.value and small.subject == "coder-small"
        faster = phases.ratio(race, "coder-small", "coder", of)
        assert faster.value > 1 > phases.ratio(race, "coder", "coder-small", of).value
        assert faster.details["phase"] == small.details["phase"] == of


def test_prefill_and_decode_are_not_the_same_seconds(race):
    found = {of: phases.series(race, "coder", of) for of in phases.SPEED_UPS}
    assert found["prefill"].rounds != found["decode"].rounds


@pytest.mark.parametrize("ask", [phases.series, phases.latency])
def test_what_is_no_phase_or_did_not_race_is_refused(race, ask):
    with pytest.raises(ValueError, match=r"of='later'.*'prefill' or 'decode'"):
        ask(race, "coder", "later")
    with pytest.raises(ValueError, match=re.escape("'third' did not race; choose of")):
        ask(race, "third")


def test_what_did_not_stream_has_no_phases():
    speed = measure.speed({"call": lambda: sum(range(100))}, rounds=6)
    with pytest.raises(ValueError, match="wrote no tokens one by one"):
        phases.series(speed, "call")
