"""Answers in other styles, with which labs are carried to their ends, are accepted."""

import ast
import importlib
import math
from itertools import pairwise, product

import pytest
import run
import torch
from labs.other_styles import STYLES
from notebooks import SOLUTIONS, is_exercise, read
from slices import slice_that_calls

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
    defined = ast.parse(STYLES[style][word][name]).body[-1].name
    getattr(room, name)(space[defined])
    assert capsys.readouterr().out.startswith(f"✓ {name}: ")


@pytest.mark.parametrize("style", STYLES)
def test_every_exercise_has_an_answer_in_every_style(style):
    for word, cells in STYLES[style].items():
        room = importlib.import_module(f"llmlab.checks.{word}")
        assert list(cells) == list(room.EXERCISES)


def functions_of(exercises):
    """Return the names of the functions and classes that exercises define."""
    made = ast.FunctionDef | ast.ClassDef
    trees = [ast.parse(cell.source) for cell in exercises if cell.cell_type == "code"]
    return {node.name for tree in trees for node in tree.body if isinstance(node, made)}


# Lab 01 in one style whenever it is executed; the rest takes minutes: pytest -m
# elsewhere.
MARKS = {("numpy", SOLUTIONS[0]): pytest.mark.rotated}
RUNS = [
    pytest.param(
        style, path, id=f"{style}-{path.stem}",
        marks=MARKS.get((style, path), pytest.mark.elsewhere),
    )
    for style in STYLES
    for path in SOLUTIONS
]  # fmt: skip


@pytest.mark.notebook
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("style", "path"), RUNS)
def test_accepted_answers_carry_a_lab_to_its_end(style, path, monkeypatch):
    """All answers of a lab at once, and every cell that calls them."""
    notebook = read(path)
    answers = STYLES[style][path.stem.split("_", 1)[1]]
    exercises = [cell for cell in notebook.cells if is_exercise(cell)]
    for cell in exercises:
        if cell.cell_type == "code":
            cell.source = answers[cell.id].strip()
    monkeypatch.setenv("LLMLAB_TIME", "0.1")
    part = slice_that_calls(notebook, functions_of(exercises))
    assert len(part.cells) > 2 * len(exercises)
    run.execute(part)
