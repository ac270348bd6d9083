"""The results of lab 4's experiments and their pictures, tables and words."""

from dataclasses import replace

import pytest
import quantizers
import torch
from torch import nn

from llmlab import show
from llmlab.core import quantities, records
from llmlab.core.quantities import DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.core.records import measured
from llmlab.quantization import experiments, levels
from llmlab.quantization.quantities import (
    ADDED_BITS,
    OUTLIER,
    PRODUCT_ERROR,
    PRODUCT_TIME,
    SHARE_OF_WEIGHTS,
)
from llmlab.show import figures
from llmlab.show.quantization import drawings

pictures = show.quantization
LARGEST = 40_000  # bytes of a figure
LAYER = nn.Linear(64, 24, bias=False).requires_grad_(False)
LAYER.weight.copy_(torch.randn(24, 64, generator=torch.Generator().manual_seed(1)))
ONE = {"absmax": quantizers.absmax}
BOTH = ONE | {"affine": quantizers.affine}


def quality_facts():
    """Return what a grid of qualities holds: 8 and 4 bits by row and 32, and nf4."""
    weight = LAYER.weight
    facts = levels.histogram(weight)
    added = {
        ("channel", 8): 0.001,
        ("32", 8): 0.0,
        ("channel", 4): 0.06,
        ("32", 4): 0.03,
    }
    for (size, bits), share in added.items():
        choice = {"bits": bits, "group size": size}
        word = f"int{bits}-{size}"
        facts += [
            measured(quantities.BITS_PER_BYTE, 1.1 * (1 + share), subject=word,
                     details=choice),
            measured(ADDED_BITS, share, subject=word, details=choice),
        ]  # fmt: skip
        group_size = None if size == "channel" else int(size)
        rounded = experiments.row_grids(LAYER, ONE, bits=(bits,), group_size=group_size)
        facts += [
            replace(fact, subject=word)
            for fact in rounded.records()
            if fact.name != SHARE_OF_WEIGHTS.name
        ]
        facts[-2] = replace(
            facts[-2], details=dict(facts[-2].details) | {"bits per weight": bits + 0.5}
        )
    facts += [
        measured(quantities.BITS_PER_BYTE, 1.1 * 1.02, subject="nf4"),
        measured(ADDED_BITS, 0.02, subject="nf4"),
        measured("rounding error", 0.1, "1", subject="nf4",
                 details={"bits per weight": 4.25}),
    ]  # fmt: skip
    return facts


def race_facts():
    """Return what a race of two formats holds; the second is twice as fast."""
    facts = []
    for phase, time in (
        ("prefill", quantities.PREFILL_LATENCY), ("decode", quantities.DECODE_LATENCY)
    ):  # fmt: skip
        for name, factor in (("fp32", 1.0), ("int8", 0.5)):
            details = {"phase": phase, "batch": 1}
            facts.append(measured(time, 4e-3 * factor, subject=name, details=details))
            facts += [
                records.make(bound, 1e-3 * factor / (place + 1), kind="estimated",
                             subject=name, details=details)
                for place, bound in enumerate(quantities.BOUNDS)
            ]  # fmt: skip
    for what, word in ((PREFILL_SPEED_UP, "faster"), (DECODE_SPEED_UP, "slower")):
        facts.append(
            measured(what, 2.0, low=1.9, high=2.1, subject="int8",
                     details={"verdict": word})
        )  # fmt: skip
    facts.append(measured(ADDED_BITS, 0.0123, subject="int8"))
    facts.append(measured(quantities.WEIGHTS, 12.6e6, subject="int8"))
    return facts


def product_facts():
    return [
        measured(PRODUCT_TIME, seconds, subject=name, details={"tokens": tokens})
        for tokens in (1, 256)
        for name, seconds in (("float32", 1e-3 * tokens), ("yours", 2e-3 * tokens))
    ]


def outlier_facts():
    return [
        measured(what, value, subject=name)
        for name, stretch, error in (("a.key", 4.0, 0.004), ("a.down", 12.0, 0.03))
        for what, value in ((OUTLIER, stretch), (PRODUCT_ERROR, error))
    ]


