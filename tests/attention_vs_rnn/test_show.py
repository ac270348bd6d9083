"""The pictures of lab 02 say what the records say, and the widget changes with it."""

import itertools
import math

import numpy as np
import pytest
from drawn import faults

from llmlab.core.records import Record
from llmlab.show import attention_vs_rnn as pictures
from llmlab.show.attention_vs_rnn import maps

WORDS = ["The", " cat", " sat", "\n", "$x$"]


def record(name, value, unit="1", low=None, high=None, subject="", **details):
    return Record(
        name=name, value=value, unit=unit, kind="measured", low=low, high=high,
        subject=subject, details=details,
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
    with pytest.raises(ValueError, match=r"records|nothing to draw"):
        getattr(pictures, name)(wrong)


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
