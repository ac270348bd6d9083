"""What is recorded keeps its marks, belongs to the weights that ship, and says how.

Nothing is timed here: the benchmarks that wrote these files are run by hand.
"""

from importlib import resources

import pytest

from llmlab import models
from llmlab.core import records

SPEED, GRID = "quantization_speed", "quantization_grid"
GROUPS = ("32", "64", "128")
# What a Xeon with AMX gave, with some room. The marks for decode were 4.5 and 6, for a
# batch of 16 it was 1.2 against bf16: here starting operators takes half of a step, and
# bf16 has instructions of its own.
SPEEDS = (  # format, phase, against, at least so many times as fast
    ("int8", "decode", "transformers fp32", 2.0),
    ("int4-g32", "decode", "transformers fp32", 2.0),
    ("int4-g128", "decode", "transformers fp32", 2.0),
    ("int8-dynamic", "prefill", "transformers fp32", 2.5),
)


def recorded(name):
    folder = resources.files("llmlab") / "recorded"
    return records.from_json((folder / f"{name}.json").read_text("utf-8"))


def chosen(subject, **details):
    """The rows of the grid about one model, method, number of bits and group size."""
    wanted = {key.replace("_", " "): value for key, value in details.items()}
    return [
        fact
        for fact in recorded(GRID)
        if fact.subject == subject and wanted.items() <= dict(fact.details).items()
    ]


@pytest.mark.parametrize("name", [SPEED, GRID])
def test_every_record_says_where_when_and_by_which_command(name):
    facts = recorded(name)
    assert facts
    for fact in facts:
        assert fact.kind == "recorded"
        assert fact.machine and fact.date
        assert fact.command == f"python benchmarks/{name}.py"


@pytest.mark.parametrize(("word", "phase", "against", "least"), SPEEDS)
def test_integers_are_as_much_faster_as_we_say(word, phase, against, least):
    (fact,) = [
        fact
        for fact in recorded(SPEED)
        if (fact.name, fact.subject) == ("speed-up", word)
        and (fact.details["phase"], fact.details["against"]) == (phase, against)
    ]
    assert fact.value >= least and fact.low > 1


def test_beside_each_speed_stands_what_it_costs():
    facts = recorded(SPEED)
    formats = {fact.subject for fact in facts} - {"transformers fp32"}
    for what in ("logit error", "file size"):
        assert {fact.subject for fact in facts if fact.name == what} == formats


def test_the_grid_is_of_the_weights_that_ship():
    for name in ("coder", "translator", "classifier"):
        version = models.load(name).weights_version
        rows = chosen(name)
        assert rows and {row.weights for row in rows} == {version}


def test_the_grid_has_every_method_with_every_number_of_bits_and_group():
    for method in ("rounding", "least error", "GPTQ", "AWQ"):
        for bits in (2, 3, 4):
            for size in (*GROUPS, "channel"):
                row = chosen("coder", method=method, bits=bits, group_size=size)
                assert len(row) == 1, (method, bits, size)


def test_8_bits_cost_at_most_half_a_percent_and_4_in_groups_three():
    (int8,) = chosen("coder", method="rounding", bits=8, group_size="channel")
    assert int8.details["relative_high"] <= 0.005
    four = [
        row.details["relative_high"]
        for method in ("GPTQ", "AWQ")
        for size in GROUPS
        for row in chosen("coder", method=method, bits=4, group_size=size)
    ]
    assert min(four) <= 0.03


@pytest.mark.parametrize("rival", ["rounding", "least error"])
def test_gptq_is_clearly_better_than_rounding_at_3_bits(rival):
    (row,) = chosen("coder", method=f"GPTQ less {rival}", bits=3)
    assert row.high < 0


def test_answers_of_the_other_models_survive_8_bits():
    for name, what in (("translator", "exact match"), ("classifier", "accuracy")):
        (before,) = chosen(name, method="original")
        (after,) = chosen(name, method="rounding", bits=8)
        assert before.name == after.name == what
        assert after.value >= before.value - 0.01
