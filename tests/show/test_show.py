"""show: records become pictures that everyone can read, tables, and widgets."""

import base64
import io
import itertools
import re
from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image

from llmlab import show
from llmlab.core.records import Record
from llmlab.show import plots, scales, style


def record(name, value, unit, kind="measured", low=None, high=None, subject="", **rest):
    return Record(
        name=name, value=value, unit=unit, kind=kind, low=low, high=high,
        subject=subject, details=rest,
    )  # fmt: skip


def estimates(seconds, **details):
    """The three bounds, in the order compute, bandwidth, overhead."""
    names = ("compute bound", "bandwidth bound", "overhead bound")
    return [
        record(name, value, "s", "estimated", **details)
        for name, value in zip(names, seconds, strict=True)
    ]


SAMPLES = {
    "fp32": [0.0041, 0.0040, 0.0042, 0.0039, 0.0121],
    "bf16": [0.0021, 0.0020, 0.0022, 0.0020, 0.0020],
}
RATIOS = [
    record("speed-up", 1.9, "×", low=1.8, high=2.0, subject="bf16"),
    record("speed-up", 1.01, "×", low=0.97, high=1.06, subject="fp32 again"),
    record("speed-up", 0.7, "×", low=0.66, high=0.75, subject="fp16"),
]
ROOFLINE = [
    record("bandwidth", 40e9, "B/s", subject="main memory"),
    record("bandwidth", 160e9, "B/s", subject="cache"),
    record("peak", 200e9, "FLOP/s", subject="fp32"),
    record("rate", 150e9, "FLOP/s", subject="coder", phase="prefill", intensity=180.0),
    record("rate", 9e9, "FLOP/s", subject="coder", phase="decode", intensity=0.5),
]
BANDWIDTH = [
    *(record("read", 100e9 / (1 + i), "B/s", bytes=4**i * 4096) for i in range(8)),
    record("weights", 16e6, "B", subject="coder fp32"),
]
BATCHES = [
    each
    for subject, factor in (("coder fp32", 1), ("coder bf16", 2))
    for batch in (1, 2, 4, 8, 16)
    for each in (
        record("decode throughput", factor * 300 * batch**0.8, "token/s",
               low=factor * 290 * batch**0.8, high=factor * 310 * batch**0.8,
               subject=subject, batch=batch),
        record("decode latency per token", batch**0.2 / 300 / factor, "s",
               subject=subject, batch=batch),
    )
]  # fmt: skip
BOUNDS = [
    *estimates((0.042, 0.0006, 0.003), phase="prefill"),
    *estimates((0.0001, 0.0008, 0.0021), phase="decode"),
    record("prefill latency", 0.061, "s", low=0.059, high=0.064, tokens=512),
    record("decode latency per token", 0.0027, "s", batch=1),
]
CARD = [
    *BOUNDS,
    *(each for each in BATCHES if each.subject == "coder fp32"),
    record("weights", 40e6, "B"),
    record("cache", 8e6, "B"),
    record("bits per byte", 0.92, "bit/B", low=0.9, high=0.94),
]
STEPS = [
    each
    for batch in (1, 4, 16)
    for each in (
        *estimates((0.0002 * batch, 0.002, 0.001), batch=batch),
        record("decode latency per token", 0.003 * batch**0.4, "s", batch=batch),
    )
]
PICTURES = {
    "latencies": lambda: plots.latencies(SAMPLES),
    "ratios": lambda: plots.ratios(RATIOS),
    "roofline": lambda: plots.roofline(ROOFLINE),
    "bandwidth": lambda: plots.bandwidth(BANDWIDTH),
    "bounds": lambda: plots.bounds(BOUNDS),
    "regimes": lambda: plots.regimes(STEPS, at=4),
    "batches": lambda: plots.batches(BATCHES),
    "model_card": lambda: plots.model_card(CARD),
}
every_picture = pytest.mark.parametrize("name", PICTURES)


def image(picture):
    """The PNG as a reader of the HTML gets it."""
    data = re.search(r'src="data:image/png;base64,([^"]+)"', picture._repr_html_())[1]
    return Image.open(io.BytesIO(base64.b64decode(data)))


def small():
    fig = Figure((3, 2))
    fig.subplots().plot([1, 2, 3])
    return fig


# Figures


@every_picture
def test_a_picture_is_sharp_and_takes_60_kb_at_most(name):
    fig = PICTURES[name]()
    width = fig.get_size_inches()[0] * 100
    picture = show.figure(fig, alt="what it shows")
    assert len(picture.png) <= 60_000
    assert picture.width == round(width) and image(picture).width == 2 * picture.width


