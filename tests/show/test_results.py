"""A result gets its picture and its words from what its records are facts of."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from drawn import words_of
from timed_records import BANDWIDTH, BOUNDS, PARTS, RATIOS, WAITS, record

from llmlab import show
from llmlab.core import quantities
from llmlab.show import registry
from llmlab.show.measure import parts, phases


class Result:
    """A result of an experiment: it tells its facts."""

    def __init__(self, facts):
        self.facts = facts

    def records(self):
        return list(self.facts)


RESULTS = {
    "by_position": (WAITS, ["re-reading", "60.0 ms", "22.1×", "4.00 ms"]),
    "step_parts": (PARTS, ["products beyond the bound 2.90 ms, 58 %", "67 %"]),
    "ratios": (RATIOS, ["bf16: 1.90× (1.80 to 2.00)", "0.700×"]),
    "bounds": (BOUNDS, ["overhead-bound", "2.70 ms measured", "1.29× that bound"]),
}


@pytest.mark.parametrize("name", ["by_position", "step_parts", "ratios", "bounds"])
def test_a_result_is_drawn_and_its_finding_is_said(name):
    facts, words = RESULTS[name]
    picture = show.figure(Result(facts))
    assert not [word for word in words if word not in picture.alt], picture.alt
    assert show.figure(facts).png == picture.png
    assert len(picture.png) <= 40_000


def test_bandwidth_is_drawn_with_the_weights_that_are_given_beside_it():
    curve = [
        record("read bandwidth", each.value, "B/s", **dict(each.details))
        for each in BANDWIDTH[:-1]
    ]
    weights = BANDWIDTH[-1]
    alone, both = show.figure(Result(curve)), show.figure([Result(curve), weights])
    assert "16.0 MB" in both.alt and "16.0 MB" not in alone.alt
    assert alone.png != both.png


def test_requests_are_drawn_from_their_samples():
    facts = [
        record("wait for a token, mean", 0.02, "s", subject="both"),
        record("wait for a token, p50", 0.005, "s", subject="both"),
    ]
    result = Result(facts)
    result.samples = {"both": [0.005, 0.005, 0.05]}
    assert "the mean is 4.00× the median" in show.figure(result).alt
    with pytest.raises(ValueError, match="no single waits"):
        show.figure(facts)


def test_growth_and_flatness_are_told_apart():
    alt = show.figure(WAITS).alt
    assert "the later ones grow from 65.5 ms to 88.5 ms" in alt
    assert (
        "with a cache: the first token takes 60.0 ms, the later ones stay near" in alt
    )
    growing = [
        record("wait by position", 0.01 * place, "s", subject="a", position=place)
        for place in range(1, 41)
    ]
    assert "grow from 55.0 ms to 365 ms" in show.figure(growing).alt


def test_alt_text_and_title_may_be_one_s_own():
    picture = show.figure(RATIOS, alt="All ratios.", title="Ratios of ours")
    assert picture.alt == "All ratios."
    assert picture.png != show.figure(RATIOS, alt="All ratios.").png


def test_what_no_picture_fits_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match="holds love, for which there is no picture"):
        show.figure([record("love", 1.0, "1")])
    with pytest.raises(ValueError, match="result is a int; give what has records"):
        show.figure(3)
    with pytest.raises(ValueError, match="result holds nothing"):
        show.figure([])


def test_the_picture_that_needs_most_is_taken(monkeypatch):
    monkeypatch.setattr(registry, "_KINDS", [])
    registry.register("a", draw="one", alt=str)
    registry.register("a", "b", draw="two", alt=str)
    registry.register("a", "b", key="batch", draw="three", alt=str)
    a, b = SimpleNamespace(name="a", details={}), SimpleNamespace(name="b", details={})
    assert registry.kind_of([a]).draw == "one"
    assert registry.kind_of([a, b]).draw == "two"
    b.details["batch"] = 1
    assert registry.kind_of([a, b]).draw == "three"
    with pytest.raises(ValueError, match="needs is empty"):
        registry.register(draw=None, alt=None)


def test_the_legend_says_the_time_per_token_that_is_used_elsewhere():
    assert any(
        "65.5 ms → 88.5 ms" in word
        for word in words_of(show.measure.by_position(WAITS))
    )
    name = WAITS[0].subject
    time = record("time per token", 0.0777, "s", subject=name)
    words = words_of(show.measure.by_position([*WAITS, time]))
    assert f"{name}, 77.7 ms per token" in words


def test_a_part_has_the_colour_of_its_bound():
    looks = [parts.LOOKS[what] for what in ("arithmetic", "reading the weights")]
    assert [*looks, parts.LOOKS["starting operators"]] == [0, 1, 2]
    assert [what.name for what in quantities.BOUNDS] == list(phases.ORDER)
    assert {*parts.LOOKS} == {part.name for part in quantities.PARTS}


def test_parts_without_their_whole_are_refused():
    with pytest.raises(ValueError, match="'time of a token'"):
        show.measure.step_parts(PARTS[1:2])
    with pytest.raises(ValueError, match="no part of 'prefill'"):
        show.measure.step_parts(PARTS[:1])
    with pytest.raises(ValueError, match="'wait by position'"):
        show.measure.by_position(PARTS)


def test_what_records_note_is_said_in_the_words_and_below_the_parts():
    noted = [
        replace(fact, details=dict(fact.details) | {"note": "A core was busy."})
        for fact in PARTS
    ]
    assert show.figure(noted).alt.endswith(" A core was busy.")
    words = words_of(show.measure.step_parts(noted))
    assert any(word.endswith("measured)\nA core was busy.") for word in words)
