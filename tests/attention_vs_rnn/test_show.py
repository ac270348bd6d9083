"""The pictures of lab 02 say what the records say, and the widget changes with it."""

import itertools
import math

import numpy as np
import pytest
from drawn import faults, words_of

from llmlab.core.records import Record
from llmlab.show import attention_vs_rnn as pictures
from llmlab.show.attention_vs_rnn import maps

WORDS = ["The", " cat", " sat", "\n", "$x$"]


def record(name, value, unit="1", low=None, high=None, subject="", **details):
    return Record(
        name=name, value=value, unit=unit, kind="measured", low=low, high=high,
        subject=subject, details=details,
    )  # fmt: skip


LENGTHS = [
    record("prefill latency", 1e-6 * n**power, "s", 0.9e-6 * n**power,
           1.1e-6 * n**power, subject=name, tokens=n)
    for name, power in (("lstm", 1.0), ("attention", 1.4))
    for n in (64, 256, 1024, 4096)
]  # fmt: skip
SLOPE = record(
    "slope", 1.4, "1", 1.35, 1.45, subject="attention", of="prefill latency",
    factor=1e-6, **{"from": 256, "to": 4096},
)  # fmt: skip
GRADIENTS = [
    record("gradient norm", value, subject=name, distance=t, state=state)
    for state, rate in (("fresh", 0.5), ("trained", 0.8))
    for name, base in (("rnn", rate), ("attention", 0.999))
    for t, value in ((t, base**t) for t in range(80))
]
MAP = [
    record("attention weight", (1 + (layer + head + key) % 3) / 9, layer=layer,
           head=head, query=query, key=key,
           **{"query token": WORDS[query], "key token": WORDS[key]})
    for layer, head, query in itertools.product((0, 1), (0, 1, 2), range(5))
    for key in range(query + 1)
]  # fmt: skip
READINGS = [
    record(name, value, unit, key=key, **{"key token": WORDS[key]})
    for key in range(5)
    for name, value, unit in (("attention weight", (5 - key) / 15, "1"),
                              ("effect of removal", key - 1.0, "bit"))
]  # fmt: skip
POSITIONS = [
    record(what, bits - gain * math.log2(to), "bit", subject=name,
           tokens=900, **{"from": to // 2 + 1, "to": to})
    for what, bits in (("bits per token", 4), ("gain from context", 0))
    for name, gain in (("coder-rnn", 0.1), ("coder-small", 0.2))
    for to in (64, 128, 256, 512)
]  # fmt: skip
PICTURES = {
    "lengths": lambda: pictures.lengths([*LENGTHS, SLOPE], "prefill latency"),
    "gradients": lambda: pictures.gradients(GRADIENTS),
    "attention_map": lambda: pictures.attention_map(MAP),
    "readings": lambda: pictures.readings(READINGS),
    "positions": lambda: pictures.positions(POSITIONS),
}
every_picture = pytest.mark.parametrize("name", PICTURES)


@every_picture
def test_a_picture_keeps_the_rules_of_all(name):
    assert faults(PICTURES[name]) == []


@every_picture
@pytest.mark.parametrize("wrong", [[], [3.0], [record("height", 3.0)]])
def test_no_records_numbers_or_strange_records_are_refused(name, wrong):
    of = ("prefill latency",) if name == "lengths" else ()
    with pytest.raises(ValueError, match="records"):
        getattr(pictures, name)(wrong, *of)


# Costs by length


def test_costs_stand_at_their_lengths_on_logarithmic_axes_with_intervals():
    axes = pictures.lengths(LENGTHS, "prefill latency").axes[0]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    lstm = axes.lines[0]
    assert list(lstm.get_xdata()) == [64, 256, 1024, 4096]
    assert list(lstm.get_ydata()) == pytest.approx(
        [6.4e-5, 2.56e-4, 1.024e-3, 4.096e-3]
    )
    assert len(axes.containers) == 2  # a whisker for every point of both


def test_a_slope_is_drawn_over_its_range_and_written_in_the_legend():
    fig = pictures.lengths([*LENGTHS, SLOPE], "prefill latency")
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == ["lstm", "attention: slope 1.40 (1.35 to 1.45)"]
    fits = [line for line in fig.axes[0].lines if list(line.get_xdata()) == [256, 4096]]
    assert list(fits[0].get_ydata()) == pytest.approx(
        [1e-6 * 256**1.4, 1e-6 * 4096**1.4]
    )


def test_a_slope_of_nothing_has_no_sign_and_one_without_interval_none():
    details = {"of": "prefill latency", "factor": 1e-4, "from": 64, "to": 256}
    flat = record("slope", -0.001, "1", -0.3, 0.001, subject="lstm", **details)
    short = record("slope", 1.0, subject="attention", **details)
    fig = pictures.lengths([*LENGTHS, flat, short], "prefill latency")
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == ["lstm: slope 0.00 (−0.30 to 0.00)", "attention: slope 1.00"]


def test_slopes_of_something_else_are_left_alone():
    other = record("slope", 0.1, subject="lstm", of="decode latency per token")
    fig = pictures.lengths([*LENGTHS, other], "prefill latency")
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == ["lstm", "attention"]


def test_bytes_are_drawn_as_memory():
    facts = [record("state", 4.0 * n, "B", subject="attention", tokens=n)
             for n in (64, 128)]  # fmt: skip
    axes = pictures.lengths(facts, "state").axes[0]
    assert axes.get_ylabel().startswith("memory (measured")
    assert any(label.endswith("B") for label in words_of(axes.figure))


def test_costs_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="no 'decode'; choose one of prefill latency"):
        pictures.lengths(LENGTHS, "decode")
    with pytest.raises(ValueError, match=r"details\['tokens'\]"):
        pictures.lengths([record("prefill latency", 1.0, "s")], "prefill latency")
    with pytest.raises(ValueError, match="above 0"):
        pictures.lengths([record("state", 0.0, "B", tokens=1)], "state")


# Gradients


def test_gradients_have_a_panel_for_each_state_and_one_scale():
    fresh, trained = pictures.gradients(GRADIENTS).axes
    assert [axes.get_title(loc="left") for axes in (fresh, trained)] == [
        "fresh", "trained",
    ]  # fmt: skip
    assert fresh.get_yscale() == "log" and fresh.get_ylim() == trained.get_ylim()
    assert list(fresh.lines[0].get_xdata()) == list(range(80))
    assert fresh.lines[0].get_ydata()[10] == pytest.approx(0.5**10)


def test_a_gradient_of_nothing_lies_on_the_floor():
    facts = [record("gradient norm", value, subject="window", distance=t)
             for t, value in enumerate((1.0, 0.1, 0.0, 1e-30))]  # fmt: skip
    axes = pictures.gradients(facts, least=1e-6).axes[0]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([1, 0.1, 1e-6, 1e-6])
    with pytest.raises(ValueError, match="above 0"):
        pictures.gradients(facts[2:3])


# Attention maps


def test_a_map_has_a_cell_for_each_pair_and_nothing_above_the_diagonal():
    axes = pictures.attention_map(MAP, layer=1, head=2).axes[0]
    grid = axes.images[0].get_array()
    assert grid.shape == (5, 5) and np.ma.getmaskarray(grid).sum() == 10
    assert grid[4, 0] == pytest.approx(1 / 9) and grid[2, 1] == pytest.approx(2 / 9)
    assert axes.get_title(loc="left") == "Attention, layer 1, head 2"
    assert len(axes.texts) == 15


def test_blanks_of_a_token_can_be_seen_and_formulas_stay_text():
    axes = pictures.attention_map(MAP).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["The", "␣cat", "␣sat", "⏎", "$x$"]
    assert not any(label.get_parse_math() for label in axes.get_yticklabels())


def test_shades_get_darker_with_the_weight():
    shades = [sum(maps.SHADES(x)[:3]) for x in np.linspace(0, 1, 50)]
    assert all(np.diff(shades) < 0)


def test_maps_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match=r"head 7; choose one of \[0, 1, 2\]"):
        pictures.attention_map(MAP, head=7)
    with pytest.raises(ValueError, match="3 weights"):
        pictures.attention_map([each for each in MAP if each.details["key"] < 3])
    many = [
        record("attention weight", 1 / 41, layer=0, head=0, query=40, key=key,
               **{"query token": "x", "key token": "x"})
        for key in range(41)
    ]  # fmt: skip
    with pytest.raises(ValueError, match="41 tokens cannot be read"):
        pictures.attention_map(many)