@every_picture
def test_a_picture_says_title_axes_units_and_kind(name):
    fig = PICTURES[name]()
    fig.draw_without_rendering()
    words = " ".join(text.get_text() for text in fig.findobj(matplotlib.text.Text))
    assert all(axes.get_title(loc="left") for axes in fig.axes)
    for axes in fig.axes:
        assert axes.get_xlabel() and (axes.get_ylabel() or axes.get_yticklabels())
    assert re.search(r"\b(ms|GB/s|GFLOP/s|MB)\b|×", words)


def test_the_alt_text_is_in_the_html_and_cannot_break_out_of_it():
    picture = show.figure(small(), alt='a "rising" line <b> & more')
    html = picture._repr_html_()
    assert 'alt="a &quot;rising&quot; line &lt;b&gt; &amp; more"' in html
    assert html.startswith("<figure") and html.endswith("</figure>")
    assert repr(picture) == 'Figure: a "rising" line <b> & more'


@pytest.mark.parametrize("alt", ["", "  \n", None, 3])
def test_a_figure_without_alt_text_is_refused(alt):
    with pytest.raises(ValueError, match=r"alt=.*sentence"):
        show.figure(small(), alt=alt)


def test_what_is_no_figure_or_holds_nothing_is_refused():
    with pytest.raises(ValueError, match="list"):
        show.figure([1, 2], alt="a line")
    with pytest.raises(ValueError, match="no axes"):
        show.figure(Figure(), alt="a line")


def test_the_title_id_stands_on_the_figure_and_is_one_word():
    html = show.figure(small(), alt="a line", title_id="bounds")._repr_html_()
    assert html.startswith('<figure id="bounds"')
    with pytest.raises(ValueError, match="one word"):
        show.figure(small(), alt="a line", title_id="two words")


def test_a_figure_of_pyplot_is_closed_afterwards():
    fig, axes = pyplot.subplots()
    axes.plot([1, 2])
    show.figure(fig, alt="a line")
    assert not pyplot.fignum_exists(fig.number)


def test_a_busy_figure_gets_coarser_until_it_fits_and_is_refused_when_it_cannot():
    noise = np.random.default_rng(0).random((90, 90))
    fig = Figure((3, 3))
    fig.subplots().imshow(noise, interpolation="bilinear")
    assert len(show.figure(fig, alt="noise").png) <= 60_000
    fig = Figure((5, 5))
    fig.subplots().imshow(np.random.default_rng(0).random((500, 500)))
    with pytest.raises(ValueError, match=r"60,000.*fewer points"):
        show.figure(fig, alt="too much noise")


def test_a_picture_brings_its_own_opaque_card_for_light_and_dark_themes():
    picture = image(show.figure(PICTURES["bounds"](), alt="bounds"))
    corners = [(0, 0), (picture.width - 1, picture.height - 1)]
    for corner in corners:
        pixel = picture.convert("RGBA").getpixel(corner)
        assert pixel[3] == 255 and to_hex(np.array(pixel[:3]) / 255) == style.CARD


def test_the_same_records_give_the_same_bytes_whatever_the_notebook_has_set():
    first = show.figure(plots.bounds(BOUNDS), alt="bounds").png
    with matplotlib.rc_context({"font.size": 22, "axes.facecolor": "black",
                                "savefig.bbox": "tight"}):  # fmt: skip
        second = show.figure(plots.bounds(BOUNDS), alt="bounds").png
        assert matplotlib.rcParams["font.size"] == 22  # and leave it as it was
    assert first == second


def test_a_picture_is_saved_as_it_is(tmp_path):
    picture = show.figure(small(), alt="a line")
    picture.save(tmp_path / "line.png")
    assert (tmp_path / "line.png").read_bytes() == picture.png
    assert [each.name for each in tmp_path.iterdir()] == ["line.png"]


def test_a_picture_that_cannot_be_saved_leaves_nothing_behind(tmp_path):
    (tmp_path / "line.png").mkdir()
    with pytest.raises(OSError, match=r"cannot be written.*free some space"):
        show.figure(small(), alt="a line").save(tmp_path / "line.png")
    assert [each.name for each in tmp_path.iterdir()] == ["line.png"]


# The palette


def luminance(color):
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
              for c in to_rgb(color)]  # fmt: skip
    return float(np.dot((0.2126, 0.7152, 0.0722), linear))


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


