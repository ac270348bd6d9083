"""The pictures of lab 04 say what the records say, and the widget changes with it."""

import itertools
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from drawn import faults, words_of

from llmlab.core import recording
from llmlab.core.records import Record
from llmlab.show import quantization as pictures
from llmlab.show import style
from llmlab.show.quantization import looks


def record(name, value, unit="1", low=None, high=None, subject="", **details):
    kind = details.pop("kind", "measured")
    return Record(
        name=name, value=value, unit=unit, kind=kind, low=low, high=high,
        subject=subject, details=details,
    )  # fmt: skip


def at(bits, size, **more):
    return {"bits": bits, "group size": size} | more


EDGES = np.linspace(-1, 1, 22)
BELL = np.exp(-8 * (EDGES[1:] + EDGES[:-1]) ** 2)
SHARES = [
    Record(name="share of weights", value=share, unit="1", kind="measured",
           details={"low": low, "high": high})
    for share, low, high in zip(BELL / BELL.sum(), EDGES, EDGES[1:], strict=False)
]  # fmt: skip
CHOICES = list(itertools.product((8, 4, 2), ("tensor", "32")))
GRIDS = SHARES + [
    fact
    for bits, size in CHOICES
    for step in ((1.9 if size == "tensor" else 1.3) / (2**bits - 1),)
    for fact in (
        record("quantization step", step, **at(bits, size), **{
            "first level": -step * (2 ** (bits - 1) - 1),
            "last level": step * (2 ** (bits - 1) - 1),
            "levels": 2**bits - 1, "widest step": 2 * step,
        }),
        record("rounding error", step, **at(bits, size),
               **{"bits per weight": bits + 0.5 * (size == "32")}),
        record("bits per weight", bits + 0.5 * (size == "32"), "bit",
               **at(bits, size)),
        record("bits per byte", 1.1 + step, "bit/B", **at(bits, size)),
    )
]  # fmt: skip
LOSSES = [
    record(
        "difference in bits per byte", loss, "bit/B", 0.9 * loss, 1.1 * loss,
        **at(bits, size, method=method, relative=0.9 * loss,
             relative_low=0.8 * loss, relative_high=loss),
        kind=kind,
    )
    for method, factor in (("rounding", 1.0), ("GPTQ", 0.4), ("AWQ", 0.5))
    for bits, size in itertools.product((2, 3, 4), ("32", "channel"))
    for loss in (factor * 0.3 ** (bits - 2),)
    for kind in ("recorded", "measured")[: 1 + (method == "GPTQ" and size == "32")]
] + [
    record("difference in bits per byte", -0.0002, "bit/B", -0.0004, 0.0001,
           **at(8, "channel", method="rounding", relative=-0.0002,
                relative_low=-0.0004, relative_high=0.0001), kind="recorded")
]  # fmt: skip
NAMES = {"prefill": "prefill latency", "decode": "decode latency per token"}
PHASES = [
    fact
    for row, word in enumerate(("fp32", "int8", "int4-g32"))
    for phase, scale in (("prefill", 1e-2), ("decode", 1e-3))
    for fact in (
        record(NAMES[phase], scale / (1 + row), "s", 0.9 * scale / (1 + row),
               1.1 * scale / (1 + row), subject=word),
        *(
            record(f"{bound} bound", scale * share / (1 + row), "s", subject=word,
                   phase=phase, kind="estimated")
            for bound, share in (("compute", 0.5), ("bandwidth", 0.3),
                                 ("overhead", 0.1))
        ),
    )
]  # fmt: skip
PICTURES = {
    "levels": lambda: pictures.levels(GRIDS, bits=4, group_size="32"),
    "quality_by_bits": lambda: pictures.quality_by_bits(LOSSES),
    "format_bounds": lambda: pictures.format_bounds(PHASES),
}
every_picture = pytest.mark.parametrize("name", PICTURES)


@every_picture
def test_a_picture_keeps_the_rules_of_all(name):
    assert faults(PICTURES[name]) == []


@every_picture
@pytest.mark.parametrize("wrong", [[], [3.0], [record("height", 3.0)]])
def test_no_records_numbers_or_strange_records_are_refused(name, wrong):
    with pytest.raises(ValueError, match="records"):
        getattr(pictures, name)(wrong)


# Levels


def lines_of(axes):
    (levels,) = [
        each for each in axes.collections
        if isinstance(each, matplotlib.collections.LineCollection)
    ]  # fmt: skip
    return [segment[0][0] for segment in levels.get_segments()]


def test_levels_stand_in_even_steps_over_a_histogram_that_does_not_move():
    four = pictures.levels(GRIDS, bits=4, group_size="32").axes[0]
    assert lines_of(four) == pytest.approx(np.arange(-7, 8) * 1.3 / 15)
    two = pictures.levels(GRIDS, bits=2, group_size="tensor").axes[0]
    assert len(lines_of(two)) == 3
    assert four.get_xlim() == two.get_xlim() == (-1, 1)


