"""The widget of ways says what a way starts, moves and takes; it runs no model."""

import time

import pytest
from ladder_records import WAYS, fact, laddered

from llmlab import show
from llmlab.core import records
from llmlab.core.quantities import WEIGHTS
from llmlab.graphs import quantities as q
from llmlab.show.graphs import widget


def of_a_format(factor=1.0, ways=WAYS):
    """A ladder with counts and bytes, and a prefill of two ways."""
    facts = laddered({n: (factor * ms, build) for n, (ms, build) in ways.items()})
    counts = {
        "eager": (q.KERNELS, 354),
        "fused": (q.KERNELS, 274),
        "compiled": (q.STEP_KERNELS, 98),
    }
    starts = {"ONNX Runtime": (349, "nodes"), "native int8": (1, "calls")}
    facts += [
        records.make(q.NODES, n, kind="measured", subject=way, details={"kind": word})
        for way, (n, word) in starts.items()
        if way in ways
    ]
    facts += [fact(what, n, way) for way, (what, n) in counts.items() if way in ways]
    facts += [fact(WEIGHTS, 12.6e6 / factor, way, kind="estimated") for way in ways]
    facts += [fact(q.PREFILL_TIME, factor * t, way, tokens=256)
              for way, t in (("eager", 0.05), ("fused", 0.049))]  # fmt: skip
    return facts


def made():
    few = {way: WAYS[way] for way in ("eager", "fused")}
    return show.graphs.ways_widget({"fp32": of_a_format(), "bf16": of_a_format(2, few)})


def choose(shown, **choice):
    for key, value in choice.items():
        shown.selectors[key].value = value
    return repr(shown)


def test_the_widget_says_time_factor_counts_and_bytes():
    shown = made()
    assert repr(shown) == (
        "eager, fp32, decode: 5.00 ms (measured); 354 operators that compute; "
        "12.6 MB of weights"
    )
    assert choose(shown, way="fused") == (
        "fused, fp32, decode: 4.80 ms (measured); 1.04 × as fast as eager, no "
        "difference shown; 274 operators that compute; 12.6 MB of weights"
    )
    assert "; 98 kernels; " in choose(shown, way="compiled")
    assert "1.72 × as fast as eager; 349 nodes; " in (choose(shown, way="ONNX Runtime"))


def test_what_is_started_has_its_own_name():
    """Nodes, kernels or one call: the records say which (`details["kind"]`)."""
    assert "; 1 call; " in choose(made(), way="native int8")
    fig = widget.chosen(
        widget.Ways(of_a_format()),
        {"way": "eager", "dtype": "fp32", "phase": "decode"},
    )
    words = [text.get_text() for text in fig.axes[1].texts]
    assert {"354 operators", "98 kernels", "349 nodes", "1 call"} <= set(words)


def test_a_format_and_a_phase_have_records_of_their_own():
    shown = made()
    said = choose(shown, dtype="bf16")
    assert said.startswith("eager, bf16, decode: 10.0 ms (measured)")
    assert said.endswith("6.30 MB of weights")
    assert choose(shown, phase="prefill") == (
        "eager, bf16, prefill: 100 ms (measured)"
    ), "counts and bytes of a step are not those of a prefill"


def test_what_was_not_recorded_is_said_and_not_made_up():
    shown = made()
    assert choose(shown, way="OpenVINO", dtype="bf16") == (
        "OpenVINO, bf16, decode: no record of its time"
    )


def test_all_ways_are_named_for_a_reader_who_cannot_see():
    shown = made()
    page = shown._repr_mimebundle_()["text/html"]
    for way in WAYS:
        assert f"{way}, fp32, decode: " in page
    assert "data:image/png" in page
    assert 'role="status"' in shown.line.value


def test_the_choices_are_reached_by_the_keyboard():
    """Buttons: Tab goes through them and Space chooses, unlike in a list."""
    shown = made()
    assert list(shown.selectors) == ["way", "dtype", "phase"]
    assert all(type(s).__name__ == "ToggleButtons" for s in shown.selectors.values())
    chosen = [s.tooltips.count("chosen") for s in shown.selectors.values()]
    assert chosen == [1, 1, 1]


def test_the_chosen_way_is_in_bold_and_a_missing_record_is_named():
    facts = widget.Ways(of_a_format())
    fig = widget.chosen(
        facts, {"way": "fused", "dtype": "fp32", "phase": "prefill"}, title="x"
    )
    labels = {t.get_text(): t.get_fontweight() for t in fig.axes[0].get_yticklabels()}
    assert [n for n, weight in labels.items() if weight == "bold"] == ["fused"]
    words = [text.get_text() for axes in fig.axes for text in axes.texts]
    ways, panels = len(WAYS), 3
    assert words.count(widget.MISSING) == panels * ways - 2
    assert "50.0 ms" in words


def seconds(shown, way):
    start = time.process_time()
    shown.selectors["way"].value = way
    return time.process_time() - start


def test_the_widget_answers_at_once():
    """The fastest of several: a busy neighbour must not decide."""
    shown = made()
    assert min(seconds(shown, way) for way in ("fused", "static", "compiled")) < 0.3
    assert min(seconds(shown, way) for way in ("fused", "static")) < 0.05, "drawn once"


@pytest.mark.parametrize(
    "given", [[fact(q.KERNELS, 3, "eager")], {"fp32": [fact(q.NODES, 3, "a")]}]
)
def test_records_without_times_are_refused(given):
    with pytest.raises(ValueError, match=r"records=.* hold no time of a way"):
        show.graphs.ways_widget(given)


@pytest.mark.parametrize("given", [None, [], {"fp32": 3}, {}])
def test_what_holds_no_records_is_refused_by_name(given):
    with pytest.raises(ValueError, match=r"^records="):
        show.graphs.ways_widget(given)
