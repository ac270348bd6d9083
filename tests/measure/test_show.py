"""The pictures of lab 1 say what the records say, and its widget what was chosen."""

import io
import itertools
import time
from dataclasses import replace

import matplotlib
import pytest
from timed_records import (
    BANDWIDTH,
    BATCHES,
    BOUNDS,
    CARD,
    RATIOS,
    ROOFLINE,
    SAMPLES,
    STEPS,
    estimates,
    record,
)

from llmlab.show import measure as pictures
from llmlab.show import style

# Plots say what the records say


def test_curves_of_a_plot_differ_in_marker_and_line_as_well_as_in_colour():
    axes = pictures.batches(BATCHES).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    one, other = lines["coder fp32"], lines["coder bf16"]
    assert one.get_marker() != other.get_marker()
    assert one.get_color() != other.get_color()
    assert one._dash_pattern != other._dash_pattern


def test_throughput_and_latency_are_drawn_against_the_batch():
    throughput, latency = pictures.batches(BATCHES).axes
    assert list(throughput.lines[0].get_xdata()) == [1, 2, 4, 8, 16]
    assert throughput.lines[0].get_ydata()[0] == pytest.approx(300)
    assert latency.lines[0].get_ydata()[0] == pytest.approx(1000 / 300)  # ms
    assert "tokens/s" in throughput.get_ylabel() and "ms" in latency.get_ylabel()


def test_a_strip_marks_median_mean_and_95th_percentile():
    axes = pictures.latencies({"step": SAMPLES["fp32"]}).axes[0]
    dots, *marks = axes.lines
    assert list(dots.get_xdata()) == pytest.approx([4.1, 4.0, 4.2, 3.9, 12.1])
    drawn = [line.get_xdata()[0] for line in marks]
    assert drawn == pytest.approx([4.1, 5.66, 10.52])  # 4.2 + 0.8 * (12.1 - 4.2)
    assert "mean 5.66 ms" in axes.texts[0].get_text()


def test_one_huge_outlier_makes_the_time_axis_logarithmic():
    axes = pictures.latencies({"step": [0.002, 0.002, 0.0021, 0.2]}).axes[0]
    assert axes.get_xscale() == "log" and "log" in axes.get_xlabel()
    assert pictures.latencies(SAMPLES).axes[0].get_xscale() == "linear"


def test_a_roofline_bends_where_bandwidth_meets_the_peak():
    axes = pictures.roofline(ROOFLINE).axes[0]
    main_memory, cache, peak = axes.lines[:3]
    assert main_memory.get_xdata()[-1] == pytest.approx(5)  # 200 GFLOP/s / 40 GB/s
    assert cache.get_xdata()[-1] == pytest.approx(1.25) == peak.get_xdata()[0]
    assert main_memory.get_ydata()[-1] == pytest.approx(200e9)
    points = {line.get_label(): line for line in axes.lines[3:]}
    assert set(points) == {"coder prefill, 150 GFLOP/s", "coder decode, 9.00 GFLOP/s"}


def test_bounds_and_times_of_a_model_become_points_on_the_roofline():
    place = {"subject": "coder", "batch": 4}
    compute = record("compute bound", 0.001, "s", "estimated", phase="decode",
                     flops=8e9, **place)  # fmt: skip
    read = record("bandwidth bound", 0.002, "s", "estimated", phase="decode",
                  bytes=2e9, **place)  # fmt: skip
    start = record("overhead bound", 0.001, "s", "estimated", phase="decode", **place)
    run = record("decode latency per token", 0.1, "s", **place)
    axes = pictures.roofline([*ROOFLINE[:3], compute, read, start, run]).axes[0]
    point = axes.lines[-1]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((4, 80e9))
    assert point.get_label() == "coder decode, 80.0 GFLOP/s"


def test_a_bandwidth_curve_gives_the_roofline_its_fastest_and_its_largest_set():
    curve = [each for each in BANDWIDTH if each.unit == "B/s"]
    axes = pictures.roofline([*curve, ROOFLINE[2]]).axes[0]
    assert [line.get_xdata()[-1] for line in axes.lines[:2]] == pytest.approx([16, 2])


def test_bars_are_as_long_as_the_times_and_each_bound_has_its_hatch():
    prefill, decode = pictures.bounds(BOUNDS).axes
    assert [bar.get_width() for bar in decode.patches] == pytest.approx(
        [0.1, 0.8, 2.1, 2.7]
    )
    assert [bar.get_width() for bar in prefill.patches][-1] == pytest.approx(61)
    assert len({bar.get_hatch() for bar in decode.patches[:3]}) == 3
    assert "estimated" in decode.get_xlabel()


def test_bounds_are_never_compared_with_the_time_of_another_batch():
    other = [record("decode latency per token", 0.009, "s", batch=16)]
    with pytest.raises(ValueError, match="same subject and batch"):
        pictures.bounds([*estimates((1, 2, 3), phase="decode", batch=1), *other])


