"""The drawings of lab 2 can be read, and say in their alt text what they show."""

import io
import re

import pytest
import torch
from PIL import Image

from llmlab import show
from llmlab.show.attention_vs_rnn import drawings

NAMES = ["causal", "heads", "lstm", "distance", "joining", "doubling"]
every_drawing = pytest.mark.parametrize("name", NAMES)


@every_drawing
def test_a_drawing_is_one_line_sharp_small_and_twice_the_same(name):
    drawn = getattr(show.attention_vs_rnn.drawings, name)()
    assert isinstance(drawn, show.Picture)
    assert len(drawn.png) <= 20_000
    size = Image.open(io.BytesIO(drawn.png)).size
    assert size == (1.5 * drawn.width, 1.5 * drawn.height)
    assert drawn.width == 720 and drawn.height <= 600
    assert getattr(drawings, name)().png == drawn.png


@every_drawing
def test_the_alt_text_tells_what_is_seen_and_what_to_learn(name):
    alt = getattr(drawings, name)().alt
    assert 30 <= len(alt.split()) <= 110
    assert not re.search(r"\b(?:TODO|None|nan)\b|[{}]|!", alt)


def test_a_row_of_shares_adds_up_to_one_and_none_looks_ahead():
    assert [len(row) for row in drawings.SHARES] == [1, 2, 3, 4, 5]
    assert [sum(row) for row in drawings.SHARES] == pytest.approx([1] * 5)


def test_the_fields_of_the_scan_are_those_that_doubling_joins():
    """Follow the rounds with sets of tokens in the place of numbers."""
    joined = [{place} for place in range(1, drawings.TOKENS + 1)]
    for span in (1, 2, 4):
        joined = [
            joined[place] | joined[place - span] if place >= span else joined[place]
            for place in range(drawings.TOKENS)
        ]
        texts = [cell.text for cell in drawings._reach(2 * span).rows[0]]
        expected = [
            f"{min(one)}–{max(one)}" if len(one) > 1 else f"{max(one)}"
            for one in joined
        ]
        assert texts == expected


def test_the_joined_step_of_the_drawing_is_two_steps():
    a, b, h = torch.rand(3, 3)
    twice = a[2] * (a[1] * h[0] + b[1]) + b[2]
    torch.testing.assert_close(twice, a[2] * a[1] * h[0] + (a[2] * b[1] + b[2]))
