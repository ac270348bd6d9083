"""A benchmark's grid goes on where it was stopped, and says what its rows are."""

from types import SimpleNamespace

import pytest

from llmlab.core import machine, quantities, records
from llmlab.core.recording import Grid, as_recorded, of_rounds

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


def test_only_what_was_measured_is_recorded():
    what = quantities.LATENCY
    kept = {
        kind: as_recorded(records.make(what, 2.0, kind=kind, **place), COMMAND)
        for kind, place in (
            ("measured", {"machine": "here", "date": "2026-01-01"}),
            ("estimated", {}),
            ("simulated", {}),
        )
    }
    assert [fact.kind for fact in kept.values()] == [
        "recorded", "estimated", "simulated",
    ]  # fmt: skip
    assert {fact.command for fact in kept.values()} == {COMMAND}
    assert (kept["measured"].machine, kept["measured"].date) == ("here", "2026-01-01")
    assert kept["estimated"].machine == machine.describe().label
    assert kept["estimated"].date
    other = as_recorded(kept["measured"], COMMAND, subject="a: b")
    assert (other.kind, other.subject) == ("recorded", "a: b")


def test_rounds_are_their_median_between_lowest_and_highest():
    told = {"subject": "M", "details": {"rounds": 3}, "command": COMMAND}
    fact = of_rounds(quantities.LATENCY, [3.0, 1.0, 2.0], **told)
    assert (fact.value, fact.low, fact.high) == (2, 1, 3)
    assert fact.kind == "recorded" and fact.command == COMMAND
    one = of_rounds(quantities.LATENCY, [3.0], **told)
    assert (one.value, one.low, one.high) == (3, None, None)
