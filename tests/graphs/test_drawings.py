"""The drawings of lab 10 can be read, and what they show is right."""

import io

import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image

from llmlab.graphs import costs, folding
from llmlab.show import style
from llmlab.show.graphs import drawings
from llmlab.show.graphs.drawings import chains, masks, operators, products, weights

DRAWINGS = ("starts", "folded", "joined", "chain", "places", "lanes")


def test_every_drawing_is_tried_here():
    assert set(drawings.__all__) == set(DRAWINGS)


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_small_has_alt_text_and_brings_its_card(name):
    """That its text can be read is asked while it is drawn (`show.draw.fits`)."""
    picture = getattr(drawings, name)()
    assert len(picture.png) <= 20_000
    assert len(picture.alt) > 100
    image = Image.open(io.BytesIO(picture.png))
    assert "transparency" not in image.info
    corner = image.convert("RGB").getpixel((0, 0))
    assert to_hex([part / 255 for part in corner]) == style.CARD


def test_the_sorted_step_is_as_long_as_the_step_in_order():
    ordered, whole = operators._in_order(), operators._sorted(operators.FEW)
    assert ordered[-1].end == pytest.approx(whole[-1].end)
    for look in (operators.STARTING, operators.READING, operators.COUNTING):
        spent = [
            sum(span.end - span.start for span in spans if span.look is look)
            for spans in (ordered, whole)
        ]
        assert spent[0] == pytest.approx(spent[1])


def test_the_drawn_weight_is_what_folding_gives():
    scale, weight = (torch.tensor(x).double() for x in (weights.SCALE, weights.WEIGHT))
    new, _ = folding.fold_norm(scale, None, weight, None)
    assert weights.scaled() == new.tolist()


def test_the_drawn_parts_have_unequal_heights():
    assert len(set(weights.ROWS.values())) > 1
    assert "the first 4 are q, the next 2 are k, the last 2 are v" in (
        drawings.joined().alt
    )


def test_the_drawn_chain_moves_what_the_exercise_counts():
    steps = [(writes, list(reads)) for _, reads, writes in chains.CHAIN]
    apart, at_once = (
        costs.traffic(kernels, 1) // costs.BYTES
        for kernels in ([[step] for step in steps], [steps])
    )
    alt = drawings.chain().alt
    assert f"That is {apart} tensors moved. Right" in alt
    assert f"That is {at_once} tensors moved, for the same arithmetic" in alt


def test_the_drawn_masks_show_the_same_places():
    growing, fixed = masks.growing(), masks.fixed()
    for grown, full, position in zip(growing, fixed, range(2, 6), strict=True):
        assert [cell.text for cell in grown].count(masks.TRUE) == position + 1
        seen = [cell.text for cell in full]
        assert seen == ["1"] * (position + 1) + ["0"] * (masks.PLACES - position - 1)


def test_a_register_holds_as_many_lanes_as_are_drawn():
    assert products.LANES * 8 == products.SUMS * 32 == 256