RESULTS = {
    "one function": (
        lambda: experiments.row_grids(LAYER, ONE, name="up"), "absmax: the relative"
    ),
    "two functions": (
        lambda: experiments.row_grids(LAYER, BOTH, group_size=32),
        "affine: the relative",
    ),
    "quality": (quality_facts, "a scale for each row: 8 bits +0.1 %, 4 bits +6.0 %"),
    "race": (race_facts, "int8 2.00 ms, 4.00× its compute bound"),
    "products": (product_facts, "256 tokens: float32 256 ms; yours 512 ms, 0.500×"),
    "outliers": (outlier_facts, "a.down: the largest input is 12.0× the typical one"),
}  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_gets_its_picture_and_words_with_the_finding(name):
    make, finding = RESULTS[name]
    picture = show.figure(make())
    assert finding in picture.alt
    assert len(picture.png) <= LARGEST


@pytest.mark.parametrize(
    "draw", ["row_grids", "quality_grid", "outliers", "products", "format_bounds"]
)
def test_a_result_without_what_the_picture_shows_is_refused(draw):
    with pytest.raises(ValueError, match="result holds no"):
        getattr(pictures, draw)([measured(quantities.WEIGHTS, 5.0)])


def test_all_panels_of_the_quality_grid_have_one_axis_and_one_row_for_each_width():
    fig = pictures.quality_grid(quality_facts())
    assert len({axes.get_xlim() for axes in fig.axes}) == 1
    assert len({axes.get_ylim() for axes in fig.axes}) == 1
    names = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert names == ["8 bits", "4 bits"]
    assert [axes.get_title(loc="left") for axes in fig.axes] == [
        "a scale for each row", "a scale for 32 weights", "floats of few bits"
    ]  # fmt: skip


def test_the_widget_says_what_a_choice_costs_and_leaves_floats_out():
    widget = pictures.levels_widget(quality_facts(), bits=4, group_size="32")
    assert widget.text.startswith("4 bits, a scale for 32 weights: ")
    assert "+3.0 % against the original" in widget.text
    assert "nf4" not in widget.text
    widget.selectors["bits"].value = 8
    assert "+0.0 % against the original" in widget.text


class Race:
    note = "A note."

    def records(self):
        return race_facts()


def test_the_verdicts_of_a_race_are_a_row_a_format():
    table = pictures.verdicts(Race())
    assert table.headings == (
        "against fp32", "prefill", "decode", "bits per byte", "weights"
    )  # fmt: skip
    assert table.rows == (
        (
            "int8", "faster, 2.00× as fast (1.90 to 2.10)",
            "slower, 2.00× as fast (1.90 to 2.10)", "+1.23%", "12.6 MB",
        ),
    )  # fmt: skip
    assert "A note." in repr(table) and "A note." in table._repr_html_()
    with pytest.raises(ValueError, match="has no verdicts"):
        pictures.verdicts([1])


# --- drawings

DRAWINGS = ("grid", "zero_point", "shared_scales", "integer_product", "layer")


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_small_the_same_each_time_and_has_words(name):
    picture = getattr(drawings, name)()
    assert isinstance(picture, figures.Picture)
    assert len(picture.png) <= 20_000 and len(picture.alt) > 150
    assert picture == getattr(drawings, name)()


def test_the_integers_of_the_drawn_grid_are_those_of_the_exercise():
    whole, scale = quantizers.absmax(torch.tensor(drawings.WEIGHTS), 3)
    said = drawings.grid().alt
    assert f"Kept are the integers {', '.join(map(str, whole.tolist()))}" in said
    assert f"{scale:.1f} apart" in said


def test_the_zero_point_that_is_drawn_is_that_of_the_exercise():
    _, scale, zero = quantizers.affine(torch.tensor(drawings.UNEVEN), 2)
    said = drawings.zero_point().alt
    assert f"Level {zero} stands for exactly 0" in said and f"{scale:.1f} apart" in said


def test_the_product_that_is_drawn_is_that_of_the_exercise():
    x, weight = (
        torch.tensor(rows, dtype=torch.int8) for rows in (drawings.X, drawings.W)
    )
    scales = torch.tensor(drawings.X_SCALES), torch.tensor(drawings.W_SCALES)
    product = quantizers.integer_matmul(x, scales[0], weight, scales[1])
    said = drawings.integer_product().alt
    numbers = [f"{value:g}" for value in product.flatten().tolist()]
    assert f"{', '.join(numbers[:3])} and {numbers[3]}" in " ".join(said.split())