def test_the_costs_of_all_choices_stand_beside_it_and_the_choice_is_ringed():
    _, error, quality = pictures.levels(GRIDS, bits=4, group_size="32").axes
    for axes, value in ((error, 1.3 / 15), (quality, 1.1 + 1.3 / 15)):
        assert axes.get_yscale() == "log"
        (ring,) = [each for each in axes.lines if each.get_markerfacecolor() == "none"]
        assert (ring.get_xdata()[0], ring.get_ydata()[0]) == pytest.approx((4, value))
        curves = [each for each in axes.lines if len(each.get_xdata()) > 1]
        assert [list(each.get_xdata()) for each in curves] == [[2, 4, 8]] * 2


def test_one_grid_alone_is_drawn_without_costs():
    facts = [*SHARES, *(each for each in GRIDS if each.details.get("bits") == 8)]
    facts = [each for each in facts if each.details.get("group size") != "32"]
    fig = pictures.levels(facts)
    assert len(fig.axes) == 1
    assert fig.axes[0].get_title(loc="left") == "8 bits, one scale for all"


def test_levels_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match=r"bits 5; choose one of \[8, 4, 2\]"):
        pictures.levels(GRIDS, bits=5)
    with pytest.raises(ValueError, match="no 'share of weights'"):
        pictures.levels([each for each in GRIDS if each.name == "quantization step"])
    with pytest.raises(ValueError, match=r"details\['group size'\]"):
        pictures.levels([*SHARES, record("quantization step", 0.1, bits=4)])


# Quality by bits


def marks(axes):
    """Return what stands at which value and height: x, y, and whether it is filled."""
    return [
        (line.get_xdata()[0], line.get_ydata()[0],
         line.get_markerfacecolor() != style.CARD)
        for line in axes.lines
        if line.get_marker() not in ("None", None, "") and len(line.get_xdata())
    ]  # fmt: skip


def test_each_width_has_a_panel_from_zero_and_each_method_a_row():
    fig = pictures.quality_by_bits(LOSSES, sizes=("32",))
    titles = [axes.get_title(loc="left") for axes in fig.axes]
    assert titles == ["2 bits, a scale for 32 weights", "3 bits", "4 bits"]
    names = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert names == ["rounding", "GPTQ", "AWQ"]
    filled = [(x, round(y)) for x, y, is_filled in marks(fig.axes[1]) if is_filled]
    assert {y: x for x, y in filled} == pytest.approx(
        {0: 0.27, 1: 0.4 * 0.27, 2: 0.5 * 0.27}
    )
    assert all(axes.get_xlim()[0] < 0 < axes.get_xlim()[1] for axes in fig.axes)


def test_a_second_group_size_is_a_second_line_of_panels():
    fig = pictures.quality_by_bits(LOSSES)
    assert len(fig.axes) == 2 * 4  # 8 bits are there for rows only
    first = [axes.get_title(loc="left") for axes in fig.axes[::4]]
    assert first == ["2 bits, a scale for 32 weights", "2 bits, a scale for each row"]


def test_what_was_measured_here_is_hollow_and_said_so():
    fig = pictures.quality_by_bits(LOSSES, sizes=("32",))
    hollow = [(x, y) for x, y, is_filled in marks(fig.axes[0]) if not is_filled]
    ((value, height),) = hollow
    assert value == pytest.approx(0.9 * 0.4) and round(height) == 1 < height
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert labels == ["recorded", "measured here"]
    kept = [each for each in LOSSES if each.kind == "recorded"]
    (legend,) = pictures.quality_by_bits(kept).legends
    assert [text.get_text() for text in legend.get_texts()] == ["recorded"]


def test_a_method_has_one_look_and_a_learners_part_that_of_its_method():
    assert looks.of_method("GPTQ, yours") == looks.of_method("GPTQ")
    known = [looks.of_method(name) for name in looks.METHODS]
    assert len({look.color for look in known}) == len(looks.METHODS)
    bits = {looks.of_bits(bits, (2, 3, 4)) for bits in (2, 3, 4)}
    assert not bits & {looks.of_method(name) for name in looks.METHODS[:4]}
    assert looks.of_size("32") != looks.of_size("channel") != looks.of_size("tensor")
    assert looks.by_method(["AWQ, yours", "GPTQ, yours", "rounding", "GPTQ"]) == [
        "rounding", "GPTQ", "GPTQ, yours", "AWQ, yours",
    ]  # fmt: skip


def test_a_gain_lies_left_of_the_line_of_nothing_lost():
    rows = pictures.quality_by_bits(LOSSES, sizes=("channel",)).axes[-1]
    ((value, _, _),) = marks(rows)
    assert value == pytest.approx(-0.0002) and rows.get_xlim()[0] < value
    assert "−0.0 %" in words_of(rows.figure)


