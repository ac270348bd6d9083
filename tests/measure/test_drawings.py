"""The drawings of lab 1 can be read, and say in their alt text what they show."""

import io
import re

import pytest
from PIL import Image

from llmlab import show
from llmlab.show.measure import drawings
from llmlab.show.measure.drawings import redraws, rounds

NAMES = ["rereading", "cached", "two_waits", "interleaving", "bootstrap"]
NAMES += ["three_bounds"]
every_drawing = pytest.mark.parametrize("name", NAMES)


@every_drawing
def test_a_drawing_is_one_line_sharp_and_small(name):
    drawn = getattr(show.measure.drawings, name)()
    assert isinstance(drawn, show.Picture)
    assert len(drawn.png) <= 20_000
    size = Image.open(io.BytesIO(drawn.png)).size
    assert size == (1.5 * drawn.width, 1.5 * drawn.height)
    assert drawn.width == 720 and drawn.height <= 600


@every_drawing
def test_the_alt_text_tells_what_is_seen_and_what_to_learn(name):
    alt = getattr(drawings, name)().alt
    assert 40 <= len(alt.split()) <= 110
    assert not re.search(r"\b(?:TODO|None|nan)\b|[{}]|!", alt)


@every_drawing
def test_a_drawing_is_the_same_twice(name):
    make = getattr(drawings, name)
    assert make().png == make().png


def test_the_counts_of_the_loops_are_right():
    """Without a cache a step reads all before it, with one each token once."""
    whole = sum(4 + k for k in range(4))
    assert f"{whole} tokens are read" in drawings.rereading().alt
    assert f"{4 + 4 - 1} tokens are read" in drawings.cached().alt


def test_one_after_the_other_misleads_and_rounds_do_not():
    names = ["old"] * rounds.ROUNDS + ["new"] * rounds.ROUNDS
    apart = rounds.calls(names)
    mixed = rounds.calls(["old", "new"] * rounds.ROUNDS)
    took = [each.end - each.start for each in apart]
    assert sum(took[4:]) > sum(took[:4])  # new looks slower
    lengths = [each.end - each.start for each in mixed]
    ratios = {old / new for old, new in zip(lengths[::2], lengths[1::2], strict=True)}
    assert ratios == {rounds.WORK["old"] / rounds.WORK["new"]}
    assert len(set(lengths)) > 2  # and some rounds were slow
    assert apart[-1].end == mixed[-1].end


def test_the_interval_leaves_out_a_fortieth_of_the_medians_on_both_sides():
    medians, low, high = redraws.interval(redraws.redraws())
    assert sum(low <= each <= high for each in medians) / len(medians) >= 0.95
    assert min(medians) <= low < high <= max(medians)
