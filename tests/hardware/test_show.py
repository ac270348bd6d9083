"""The pictures of lab 11 show every record, and say in words what they show."""

import io
import time
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from llmlab import show
from llmlab.hardware import systolic
from llmlab.show import style
from llmlab.show.hardware import drawings
from llmlab.show.hardware.drawings import arrays, numbers, roofs

DRAWINGS = ("roof", "levels", "grid", "fixed")


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_small_and_has_alt_text(name):
    picture = getattr(drawings, name)()
    assert len(picture.png) <= 20_000
    assert len(picture.alt) > 100


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_brings_its_card_for_both_themes(name):
    image = Image.open(io.BytesIO(getattr(drawings, name)().png))
    assert "transparency" not in image.info
    corner = image.convert("RGB").getpixel((0, 0))
    assert to_hex([part / 255 for part in corner]) == style.CARD


def test_the_layer_under_the_roof_has_the_intensity_of_the_exercise():
    assert roofs.flops_per_byte(1) == pytest.approx(0.4990, abs=1e-4)
    assert roofs.flops_per_byte(64) == pytest.approx(28.4, abs=0.05)
    assert roofs.Roof().at(roofs.RIDGE)[1] == roofs.Roof().at(roofs.HIGHEST)[1]


def test_a_row_reaches_a_cell_as_many_clocks_later_as_it_is_away():
    for i in range(arrays.SIDE):
        for j in range(-arrays.SIDE, arrays.SIDE):
            place = arrays.CLOCK - i - j
            expected = arrays.TOKENS[place] if 0 <= place < 5 else ""
            assert arrays.token_at(i, j) == expected
    assert [arrays.token_at(arrays.SIDE, j) for j in range(3)] == ["a", "", ""]


def test_the_drawn_bits_are_the_integer_that_is_named():
    assert int(numbers.BITS, 2) == 24 == 1.5 * 2**numbers.FRACTION
    assert numbers.BEYOND == 9.5 * 2**numbers.FRACTION
    assert numbers.LAST == 2 ** (len(numbers.BITS) - 1) - 1


def an_array(rows, size):
    """What the experiment returns holds a run: here one of random numbers."""
    numbers_of = np.random.default_rng(0)
    activations, weights = (
        numbers_of.integers(-128, 128, shape) for shape in ((rows, size), (size, size))
    )
    return SimpleNamespace(run=systolic.run(activations, weights))


def test_the_widget_says_how_many_cells_work():
    widget = show.hardware.systolic_widget(an_array(64, 8))
    assert repr(widget) == (
        "clock 12 of 87: 10 of 64 cells work; 0 of 512 sums are finished"
    ), "opens with a front to be seen"
    widget.slider.value = 40
    assert repr(widget).startswith("clock 40 of 87: 64 of 64 cells work; 164 of 512")
    widget.slider.value = 2
    assert repr(widget).endswith("0 of 64 cells work; the weights move in from above")
    widget.slider.value = 87
    assert repr(widget).endswith("512 of 512 sums are finished")
    assert (widget.play.min, widget.play.max) == (1, 87)


def words(array, clock):
    fig = show.hardware.widget.cells(array.run, clock)
    return {text.get_text() for axes in fig.axes for text in axes.texts}


def test_cells_show_weight_activation_and_sum():
    array = an_array(5, 3)
    first = [int(row[0]) for row in array.run.weights]
    entering = array.run.inflow[3]
    line = f"{first[0]}\N{MULTIPLICATION SIGN}{entering[0]}\n{first[0] * entering[0]}"
    assert line.replace("-", "\N{MINUS SIGN}") in words(array, 4)


def test_what_enters_next_and_what_has_left_stand_outside():
    array = an_array(5, 3)
    coming, left = array.run.inflow[4][0], array.run.product[0, 0]
    assert f"{coming}".replace("-", "\N{MINUS SIGN}") in words(array, 4)
    assert f"{left}".replace("-", "\N{MINUS SIGN}") in words(array, 2 * 3 + 1)
    assert f"{left}".replace("-", "\N{MINUS SIGN}") not in words(array, 2 * 3)


def test_weights_are_shown_as_they_move_in():
    array = an_array(5, 3)
    assert "\N{MIDDLE DOT}" in words(array, 1) & words(array, 2)
    assert "\N{MIDDLE DOT}" not in words(array, 3)


def test_a_large_array_is_colours_only():
    assert not words(an_array(4, 9), 20)


def test_the_widget_answers_at_once_and_stands_in_an_export():
    widget = show.hardware.systolic_widget(an_array(64, 8))
    start = time.process_time()
    widget.slider.value = 9
    assert time.process_time() - start < 0.3
    start = time.process_time()
    widget.slider.value = 12
    assert time.process_time() - start < 0.05, "drawn once"
    page = widget._repr_mimebundle_()["text/html"]
    assert "10 of 64 cells work" in page and "data:image/png" in page
    assert "Row 4, 1 working, sums " in page


@pytest.mark.parametrize(
    "array", [None, SimpleNamespace(run=None), SimpleNamespace(run=np.eye(3))]
)
def test_the_widget_refuses_what_holds_no_array(array):
    with pytest.raises(ValueError, match=r"hardware\.experiments\.array"):
        show.hardware.systolic_widget(array)
