"""Two models compared by a learner's function and by the package's, side by side."""

import statistics

import pytest
import small_models

from llmlab.core import quantities
from llmlab.core.clock import contention
from llmlab.measure import experiments

pytestmark = pytest.mark.alone

PROMPT = [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.fixture(autouse=True)
def little(monkeypatch):
    """Measure for real, but little, and as if nobody else computed."""
    monkeypatch.setattr(contention, "free_cores", lambda seconds: 64.0)
    monkeypatch.setenv("LLMLAB_TIME", "0.1")


def stream(model, prompt, new):
    return model.stream(prompt, max_tokens=new)


def by_hand(baseline, candidate, picks, clock):
    """A learner's comparison: paired rounds, and a bootstrap interval."""
    ratios = []
    for _ in picks[0]:
        start = clock()
        baseline()
        middle = clock()
        candidate()
        ratios.append((middle - start) / (clock() - middle))
    medians = sorted(statistics.median(ratios[place] for place in row) for row in picks)
    return statistics.median(ratios), medians[25], medians[-26]


def test_a_model_against_itself_and_against_one_of_twice_the_layers():
    small, large = small_models.decoder(), small_models.decoder(num_hidden_layers=12)
    result = experiments.speed_ups(
        {"again": small, "large": large}, small, PROMPT, loop=stream, by=by_hand, new=4
    )
    assert result["large"].value < result["again"].value
    assert (
        result["large"].unit == "×" and result["large"].details["verdict"] == "slower"
    )
    facts = result.records()
    assert [fact.subject for fact in facts] == [
        "again, by hand", "again, llmlab",
        "large, by hand", "large, llmlab",
    ]  # fmt: skip
    assert {fact.name for fact in facts} == {str(quantities.SPEED_UP)}


def test_every_round_calls_both_as_often_as_a_row_of_picks_is_long():
    calls = []

    def counting(baseline, candidate, picks, clock):
        assert len({len(row) for row in picks}) == 1 and len(picks) >= 1000
        calls.append(len(picks[0]))
        return by_hand(baseline, candidate, picks, clock)

    model = small_models.decoder()
    rivals = {"again": model, "once more": model}
    experiments.speed_ups(
        rivals, model, PROMPT, loop=stream, by=counting, new=3, rounds=90
    )
    assert calls == [9, 9]


@pytest.mark.parametrize("answer", [None, 1.0, (1.0, 2.0), ("a", "b", "c")])
def test_an_answer_that_is_no_interval_is_refused(answer):
    model = small_models.decoder()
    with pytest.raises(ValueError, match="three numbers"):
        experiments.speed_ups(
            {"again": model}, model, PROMPT, loop=stream, by=lambda *_: answer, new=3
        )


def test_no_rivals_are_refused_and_an_unknown_one_is_named():
    model = small_models.decoder()
    with pytest.raises(ValueError, match="rivals="):
        experiments.speed_ups({}, model, PROMPT, loop=stream, by=by_hand)
    result = experiments.speed_ups(
        {"again": model}, model, PROMPT, loop=stream, by=by_hand, new=3
    )
    with pytest.raises(KeyError, match=r"bf16.*again"):
        result["bf16"]