def test_weight_and_effect_stand_side_by_side_for_each_token():
    weight, effect = pictures.readings(READINGS).axes
    assert [bar.get_width() for bar in effect.patches] == [-1, 0, 1, 2, 3]
    assert weight.patches[0].get_width() == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="5 tokens with 'attention weight' and 4"):
        pictures.readings(READINGS[:-1])


def test_a_point_of_quality_stands_at_the_end_of_its_stretch():
    costs, gains = pictures.positions(POSITIONS).axes
    assert list(costs.lines[0].get_xdata()) == [64, 128, 256, 512]
    assert costs.lines[1].get_ydata()[-1] == pytest.approx(4 - 0.2 * 9)
    assert gains.lines[1].get_ydata()[-1] == pytest.approx(-0.2 * 9)
    assert len(pictures.positions(POSITIONS[:4]).axes) == 1


# The widget


def test_choosing_a_head_changes_line_and_figure_and_draws_each_once():
    widget = pictures.attention_widget(MAP)
    assert list(widget.selectors) == ["layer", "head"]
    before = widget.picture.value
    assert (
        "layer 0, head 0: the last token, $x$, looks most at ␣sat (33%)" in widget.text
    )
    widget.selectors["head"].value = 2
    assert widget.choice == {"layer": 0, "head": 2}
    assert widget.picture.value != before and "head 2" in widget.line.value
    widget.selectors["head"].value = 0
    assert widget.picture.value == before
    assert len(widget._drawn) == 2


def test_the_widget_is_read_out_and_stands_without_a_kernel():
    widget = pictures.attention_widget(MAP, title="The cat sat")
    assert 'role="status"' in widget.line.value and "llmlab-widget-line" in str(
        widget.line._dom_classes
    )
    assert 'alt="Attention map, layer 0, head 0: the last token' in widget.picture.value
    bundle = widget._repr_mimebundle_()
    assert bundle["text/plain"] == widget.text and "<img" in bundle["text/html"]


def test_a_head_that_was_not_computed_says_so():
    widget = pictures.attention_widget(
        each for each in MAP
        if (each.details["layer"], each.details["head"]) != (1, 2)
    )  # fmt: skip
    widget.selectors["layer"].value = 1
    widget.selectors["head"].value = 2
    assert "not computed before" in widget.text and "<img" not in widget.picture.value


def test_a_widget_without_weights_is_refused():
    with pytest.raises(ValueError, match="no 'attention weight'"):
        pictures.attention_widget(POSITIONS)