def test_the_smallest_batch_is_the_one_compared_with_the_bounds():
    more = [record("decode latency per token", 0.009, "s", batch=16), *BOUNDS]
    assert pictures.bounds(more).axes[1].patches[-1].get_width() == pytest.approx(2.7)


def test_a_ratio_whose_interval_holds_1_is_hollow_and_called_no_difference():
    axes = pictures.ratios(RATIOS).axes[0]
    points = [line for line in axes.lines if line.get_marker() != "None"]
    faces = [point.get_markerfacecolor() for point in points]
    assert [face == style.CARD for face in faces] == [False, True, False]
    assert [point.get_marker() for point in points] == [">", "o", "<"]
    assert "no significant difference" in axes.texts[1].get_text()


def test_the_weights_stand_on_the_bandwidth_curve_where_their_size_is():
    axes = pictures.bandwidth(BANDWIDTH).axes[0]
    assert "weights of coder fp32, 16.0 MB" == axes.lines[-1].get_label()
    assert axes.lines[-1].get_xdata()[0] == 16e6


def test_the_card_leaves_out_what_was_not_measured():
    assert len(pictures.model_card(CARD).axes) == 5
    assert len(pictures.model_card([record("weights", 4e7, "B")]).axes) == 1


def test_the_card_names_model_quality_and_machine():
    words = [
        t.get_text() for t in pictures.model_card(CARD).findobj(matplotlib.text.Text)
    ]
    assert "coder fp32" in words
    assert any("bits per byte 0.92" in each for each in words)


def test_the_card_says_that_times_gave_way_to_a_neighbour():
    note = "Other processes kept a core busy, so the calls ran on 1 thread."
    noted = [replace(each, details={**each.details, "note": note}) for each in CARD]
    card = pictures.model_card(noted)
    words = [t.get_text() for t in card.findobj(matplotlib.text.Text)]
    assert sum(each.count(note) for each in words) == 1


# What cannot be drawn is refused


@pytest.mark.parametrize("plot", ["ratios", "roofline", "bandwidth", "bounds",
                                  "regimes", "batches", "model_card"])  # fmt: skip
@pytest.mark.parametrize("wrong", [[], [3.0], [record("height", 3, "m")]])
def test_no_records_numbers_or_strange_records_are_refused(plot, wrong):
    with pytest.raises(ValueError, match="records"):
        getattr(pictures, plot)(wrong)


@pytest.mark.parametrize("times", [[], [0.1, float("nan")], [0.1, 0.0], [float("inf")],
                                   [[0.1], [0.2]]])  # fmt: skip
def test_timings_that_are_none_are_refused(times):
    with pytest.raises(ValueError, match="samples"):
        pictures.latencies({"step": times})
    with pytest.raises(ValueError, match="samples is empty"):
        pictures.latencies({})


def test_a_missing_detail_is_named():
    with pytest.raises(ValueError, match=r"details\['batch'\]"):
        pictures.batches([record("decode throughput", 3, "token/s", subject="coder")])
    with pytest.raises(ValueError, match=r"details\['bytes'\]"):
        pictures.bandwidth([record("read", 3e9, "B/s")])


def test_bounds_without_the_measured_time_are_refused():
    with pytest.raises(ValueError, match="decode latency per token"):
        pictures.bounds(estimates((1, 2, 3), phase="decode"))


def test_a_value_that_a_logarithmic_axis_cannot_show_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        pictures.roofline([*ROOFLINE, record("rate", 0, "FLOP/s", intensity=1.0)])
    with pytest.raises(ValueError, match="twice for batch 4"):
        pictures.regimes([*STEPS, record("overhead bound", 1, "s", batch=4)])
    with pytest.raises(ValueError, match="above 0"):
        pictures.regimes([*STEPS, record("overhead bound", 0, "s", batch=32)])


# The widget


def step_grid():
    sizes = {"S": 0.0003, "M": 0.0015}
    found = []
    for model, dtype, batch, context in itertools.product(
        sizes, ("fp32", "bf16"), (1, 8), (128, 512)
    ):
        place = {"model": model, "dtype": dtype, "batch": batch, "context": context}
        read = sizes[model] * (2 if dtype == "fp32" else 1)
        found += estimates((0.0003 * batch, read, 0.0008), **place)
        if batch == 8:
            found.append(record("decode latency per token", 0.004, "s", **place))
    return found


def test_choosing_changes_the_line_and_the_figure():
    widget = pictures.bounds_widget(step_grid())
    before = widget.picture.value
    assert "S, fp32, batch 1, context 128: overhead-bound" in widget.line.value
    widget.selectors["model"].value = "M"
    assert "M, fp32, batch 1, context 128: bandwidth-bound, 3.00 ms estimated, " \
        "not measured" in widget.line.value  # fmt: skip
    assert widget.picture.value != before
    widget.selectors["dtype"].value = "bf16"
    widget.selectors["batch"].value = 8
    widget.selectors["context"].value = 512
    assert "M, bf16, batch 8, context 512: compute-bound, 2.40 ms estimated, " \
        "4.00 ms measured" in widget.line.value  # fmt: skip