def test_the_recorded_grid_is_drawn_whole_with_what_was_measured():
    kept = recording.shipped("quantization_grid")
    live = [replace(fact, kind="measured") for fact in kept[:20:5]]
    assert faults(lambda: pictures.quality_by_bits([*kept, *live], title="coder")) == []


def test_losses_that_cannot_be_drawn_are_refused():
    with pytest.raises(ValueError, match="group sizes 64"):
        pictures.quality_by_bits(LOSSES, sizes=("64",))
    with pytest.raises(ValueError, match=r"details\['method'\]"):
        pictures.quality_by_bits([record("difference in bits per byte", 0.1, "bit/B")])


# Formats and their bounds


def test_each_format_has_its_time_and_three_marks_in_both_phases():
    fig = pictures.format_bounds(PHASES)
    prefill, decode = fig.axes
    assert prefill.get_title(loc="left") == "prefill"
    assert decode.get_title(loc="left") == "decode, one token"
    assert {axes.get_xscale() for axes in fig.axes} == {"log"}
    assert times(decode) == pytest.approx([1e-3, 1e-3 / 2, 1e-3 / 3])
    bounds = {(x, is_filled) for x, y, is_filled in marks(decode) if y == 0}
    assert {(0.5e-3, True), (0.3e-3, False), (0.1e-3, False)} <= bounds
    assert "1.00 ms, 2.00×" in words_of(fig)  # times the largest bound
    labels = [text.get_text() for text in fig.legends[0].get_texts()]
    assert sorted(labels) == [
        "bandwidth bound", "compute bound", "hollow: not the largest", "left to gain",
        "measured", "overhead bound",
    ]  # fmt: skip
    names = [label.get_text() for label in prefill.get_yticklabels()]
    assert names == ["fp32", "int8", "int4-g32"]


def test_the_axis_of_times_ends_where_the_data_end():
    for axes in pictures.format_bounds(PHASES).axes:
        end = axes.spines["bottom"].get_bounds()[1]
        assert max(times(axes)) < end < axes.get_xlim()[1]
        assert len(axes.get_xticks()) and max(axes.get_xticks()) <= end


TIME = 14  # points of its mark, and of no other


def times(axes):
    """Return where the marks of measured times are."""
    marks = [line for line in axes.lines if line.get_markersize() == TIME]
    return [line.get_xdata()[0] for line in marks]


def test_a_format_without_its_time_is_left_out():
    facts = [each for each in PHASES if (each.subject, each.name)
             != ("int8", "prefill latency")]  # fmt: skip
    prefill, decode = pictures.format_bounds(facts).axes
    assert [len(times(axes)) for axes in (prefill, decode)] == [2, 3]
    bounds = [each for each in PHASES if "bound" in each.name]
    with pytest.raises(ValueError, match="of the same subject"):
        pictures.format_bounds(bounds)


# The widget


def test_choosing_bits_changes_line_and_figure_and_draws_each_once():
    widget = pictures.levels_widget(GRIDS, bits=4, group_size="32")
    assert widget.choice == {"bits": 4, "group size": "32"}
    assert widget.text == (
        "4 bits, a scale for 32 weights: rounding error 8.7 %, bits per weight "
        "4.50 bits, bits per byte 1.187 bit/B"
    )
    before = widget.picture.value
    widget.selectors["bits"].value = 2
    assert widget.picture.value != before and "2 bits" in widget.line.value
    widget.selectors["bits"].value = 4
    assert widget.picture.value == before
    assert len(widget._drawn) == 2


def test_the_widget_is_read_out_and_stands_without_a_kernel():
    widget = pictures.levels_widget(GRIDS, title="up of coder")
    assert widget.choice == {"bits": 8, "group size": "tensor"}
    assert 'role="status"' in widget.line.value
    assert 'alt="Histogram of weights with levels, 8 bits, one' in widget.picture.value
    bundle = widget._repr_mimebundle_()
    assert bundle["text/plain"] == widget.text and "<img" in bundle["text/html"]


def test_a_grid_that_was_not_computed_says_so():
    widget = pictures.levels_widget(
        each for each in GRIDS
        if (each.details.get("bits"), each.details.get("group size")) != (2, "32")
    )  # fmt: skip
    widget.selectors["bits"].value = 2
    widget.selectors["group size"].value = "32"
    assert "not computed before" in widget.text and "<img" not in widget.picture.value


def test_a_widget_without_grids_is_refused():
    with pytest.raises(ValueError, match="no 'quantization step'"):
        pictures.levels_widget(SHARES)
    with pytest.raises(ValueError, match="bits 5"):
        pictures.levels_widget(GRIDS, bits=5)
