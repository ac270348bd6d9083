"""A benchmark's grid goes on where it was stopped, and says what its rows are."""

from types import SimpleNamespace

import pytest

from llmlab.core import quantities, records
from llmlab.core.recording import Grid

COMMAND = "python benchmarks/some.py"
MODEL = SimpleNamespace(name="tiny", weights_version="v1")


def judge(model, made):
    return records.measured(quantities.BITS_PER_BYTE, made, details={})


def ways(values, made):
    for bits, value in values.items():
        yield {"bits": bits}, lambda model, value=value: made.append(value) or value


def filled(path, values, *, model=MODEL, judge=judge):
    made = []
    grid = Grid(path, COMMAND)
    facts = list(grid.fill(model, ways(values, made), judge))
    return grid, facts, made


def test_what_stands_in_the_file_is_not_made_again(tmp_path):
    path = tmp_path / "grid.json"
    _, _, made = filled(path, {4: 1.5, 3: 1.7})
    assert made == [1.5, 1.7]
    grid, facts, made = filled(path, {4: 1.5, 3: 1.7, 2: 2.9})
    assert made == [2.9] and [fact.value for fact in facts] == [2.9]
    assert list(records.load(path)) == grid.facts
    assert [fact.details["bits"] for fact in grid.facts] == [4, 3, 2]


def test_other_weights_get_rows_of_their_own(tmp_path):
    path = tmp_path / "grid.json"
    filled(path, {4: 1.5})
    other = SimpleNamespace(name="tiny", weights_version="v2")
    grid, _, made = filled(path, {4: 1.4}, model=other)
    assert made == [1.4]
    assert [fact.weights for fact in grid.facts] == ["v1", "v2"]


def test_a_row_says_its_command_and_what_it_took(tmp_path):
    _, (fact,), _ = filled(tmp_path / "grid.json", {4: 1.5})
    assert (fact.kind, fact.command, fact.subject) == ("recorded", COMMAND, "tiny")
    assert fact.machine and fact.date and fact.details["seconds"] >= 0


def test_rows_before_one_that_fails_are_kept(tmp_path):
    path = tmp_path / "grid.json"

    def strict(model, made):
        if made > 2:
            raise ValueError("too much")
        return judge(model, made)

    with pytest.raises(ValueError, match="too much"):
        filled(path, {4: 1.5, 2: 2.9}, judge=strict)
    assert [fact.value for fact in records.load(path)] == [1.5]


def test_without_a_path_nothing_is_written(tmp_path):
    grid, facts, _ = filled(None, {4: 1.5})
    assert grid.facts == facts and not list(tmp_path.iterdir())
