"""The checks cannot be fooled: no small mistake in a reference solution passes.

`equivalent_mutants.json` lists the mutants that change nothing a learner could see,
each with its reason: lab -> exercise -> what was changed -> why that is no mistake.
"""

import importlib
import json
from pathlib import Path

import mutator
import pytest

LISTED = json.loads(Path(__file__).with_name("equivalent_mutants.json").read_text())
EXERCISES = mutator.exercises()
each_exercise = pytest.mark.parametrize(
    "exercise", EXERCISES, ids=lambda one: f"{one.lab}.{one.name}"
)


def listed(exercise):
    return LISTED.get(exercise.lab, {}).get(exercise.name, {})


@each_exercise
def test_the_reference_solution_passes_its_check(exercise):
    assert mutator.verdict(exercise, exercise.source) == "passed"


@each_exercise
def test_every_mutant_is_killed_or_listed_with_a_reason(exercise):
    new = [one for one in mutator.survivors(exercise) if one not in listed(exercise)]
    assert not new, "kill it in the check, or list it with a reason"


@each_exercise
def test_the_list_of_equivalent_mutants_holds_nothing_that_is_killed(exercise):
    gone = set(listed(exercise)) - set(mutator.survivors(exercise))
    assert not gone, "take it from the list"
    assert all(len(reason) > 20 for reason in listed(exercise).values())


@each_exercise
def test_there_are_mutants_of_every_exercise(exercise):
    room = importlib.import_module(f"llmlab.checks.{exercise.lab}")
    if room.EXERCISES[exercise.name].examine is not None:
        return  # a program in a text, whose mutants stand with the tests of its lab
    assert len(mutator.mutants(exercise.source)) >= 10


def test_the_list_names_only_exercises_that_there_are():
    known = {(one.lab, one.name) for one in EXERCISES}
    assert {(lab, name) for lab in LISTED for name in LISTED[lab]} <= known


SOURCE = '''
def biggest(rows, axis):
    """The text is not changed."""
    best = 0
    for row in rows[1:]:
        if row.sum(dim=1) > best and axis:
            best = row.max()
    return best, len(rows)
'''


@pytest.mark.parametrize(
    "line",
    [
        "best = 1",  # a constant
        "for row in rows[2:]:",  # a number by one
        "for row in rows[1:-1]:",  # a bound
        "if row.sum(dim=-1) > best and axis:",  # an axis
        "if row.sum() > best and axis:",  # a keyword left out
        "if row.sum(dim=1) >= best and axis:",  # a comparison
        "if row.sum(dim=1) > best or axis:",  # and, or
        "best = row.min()",  # a function
        "return (len(rows), best)",  # the order
        "return (row, len(rows))",  # another name
        "return best",  # another name for all of it
        "return",  # nothing
        "pass",  # a line left out
    ],
)
def test_the_mutator_makes_the_mistakes_that_people_make(line):
    lines = {
        line.strip()
        for cell in mutator.mutants(SOURCE).values()
        for line in cell.splitlines()
    }
    assert line in lines


def test_the_mutator_changes_one_place_and_neither_docstring_nor_signature():
    for cell in mutator.mutants(SOURCE).values():
        assert cell.startswith("def biggest(rows, axis):")
        assert "?" not in cell


def test_a_mutant_that_does_not_end_is_killed(monkeypatch):
    monkeypatch.setattr(mutator, "SECONDS", 0.2)
    endless = "def percentile(samples, share):\n    while True:\n        pass\n"
    exercise = mutator.Exercise("measure", "percentile", endless, "")
    assert mutator.verdict(exercise, endless) == "does not end"