# Machado, Oliveira, Fernandes 2009, severity 1.0, on linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


def seen_as(color, matrix):
    """CIE L*a*b* of a colour as an eye with this deficiency sees it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.array(matrix) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722],
              [0.0193, 0.1192, 0.9505]]  # fmt: skip
    xyz = np.array(to_xyz) @ linear / (0.9505, 1.0, 1.089)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_two_series_stay_apart_for_every_kind_of_colour_vision(deficiency):
    seen = [seen_as(s.color, DEFICIENCIES[deficiency]) for s in style.SERIES]
    for one, other in itertools.combinations(seen, 2):
        assert np.linalg.norm(one - other) >= 20  # 2 is just noticeable


def test_everything_drawn_stands_out_from_the_card():
    assert all(contrast(each.color, style.CARD) >= 3 for each in style.SERIES)
    assert contrast(style.INK, style.CARD) >= 7
    assert contrast(style.QUIET, style.CARD) >= 4.5


@pytest.mark.parametrize("feature", ["color", "marker", "line", "hatch"])
def test_no_two_series_share_a_colour_a_marker_a_line_or_a_hatch(feature):
    features = [str(getattr(each, feature)) for each in style.SERIES]
    assert len(set(features)) == len(features)


def test_more_series_than_can_be_told_apart_are_refused():
    curves = [record("decode throughput", 1, "token/s", subject=f"model {i}", batch=1)
              for i in range(8)]  # fmt: skip
    with pytest.raises(ValueError, match=r"series 8.*two pictures"):
        plots.batches(curves)


# Plots say what the records say


def test_curves_of_a_plot_differ_in_marker_and_line_as_well_as_in_colour():
    axes = plots.batches(BATCHES).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    one, other = lines["coder fp32"], lines["coder bf16"]
    assert one.get_marker() != other.get_marker()
    assert one.get_color() != other.get_color()
    assert one._dash_pattern != other._dash_pattern


def test_throughput_and_latency_are_drawn_against_the_batch():
    throughput, latency = plots.batches(BATCHES).axes
    assert list(throughput.lines[0].get_xdata()) == [1, 2, 4, 8, 16]
    assert throughput.lines[0].get_ydata()[0] == pytest.approx(300)
    assert latency.lines[0].get_ydata()[0] == pytest.approx(1000 / 300)  # ms
    assert "tokens/s" in throughput.get_ylabel() and "ms" in latency.get_ylabel()


def test_a_strip_marks_median_mean_and_95th_percentile():
    axes = plots.latencies({"step": SAMPLES["fp32"]}).axes[0]
    dots, *marks = axes.lines
    assert list(dots.get_xdata()) == pytest.approx([4.1, 4.0, 4.2, 3.9, 12.1])
    drawn = [line.get_xdata()[0] for line in marks]
    assert drawn == pytest.approx([4.1, 5.66, 10.52])  # 4.2 + 0.8 * (12.1 - 4.2)
    assert "mean 5.66 ms" in axes.texts[0].get_text()


def test_one_huge_outlier_makes_the_time_axis_logarithmic():
    axes = plots.latencies({"step": [0.002, 0.002, 0.0021, 0.2]}).axes[0]
    assert axes.get_xscale() == "log" and "log" in axes.get_xlabel()
    assert plots.latencies(SAMPLES).axes[0].get_xscale() == "linear"


def test_a_roofline_bends_where_bandwidth_meets_the_peak():
    axes = plots.roofline(ROOFLINE).axes[0]
    main_memory, cache, peak = axes.lines[:3]
    assert main_memory.get_xdata()[-1] == pytest.approx(5)  # 200 GFLOP/s / 40 GB/s
    assert cache.get_xdata()[-1] == pytest.approx(1.25) == peak.get_xdata()[0]
    assert main_memory.get_ydata()[-1] == pytest.approx(200e9)
    points = {line.get_label(): line for line in axes.lines[3:]}
    assert set(points) == {"coder prefill, 150 GFLOP/s", "coder decode, 9.00 GFLOP/s"}


def test_bounds_and_times_of_a_model_become_points_on_the_roofline():
    place = {"subject": "coder", "batch": 4}
    compute = record("compute bound", 0.001, "s", "estimated", phase="decode",
                     flops=8e9, bytes=0, **place)  # fmt: skip
    read = record("bandwidth bound", 0.002, "s", "estimated", phase="decode",
                  bytes=2e9, **place)  # fmt: skip
    start = record("overhead bound", 0.001, "s", "estimated", phase="decode", **place)
    run = record("decode latency per token", 0.1, "s", **place)
    axes = plots.roofline([*ROOFLINE[:3], compute, read, start, run]).axes[0]
    point = axes.lines[-1]
    assert (point.get_xdata()[0], point.get_ydata()[0]) == pytest.approx((4, 80e9))
    assert point.get_label() == "coder decode, 80.0 GFLOP/s"


def test_a_bandwidth_curve_gives_the_roofline_its_fastest_and_its_largest_set():
    curve = [each for each in BANDWIDTH if each.unit == "B/s"]
    axes = plots.roofline([*curve, ROOFLINE[2]]).axes[0]
    assert [line.get_xdata()[-1] for line in axes.lines[:2]] == pytest.approx([16, 2])


def test_bars_are_as_long_as_the_times_and_each_bound_has_its_hatch():
    prefill, decode = plots.bounds(BOUNDS).axes
    assert [bar.get_width() for bar in decode.patches] == pytest.approx(
        [0.1, 0.8, 2.1, 2.7]
    )
    assert [bar.get_width() for bar in prefill.patches][-1] == pytest.approx(61)
    assert len({bar.get_hatch() for bar in decode.patches[:3]}) == 3
    assert "estimated" in decode.get_xlabel()


def test_bounds_are_never_compared_with_the_time_of_another_batch():
    other = [record("decode latency per token", 0.009, "s", batch=16)]
    with pytest.raises(ValueError, match="same subject and batch"):
        plots.bounds([*estimates((1, 2, 3), phase="decode", batch=1), *other])


def test_the_smallest_batch_is_the_one_compared_with_the_bounds():
    more = [record("decode latency per token", 0.009, "s", batch=16), *BOUNDS]
    assert plots.bounds(more).axes[1].patches[-1].get_width() == pytest.approx(2.7)


def test_a_ratio_whose_interval_holds_1_is_hollow_and_called_no_difference():
    axes = plots.ratios(RATIOS).axes[0]
    points = [line for line in axes.lines if line.get_marker() != "None"]
    faces = [point.get_markerfacecolor() for point in points]
    assert [face == style.CARD for face in faces] == [False, True, False]
    assert [point.get_marker() for point in points] == [">", "o", "<"]
    assert "no significant difference" in axes.texts[1].get_text()


def test_the_weights_stand_on_the_bandwidth_curve_where_their_size_is():
    axes = plots.bandwidth(BANDWIDTH).axes[0]
    assert "weights of coder fp32, 16.0 MB" == axes.lines[-1].get_label()
    assert axes.lines[-1].get_xdata()[0] == 16e6


def test_the_card_leaves_out_what_was_not_measured():
    assert len(plots.model_card(CARD).axes) == 5
    assert len(plots.model_card([record("weights", 4e7, "B")]).axes) == 1


def test_the_card_names_model_quality_and_machine():
    words = [t.get_text() for t in plots.model_card(CARD).findobj(matplotlib.text.Text)]
    assert "coder fp32" in words
    assert any("bits per byte 0.92" in each for each in words)


def test_the_card_says_that_times_gave_way_to_a_neighbour():
    note = "Other processes kept a core busy, so the calls ran on 1 thread."
    noted = [replace(each, details={**each.details, "note": note}) for each in CARD]
    card = plots.model_card(noted)
    words = [t.get_text() for t in card.findobj(matplotlib.text.Text)]
    assert sum(each.count(note) for each in words) == 1


# What cannot be drawn is refused


@pytest.mark.parametrize("plot", ["ratios", "roofline", "bandwidth", "bounds",
                                  "regimes", "batches", "model_card"])  # fmt: skip
@pytest.mark.parametrize("wrong", [[], [3.0], [record("height", 3, "m")]])
def test_no_records_numbers_or_strange_records_are_refused(plot, wrong):
    with pytest.raises(ValueError, match="records"):
        getattr(plots, plot)(wrong)


@pytest.mark.parametrize("times", [[], [0.1, float("nan")], [0.1, 0.0], [float("inf")],
                                   [[0.1], [0.2]]])  # fmt: skip
def test_timings_that_are_none_are_refused(times):
    with pytest.raises(ValueError, match="samples"):
        plots.latencies({"step": times})
    with pytest.raises(ValueError, match="samples is empty"):
        plots.latencies({})


def test_a_missing_detail_is_named():
    with pytest.raises(ValueError, match=r"details\['batch'\]"):
        plots.batches([record("decode throughput", 3, "token/s", subject="coder")])
    with pytest.raises(ValueError, match=r"details\['bytes'\]"):
        plots.bandwidth([record("read", 3e9, "B/s")])


def test_bounds_without_the_measured_time_are_refused():
    with pytest.raises(ValueError, match="decode latency per token"):
        plots.bounds(estimates((1, 2, 3), phase="decode"))


def test_a_value_that_a_logarithmic_axis_cannot_show_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        plots.roofline([*ROOFLINE, record("rate", 0, "FLOP/s", intensity=1.0)])
    with pytest.raises(ValueError, match="twice for batch 4"):
        plots.regimes([*STEPS, record("overhead bound", 1, "s", batch=4)])
    with pytest.raises(ValueError, match="above 0"):
        plots.regimes([*STEPS, record("overhead bound", 0, "s", batch=32)])


# Axes


@given(st.floats(1e-8, 100), st.sampled_from(["s", "B", "FLOP/s", "token/s"]))
def test_a_linear_axis_gets_the_prefix_of_its_largest_value(value, unit):
    value = value * 1e9 if unit != "s" else value
    factor, word = scales.shared([value / 7, value], unit)
    assert word and (0.999 <= value / factor < 1e3 or unit == "token/s" or value < 1e3)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1e6, "B", "1 MB"), (1e-3, "s", "1 ms"), (5e-5, "s", "50 µs"),
     (1e11, "FLOP/s", "100 GFLOP/s"), (2.0, "1", "2"), (0.7, "×", "0.7×")],
)  # fmt: skip
def test_a_tick_is_written_without_trailing_zeros(value, unit, text):
    assert scales.short(value, unit) == text


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
    widget = show.widgets.bounds(step_grid())
    before = widget.picture.value
    assert "S, fp32, batch 1, context 128: overhead-bound" in widget.line.value
    widget.selectors["model"].value = "M"
    assert "M, fp32, batch 1, context 128: memory-bound, 3.00 ms estimated, " \
        "not measured" in widget.line.value  # fmt: skip
    assert widget.picture.value != before
    widget.selectors["dtype"].value = "bf16"
    widget.selectors["batch"].value = 8
    widget.selectors["context"].value = 512
    assert "M, bf16, batch 8, context 512: compute-bound, 2.40 ms estimated, " \
        "4.00 ms measured" in widget.line.value  # fmt: skip


def test_choosing_again_shows_the_same_figure_again():
    widget = show.widgets.bounds(step_grid())
    before = widget.picture.value
    widget.selectors["batch"].value = 8
    widget.selectors["batch"].value = 1
    assert widget.picture.value == before


def test_all_that_the_grid_holds_can_be_chosen():
    widget = show.widgets.bounds(step_grid())
    labels = {key: selector.options for key, selector in widget.selectors.items()}
    assert [text for text, _ in labels["model"]] == ["S", "M"]
    assert [value for _, value in labels["batch"]] == [1, 8]
    assert list(labels) == ["model", "dtype", "batch", "context"]


def test_a_browser_and_a_screen_reader_find_the_line():
    widget = show.widgets.bounds(step_grid())
    assert "llmlab-widget-line" in widget.line._dom_classes
    assert 'role="status"' in widget.line.value
    assert 'alt="' in widget.picture.value and widget.text in widget.picture.value


def test_a_choice_that_was_not_computed_says_so():
    widget = show.widgets.bounds(
        each for each in step_grid() if each.details["model"] != "M"
        or each.details["dtype"] == "fp32"
    )  # fmt: skip
    widget.selectors["dtype"].value = "bf16"
    widget.selectors["model"].value = "M"
    assert "not computed before" in widget.line.value
    assert "<img" not in widget.picture.value


def test_without_a_kernel_the_widget_is_its_line_and_its_figure():
    widget = show.widgets.bounds(step_grid())
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
    assert "memory-bound, 2.00 ms" in show.widgets.bounds(everything, by=by).text
    widget = show.widgets.bounds(everything, by=by, phase="prefill")
    assert "compute-bound, 9.00 ms" in widget.text


def test_words_of_a_record_cannot_become_html():
    place = {"model": "<b>M</b>", "dtype": "fp32", "batch": 1, "context": 128}
    widget = show.widgets.bounds(estimates((1e-3, 2e-3, 1e-3), **place))
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
        show.widgets.bounds(records, **options)
