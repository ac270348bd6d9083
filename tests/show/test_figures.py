"""Records become pictures that everyone can read: figures, their palette, axes."""

import base64
import io
import itertools
import re

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from PIL import Image
from timed_records import (
    BOUNDS,
    PICTURES,
    record,
)

from llmlab import show
from llmlab.show import measure as pictures
from llmlab.show import scales, style

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
def test_a_picture_is_sharp_and_takes_40_kb_at_most(name):
    fig = PICTURES[name]()
    width = fig.get_size_inches()[0] * 100
    picture = show.figure(fig, alt="what it shows")
    assert len(picture.png) <= 40_000
    assert picture.width == round(width)
    assert image(picture).width >= 1.5 * picture.width  # twice, but for the busiest


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
    assert len(show.figure(fig, alt="noise").png) <= 40_000
    fig = Figure((5, 5))
    fig.subplots().imshow(np.random.default_rng(0).random((500, 500)))
    with pytest.raises(ValueError, match=r"40,000.*fewer points"):
        show.figure(fig, alt="too much noise")


def test_a_picture_brings_its_own_opaque_card_for_light_and_dark_themes():
    picture = image(show.figure(PICTURES["bounds"](), alt="bounds"))
    corners = [(0, 0), (picture.width - 1, picture.height - 1)]
    for corner in corners:
        pixel = picture.convert("RGBA").getpixel(corner)
        assert pixel[3] == 255 and to_hex(np.array(pixel[:3]) / 255) == style.CARD


def test_the_same_records_give_the_same_bytes_whatever_the_notebook_has_set():
    first = show.figure(pictures.bounds(BOUNDS), alt="bounds").png
    with matplotlib.rc_context({"font.size": 22, "axes.facecolor": "black",
                                "savefig.bbox": "tight"}):  # fmt: skip
        second = show.figure(pictures.bounds(BOUNDS), alt="bounds").png
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
        pictures.batches(curves)


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
