"""The types of the floors that all stands on are checked; the rest only gets better."""

import ast
import json
import typing
from pathlib import Path

import pytest
import type_baseline
from transformers import PreTrainedModel

from llmlab import models
from llmlab.core.model import LanguageModel
from llmlab.models import checkpoints

CLEAN = {"core", "texts", "kernels", "models", "measure"}
# What stands in for another function, whatever that takes, and `core.model.Technique`,
# the type of functions of several signatures.
WRAPPERS = {"_repr_mimebundle_", "draw_by_the_rules", "__call__", "_sealed"} | {
    "asked",
    "answer",
    "called",
    "counted",
    "traced",
    "ask",
}
ERROR = 'llmlab/zoo/coder_card.py:3: error: Name "x" is not defined  [name-defined]'


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_no_room_has_more_errors_of_types_than_it_may():
    allowed = json.loads(type_baseline.BASELINE.read_text())
    told = type_baseline.complaints(type_baseline.errors(), allowed)
    assert not told, "\n".join(told)


def test_the_ground_kernels_models_and_measures_have_none():
    allowed = json.loads(type_baseline.BASELINE.read_text())
    assert not CLEAN & {*allowed}
    assert all(number > 0 for number in allowed.values())


def test_one_error_more_is_shown_and_one_less_is_kept():
    assert type_baseline.complaints([ERROR], {"zoo": 1}) == []
    shown, told = type_baseline.complaints([ERROR], {})
    assert shown == ERROR and told.startswith("zoo: 1 errors")
    (told,) = type_baseline.complaints([ERROR], {"zoo": 2})
    assert "--lower" in told


def test_the_baseline_never_rises():
    assert type_baseline.lowered([ERROR] * 3, {"zoo": 2, "show": 4}) == {"zoo": 2}
    assert type_baseline.lowered([ERROR], {"zoo": 2}) == {"zoo": 1}


def test_an_ignored_error_says_which_and_why():
    root = type_baseline.ROOT
    for path in sorted((root / "llmlab").rglob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "type: ignore" in line:
                place = f"{Path(path).relative_to(root)}:{number}"
                code, _, reason = line.partition("type: ignore[")[2].partition("]")
                assert code and reason.strip(" #"), f"{place} says no code and reason"


def test_no_function_takes_options_that_it_does_not_name():
    """A misspelt one would walk on in silence."""
    root = type_baseline.ROOT
    for path in sorted((root / "llmlab").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.args.kwarg:
                place = f"{path.relative_to(root)}:{node.lineno} {node.name}"
                assert node.name in WRAPPERS, f"{place} takes **{node.args.kwarg.arg}"


def test_the_type_of_a_bundled_model_is_known_by_its_name():
    causal, other = map(typing.get_args, (checkpoints.Causal, checkpoints.Other))
    bundled = [name for name in causal if name != "smollm2"]  # an extra brings it
    assert {*bundled, *other} == {*models.names()}
    for name in bundled:
        model = models.load(name)
        assert isinstance(model, LanguageModel)
        assert isinstance(model, models.CausalModel)
    for name in other:
        assert isinstance(models.load(name), PreTrainedModel)