def test_choosing_again_shows_the_same_figure_again():
    widget = pictures.bounds_widget(step_grid())
    before = widget.picture.value
    widget.selectors["batch"].value = 8
    widget.selectors["batch"].value = 1
    assert widget.picture.value == before


def test_a_click_costs_no_more_than_a_plain_drawing():
    """CPU seconds of this process, the least of a few: neighbours do not count."""

    def plain():
        fig = pictures.regimes(STEPS, at=4)
        fig.savefig(io.BytesIO(), format="png", dpi=200)

    def click(batch):
        widget.selectors["batch"].value = batch

    def seconds(call, *arguments):
        start = time.process_time()
        call(*arguments)
        return time.process_time() - start

    grid = [
        fact for batch in (1, 2, 4, 8, 16)
        for fact in estimates((0.0003 * batch, 0.002, 0.0008), batch=batch)
    ]  # fmt: skip
    widget = pictures.bounds_widget(grid, by=["batch"])
    clicks = [seconds(click, batch) for batch in (2, 4, 8, 16)]
    assert min(clicks) < 1.2 * min(seconds(plain) for _ in range(4))
    assert seconds(click, 2) < 0.5 * min(clicks)  # drawn before


def test_the_chosen_button_says_so_to_who_cannot_see_it():
    widget = pictures.bounds_widget(step_grid())
    widget.selectors["model"].value = "M"
    assert list(widget.selectors["model"].tooltips) == ["", "chosen"]


def test_all_that_the_grid_holds_can_be_chosen():
    widget = pictures.bounds_widget(step_grid())
    labels = {key: selector.options for key, selector in widget.selectors.items()}
    assert [text for text, _ in labels["model"]] == ["S", "M"]
    assert [value for _, value in labels["batch"]] == [1, 8]
    assert list(labels) == ["model", "dtype", "batch", "context"]


def test_a_browser_and_a_screen_reader_find_the_line():
    widget = pictures.bounds_widget(step_grid())
    assert "llmlab-widget-line" in widget.line._dom_classes
    assert 'role="status"' in widget.line.value
    assert 'alt="' in widget.picture.value and widget.text in widget.picture.value


def test_a_choice_that_was_not_computed_says_so():
    widget = pictures.bounds_widget(
        each for each in step_grid() if each.details["model"] != "M"
        or each.details["dtype"] == "fp32"
    )  # fmt: skip
    widget.selectors["dtype"].value = "bf16"
    widget.selectors["model"].value = "M"
    assert "not computed before" in widget.line.value
    assert "<img" not in widget.picture.value


def test_without_a_kernel_the_widget_is_its_line_and_its_figure():
    widget = pictures.bounds_widget(step_grid())
    bundle = widget._repr_mimebundle_()
    assert bundle["text/plain"] == repr(widget) == widget.text
    assert widget.text in bundle["text/html"] and "<img" in bundle["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_the_widget_shows_one_phase_of_all_that_was_measured():
    by = ["model", "batch"]
    decode = estimates((1e-3, 2e-3, 1e-3), model="M", batch=1, phase="decode")
    prefill = estimates((9e-3, 2e-3, 1e-3), model="M", batch=1, phase="prefill")
    share = record("share of the bound", 0.5, "1", "estimated", model="M", batch=1)
    everything = [*decode, *prefill, share, record("weights", 4e7, "B")]
    assert "bandwidth-bound, 2.00 ms" in pictures.bounds_widget(everything, by=by).text
    widget = pictures.bounds_widget(everything, by=by, phase="prefill")
    assert "compute-bound, 9.00 ms" in widget.text


def test_words_of_a_record_cannot_become_html():
    place = {"model": "<b>M</b>", "dtype": "fp32", "batch": 1, "context": 128}
    widget = pictures.bounds_widget(estimates((1e-3, 2e-3, 1e-3), **place))
    assert "<b>M" not in widget.line.value + widget.picture.value


@pytest.mark.parametrize(
    ("records", "options", "word"),
    [
        ([], {}, "empty"),
        ([record("prefill latency", 1, "s")], {"by": ["batch"]}, "compute bound"),
        (STEPS, {}, "model"),
        (STEPS + STEPS[:1], {"by": ["batch"]}, "two records"),
        (STEPS, {"by": ["batch"], "along": "context"}, "along"),
        (step_grid(), {"along": "model"}, "number"),
    ],
)
def test_a_grid_that_cannot_be_chosen_from_is_refused(records, options, word):
    with pytest.raises(ValueError, match=word):
        pictures.bounds_widget(records, **options)
