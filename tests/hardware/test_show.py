"""The pictures of lab 11 show every record, and say in words what they show."""

import io

import pytest
from matplotlib.colors import to_hex
from PIL import Image

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
