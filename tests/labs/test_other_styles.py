"""Answers in other styles, with which labs are carried to their ends, are accepted."""

import importlib
import math
from itertools import pairwise, product

import pytest
import torch
from labs.other_styles import STYLES

ALL = [
    (style, word, name)
    for style, words in STYLES.items()
    for word, cells in words.items()
    for name in cells
]


@pytest.mark.parametrize(("style", "word", "name"), ALL)
def test_an_answer_in_another_style_is_accepted(style, word, name, capsys):
    space = {"torch": torch, "math": math, "product": product, "pairwise": pairwise}
    for other, cell in STYLES[style][word].items():
        exec(cell, space)
        if other == name:
            break
    room = importlib.import_module(f"llmlab.checks.{word}")
    getattr(room, name)(space[name])
    assert capsys.readouterr().out.startswith(f"✓ {name}: ")


@pytest.mark.parametrize("style", STYLES)
def test_every_exercise_has_an_answer_in_every_style(style):
    for word, cells in STYLES[style].items():
        room = importlib.import_module(f"llmlab.checks.{word}")
        assert list(cells) == list(room.EXERCISES)
