"""The pictures of lab 7 show every record, and say in words what they show."""

import time

import pytest

from llmlab import show
from llmlab.caching import quantities as q
from llmlab.caching.experiments.states import PageStates, State
from llmlab.core import records
from llmlab.show.caching import drawings

DRAWINGS = ("kept", "pages", "tree", "answers")


class Result:
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


def test_writing_is_a_curve_for_each_way_with_the_gain_between():
    facts = [
        fact(q.WRITING, seconds * tokens, way, tokens=tokens, prompt=16)
        for way, seconds in (("reading again", 0.04), ("with a cache", 0.004))
        for tokens in (16, 256)
    ]
    gains = [
        fact(q.CACHE_SPEED_UP, gain, "with a cache", tokens=tokens, prompt=16)
        for tokens, gain in ((16, 3), (256, 10))
    ]
    html = said(*facts, *gains)
    assert "reading again: 640 ms for 16 tokens, 10.2 s for 256 tokens" in html
    assert "as fast as reading again 3 times at 16, 10 times at 256" in html


def test_memory_says_what_is_wasted():
    facts = []
    for name, reserved in (("one piece", 80e6), ("pages of 16", 41e6)):
        facts += [fact(q.HELD, 40e6, name), fact(q.RESERVED, reserved, name)]
    html = said(*facts)
    assert "one piece: 80.0 MB reserved, 40.0 MB in use, 50.0 % wasted" in html
    assert "2.4 % wasted" in html


def test_a_step_on_pages_says_how_many_times_as_long_it_takes():
    facts = [
        fact(q.CACHE_STEP, rows * seconds, name, rows=rows, tokens=512)
        for rows in (1, 8)
        for name, seconds in (("one piece", 0.004), ("pages", 0.005))
    ]
    facts += [fact(q.TIMES_AS_LONG, 1.25, "pages", rows=rows) for rows in (1, 8)]
    html = said(*facts)
    assert "pages, one text of 512 tokens: 5.00 ms, 1.25 × as long" in html
    assert "one piece, 8 texts of 512 tokens: 32.0 ms" in html


def test_fewer_bits_have_a_loss_a_size_and_a_time():
    html = said(
        fact(q.CACHE_LOSS, 0.0023, "int4", bits=4),
        fact(q.TOKEN_CACHE, 5120, "float32", bits=32),
        fact(q.TOKEN_CACHE, 800, "int4", bits=4),
        fact(q.CACHE_STEP, 0.005, "float32", tokens=512),
        fact(q.CACHE_STEP, 0.007, "int4", tokens=512),
        fact(q.TIMES_AS_LONG, 1.4, "int4", bits=4),
    )
    assert "int4: +0.23 % bits per byte, 800 B a token, 7.00 ms a step" in html
    assert "float32: nothing lost" in html


def test_windows_have_a_panel_each():
    html = said(
        *(
            fact(q.CACHE_LOSS, loss, name, window=width, sinks=sinks)
            for width, loss in ((64, 0.17), (256, 0.04))
            for name, sinks in (("no sinks", 0), ("4 sinks", 4))
        )
    )
    assert "Window of 64, no sinks: +17.0 %" in html
    assert "Window of 256, 4 sinks: +4.0 %" in html


def test_prefixes_show_tokens_and_times_both_ways():
    html = said(
        fact(q.TOKENS_READ, 9000, "editor"),
        fact(q.TOKENS_READ_WITH, 1100, "editor"),
        fact(q.FIRST_TOKEN, 0.06, "editor"),
        fact(q.FIRST_TOKEN_WITH, 0.01, "editor"),
        fact(q.TIMES_FEWER, 8.2, "editor"),
        fact(q.TIMES_SOONER, 6, "editor"),
    )
    assert "tokens read 9,000 tokens without, 1,100 tokens with" in html
    assert "time to first token, p50 60.0 ms without, 10.0 ms with" in html


def test_hits_by_capacity_are_a_curve_for_each_trace():
    html = said(
        *(
            fact(q.PREFIX_HITS, share, "chat", capacity=capacity)
            for capacity, share in ((1024, 0.5), (4096, 0.9))
        )
    )
    assert "chat: 50% at 1,024, 90% at 4,096" in html


def test_answers_show_hits_and_where_they_come_from():
    html = said(
        fact(q.ANSWER_HITS, 0.4, "yours", capacity=10),
        fact(q.GET, 2e-6, "memory"),
        fact(q.GET, 0.15, "generation"),
        fact(q.STALE, 0.5, "key without the weights"),
    )
    assert "yours: 40% at 10" in html
    assert "memory 2.00 µs, generation 150 ms" in html


def test_similar_answers_have_two_shares_by_threshold_and_those_of_exact_texts():
    html = said(
        *(
            fact(what, share, "similar", threshold=threshold)
            for threshold in (0.8, 0.99)
            for what, share in ((q.SERVED, threshold), (q.WRONG, 1 - threshold))
        ),
        fact(q.SERVED, 0.25, "normalised", threshold=1.0),
    )
    assert "requests served: 80% at 0.8, 99% at 0.99" in html
    assert "normalised: 25% served" in html


@pytest.fixture
def states():
    rows = [{}, {"A": ((2, 5), 6)}, {"A": ((2, 5), 7), "B": ((2, 1), 5)}]
    free = [(1, 2, 3, 4, 5), (1, 3, 4), (3, 4)]
    made = [
        State(f"step {step}", each, left)
        for step, (each, left) in enumerate(zip(rows, free, strict=True))
    ]
    return PageStates(tuple(made), page_size=4, pages=6, requests=("A", "B"))


def test_the_widget_goes_through_the_steps_and_says_what_is_shared(states):
    widget = show.caching.pages_widget(states)
    assert repr(widget) == "step 1; 3 pages free, 0 shared", "opens in the middle"
    widget.slider.value = 2
    assert repr(widget) == "step 2; 2 pages free, 1 shared"
    assert "A: 7 tokens in pages 2, 5; B: 5 tokens in pages 2, 1" in (
        widget.picture.value
    )
    assert "2 pages free" in widget._repr_mimebundle_()["text/html"]


def test_the_widget_comes_back_to_a_step_at_once(states):
    widget = show.caching.pages_widget(states)
    widget.slider.value = 1
    start = time.process_time()
    widget.slider.value = 0
    assert time.process_time() - start < 0.3


def test_the_widget_refuses_what_holds_no_steps():
    with pytest.raises(ValueError, match=r"caching\.experiments\.page_states"):
        show.caching.pages_widget(Result())


def test_a_picture_of_nothing_is_refused():
    with pytest.raises(ValueError, match="time to write"):
        show.caching.writing.writing(Result(fact(q.HELD, 5, "a")))
