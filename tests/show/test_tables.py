"""show.table is the one door for tables: records, and whatever offers them."""

from dataclasses import replace

import pytest

from llmlab import journal, measure, show
from llmlab.core.records import Record
from llmlab.models import sensitivity


def ratio(value, low, high, subject):
    rest = {"low": low, "high": high, "subject": subject, "kind": "measured"}
    return Record(name="speed-up", value=value, unit="×", **rest)


RATIOS = [
    ratio(1.9, 1.8, 2.0, "bf16"),
    ratio(1.01, 0.97, 1.06, "fp32 again"),
    ratio(0.7, 0.66, 0.75, "fp16"),
]


def test_a_table_is_html_in_a_notebook_and_text_elsewhere():
    table = show.table(RATIOS, title="Speed-ups")
    assert table._repr_html_().count("<tr>") == 4 and "bf16" in table._repr_html_()
    assert repr(table).startswith("Speed-ups\n") and "1.90×" in repr(table)


class Offers:
    """A result of any kind that tells its facts."""

    def records(self):
        return list(RATIOS)


@pytest.mark.parametrize(
    "result",
    [RATIOS, iter(RATIOS), Offers(), [RATIOS[0], Offers()], show.table(RATIOS)],
    ids=["records", "an iterator", "a result", "both", "a table"],
)
def test_whatever_offers_records_becomes_a_table(result):
    told = repr(show.table(result)).splitlines()[2:]  # below the headings
    rows = repr(show.table(RATIOS)).splitlines()[2:]
    assert told[-len(rows) :] == rows and set(told) == set(rows)
    assert show.table(RATIOS[0]).records() == [RATIOS[0]]


def test_the_names_of_a_mapping_stand_as_subjects():
    table = show.table({"before": RATIOS[0], "after": Offers()})
    subjects = [fact.subject for fact in table.records()]
    assert subjects == ["before"] + ["after"] * len(RATIOS)
    assert "before" in repr(table) and RATIOS[0].value_text() in repr(table)


def test_results_of_all_rooms_are_tables():
    """What measures, learns, scans and is guessed offers records under one name."""
    calls = {"one": lambda: sum(range(99)), "two": lambda: sum(range(99))}
    speed = measure.speed(calls, rounds=6, threads=1)
    option = sensitivity.Option("layers.0.mlp.up", 4, 0.25, 1000)
    guess = journal.predictions.Comparison("faster", RATIOS[0], guess=2.0)
    told = repr(show.table(speed))
    assert "two against one" in told and told.endswith(speed.note)
    assert "latency" in repr(show.table(speed["one"]))
    assert "speed-up" in repr(show.table(speed.verdicts))
    assert "layers.0.mlp.up" in repr(
        show.table([option], ["subject", "setting", "value"])
    )
    assert "2" in repr(show.table(guess, ["name", "value", "guess"]))
    assert journal.scoreboard.Rows().records() == []


def test_notes_stand_below_a_table_once_and_escaped():
    noted = [replace(each, details={"note": "1 < 2"}) for each in RATIOS]
    table = show.table(noted)
    assert repr(table).count("1 < 2") == 1 and repr(table).endswith("1 < 2")
    assert table._repr_html_().endswith("<p>1 &lt; 2</p>")
    assert "1 &lt; 2" not in show.table(RATIOS)._repr_html_()


@pytest.mark.parametrize(
    "result", [3, "speed", b"x", [RATIOS[0], 3], {"one": None}, str]
)
def test_what_holds_no_records_is_refused_with_the_way_out(result):
    with pytest.raises(ValueError, match=r"result=.*records\(\)"):
        show.table(result)


def test_an_empty_table_and_an_unknown_column_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        show.table([])
    with pytest.raises(ValueError, match="at least one"):
        show.table({})
    with pytest.raises(ValueError, match="colour"):
        show.table(RATIOS, ["name", "colour"])
