"""The pictures of lab 8 show every record, and say in words what they show."""

import time
from types import SimpleNamespace

import pytest

from llmlab import show
from llmlab.batching import quantities as q
from llmlab.batching.experiments import simulation, timelines
from llmlab.core import records
from llmlab.measure.requests import Times
from llmlab.show.batching import drawings
from llmlab.show.batching import timelines as drawn

DRAWINGS = ("padding", "seats", "budget", "put_aside")


class Result:
    levels = simulation.LEVELS

    def __init__(self, *facts):
        self.facts = facts

    def records(self):
        return list(self.facts)


def fact(what, value, subject="", *, wide=0.05, **details):
    ends = {"low": value - wide * abs(value), "high": value + wide * abs(value)}
    return records.measured(what, value, subject=subject, details=details, **ends)


def said(*facts):
    return show.figure(Result(*facts))._repr_html_()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_small_and_has_alt_text(name):
    picture = getattr(drawings, name)()
    assert len(picture.png) <= 20_000
    assert len(picture.alt) > 100


def test_rows_are_points_of_a_curve():
    html = said(
        *(fact(q.ROWS_RATE, 100 * n**0.5, rows=n, tokens=8) for n in (1, 16)),
        *(fact(q.ROWS_STEP, 0.01 * n**0.5, rows=n, tokens=8) for n in (1, 16)),
        fact(q.ROWS_GAIN, 4.0, rows=16),
    )
    assert "1 row: 100 tokens/s, 10.0 ms" in html
    assert "With 16 rows 4 times the tokens of one" in html


def test_a_trace_says_how_many_times_as_fast_a_way_is():
    html = said(
        fact(q.TRACE_RATE, 100, "one by one", requests=9),
        fact(q.TRACE_RATE, 250, "continuous", requests=9),
        fact(q.TRACE_TIME, 3, "continuous", requests=9),
        fact(q.TRACE_GAIN, 2.5, "continuous", against="one by one"),
        fact(q.AS_ALONE, 1, "continuous", requests=9),
    )
    assert "one by one: 100 tokens/s." in html
    assert "250 tokens/s, 2.50 × one by one, 3.00 s in all, 100.0% of its" in html


def spans():
    states = {
        "static": [("waiting", 0, 1), ("reading its prompt", 1, 2), ("writing", 2, 4)],
        "continuous": [("writing", 0, 1), ("put aside", 1, 2), ("writing", 2, 3)],
    }
    return [
        fact(q.SPAN, end - start, policy, request=0, state=state, start=start)
        for policy, spans in states.items()
        for state, start, end in spans
    ]


def test_a_time_line_says_when_all_are_done_and_who_was_put_aside():
    html = said(*spans())
    assert (
        "static: all 1 done after 4 s; of the requests&#x27; time waiting 25%" in html
    )
    assert "continuous: all 1 done after 3 s, 1 times put aside" in html


def test_the_picture_knows_every_state_of_a_time_line():
    states = (timelines.WAITING, timelines.READING, timelines.WRITING)
    states += (timelines.ASIDE, timelines.ENDED)
    assert tuple(drawn.LOOKS) == states


def test_a_time_line_of_many_requests_stays_small():
    many = [
        fact(q.SPAN, 1 + n % 3, policy, request=n, state=state, start=start)
        for policy in ("static", "continuous")
        for n in range(32)
        for state, start in (("waiting", 0), ("writing", 2))
    ]
    assert len(show.figure(Result(*many)).png) <= 40_000


def test_gaps_have_a_panel_each():
    facts = [
        fact(q.TOKEN_TIME, when, way, stream=1, position=place)
        for way, times in {"whole": (-1, 3, 4), "chunks": (-1, 1, 2)}.items()
        for place, when in enumerate(times)
    ]
    html = said(
        *facts,
        fact(q.LONGEST_GAP, 4, "whole", prompt=9),
        fact(q.LONGEST_GAP, 2, "chunks", prompt=9),
        fact(q.GAP_RATIO, 2, "whole over chunks"),
    )
    assert "whole: longest gap 4.00 s. chunks: longest gap 2.00 s" in html
    assert "whole over chunks: 2.0 times as long" in html


def a_load():
    facts = [
        one
        for policy in simulation.POLICIES
        for at in (0.1, 0.5, 1.0)
        for one in simulation.facts(
            [Times(0, (at, 2 * at), 2 * at), Times(0, (2 * at, 3 * at), 3 * at)],
            subject=policy, details={"load": at, "rate": at},
        )
    ]  # fmt: skip
    for kind, wait in (("simulated", 0.2), ("estimated", 0.25)):
        facts.append(
            records.make(q.QUEUE_WAIT, wait, kind=kind, subject="one by one",
                         details={"load": 0.1, "rate": 0.1})
        )  # fmt: skip
    facts.append(fact(q.LITTLE, 0.97, "continuous", load=0.5))
    return Result(*facts)


def test_a_load_says_what_theory_and_little_say():
    html = show.figure(a_load())._repr_html_()
    assert "continuous: 150 ms at 0.1, 1.50 s at 1" in html
    assert "Wait one by one at 0.1: 250 ms by your formula, 200 ms simulated" in html
    assert "Live at 0.5 the engine held 0.97 times" in html


def test_the_widget_says_who_is_in_time_and_answers_at_once():
    widget = show.batching.load_widget(a_load())
    widget.selectors["level"].value = "patient"
    start = time.process_time()
    widget.selectors["load"].value = 0.1
    assert time.process_time() - start < 0.3
    assert "continuous at load 0.1: p95 of TTFT 195 ms" in repr(widget)
    assert "in time (patient: 1 s, then 100 ms a token)" in repr(widget)
    assert "static batches: TTFT 150 ms" in widget.picture.value
    assert "goodput" in widget._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("load", [Result(), SimpleNamespace(records=list)])
def test_the_widget_refuses_what_holds_no_loads(load):
    with pytest.raises(ValueError, match=r"batching\.experiments\.load"):
        show.batching.load_widget(load)


def test_padding_is_a_bar_for_each_way():
    html = said(fact(q.AS_ALONE, 0.25, "without the mask", requests=4))
    assert "without the mask: 25 %" in html


def test_waits_have_a_panel_for_each_load():
    facts = [
        fact(q.E2ES[word], at * value, name, load=at)
        for at in (0.1, 0.9)
        for name in ("waits for nobody", "waits 20 ms at most")
        for word, value in (("p50", 1), ("p95", 3))
    ]
    html = said(*facts, fact(q.BATCH_TIME, 0.2, "sentences", sentences=1))
    assert "Load 0.9, waits for nobody: p50 900 ms, p95 2.70 s" in html
    assert "A batch of 1: 200 ms" in html


def test_orders_have_a_mean_and_a_worst_wait():
    html = said(
        fact(q.ORDERED_MEAN, 2, "shortest first"),
        fact(q.ORDERED_WORST, 9, "shortest first"),
    )
    assert "shortest first: mean 2.00 s, worst 9.00 s" in html


def test_a_picture_of_nothing_is_refused():
    with pytest.raises(ValueError, match="time in a state"):
        drawn.timeline(Result(fact(q.AS_ALONE, 1)))
