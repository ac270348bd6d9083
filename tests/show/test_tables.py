"""show.table is the one door for tables: records, and whatever offers them."""

import re
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


# How a table is turned


def fact(name, value, unit="s", subject="", kind="measured", **details):
    return Record(
        name=name, value=value, unit=unit, subject=subject, kind=kind, details=details
    )


def lines(result, **options):
    return repr(show.table(result, **options)).splitlines()


def test_subjects_stand_below_each_other_and_their_facts_side_by_side():
    told = lines(
        [
            fact("time", 0.0123, subject="fp32"),
            fact("size", 4e6, "B", subject="fp32"),
            fact("time", 0.1, subject="bf16"),
            fact("size", 2e6, "B", subject="bf16"),
        ]
    )
    assert re.split(" {2,}", told[0]) == ["of", "time, ms", "size, MB"]
    assert told[2].split() == ["fp32", "12.3", "4.00"]
    assert told[3].split() == ["bf16", "100", "2.00"]
    assert told[4] == "All of it is measured."


def test_kinds_that_differ_by_column_stand_in_its_heading():
    told = lines(
        [
            fact("time", 0.1 * row, subject=f"m{row}")
            for row in (1, 2)
        ]
        + [fact("bound", 0.01 * row, subject=f"m{row}", kind="estimated")
           for row in (1, 2)]
    )  # fmt: skip
    assert "time, ms, measured" in told[0] and "bound, ms, estimated" in told[0]


def test_a_detail_that_tells_records_apart_stands_across():
    told = lines(
        [
            fact("memory", base * tokens, "B", subject=subject, tokens=tokens)
            for subject, base in (("attention", 4000), ("gru", 1000))
            for tokens in (16, 32, 64)
        ]
    )
    heads = ["of", "tokens 16, kB", "tokens 32, kB", "tokens 64, kB"]
    assert re.split(" {2,}", told[0]) == heads
    assert told[2].split() == ["attention", "64.0", "128", "256"]


def test_a_share_is_in_per_cent_and_other_numbers_are_not():
    shares = [fact("accuracy", 0.831, "1", subject=each) for each in ("a", "b")]
    assert "83.1 %" in lines(shares)[2]
    both = [*shares, *(fact("perplexity", 4.2, "1", subject=e) for e in ("a", "b"))]
    told = lines(both)
    assert "accuracy, %" in told[0] and told[2].split() == ["a", "83.1", "4.200"]


def test_a_long_table_leaves_out_its_middle_and_says_how_many():
    many = [fact("time", 0.001 * row, subject=f"call {row}") for row in range(1, 31)]
    told = lines(many)
    rows = [line for line in told if "call" in line]
    assert len(rows) == 11 and "call 1 " in rows[0] and "call 30" in rows[-1]
    assert any(line.startswith("… 19 more") for line in told)
    assert told[-1] == "19 of 30 rows are left out; rows=None shows them all."
    assert len(lines(many, rows=None)) == 32
    assert len(lines(many, columns=["subject", "value"])) == 32
    with pytest.raises(ValueError, match="rows=2 must be 3 or more"):
        show.table(many, rows=2)


def test_a_curve_is_left_to_the_picture_unless_it_is_asked_for():
    curve = [
        fact("wait by position", 0.001 * place, subject=loop, position=place)
        for loop in ("a", "b")
        for place in (1, 2)
    ]
    facts = [
        *(fact("time to first token", 0.1, subject=loop) for loop in ("a", "b")),
        *(fact("time per token", 0.1, subject=loop) for loop in ("a", "b")),
        *curve,
    ]
    told = lines(facts)
    assert told[-1].startswith("Left out: wait by position") and len(told) == 6
    told = lines(facts, along="position")
    assert told[0].split() == ["position", "a,", "ms", "b,", "ms"]
    assert told[3].split() == ["2", "2.00", "2.00"]
    with pytest.raises(ValueError, match="along='batch' is a detail of none"):
        show.table(facts, along="batch")


def test_values_far_apart_have_a_unit_each():
    told = lines([fact("size", 8.0, "B", subject="a"), fact("size", 2e9, "B")])
    assert "8 B" in told[2] and "2.00 GB" in told[3]


def test_no_fact_is_lost_when_a_table_is_turned():
    """Whatever the details, every value stands somewhere, with rows=None."""
    phases = [
        fact(name, value * scale, subject=subject, phase=phase, batch=batch)
        for name, value in (("one", 1.11), ("two", 2.22))
        for subject, scale in (("a", 1.0), ("b", 2.0))
        for phase, batch in (("prefill", 1), ("decode", 1), ("decode", 4))
    ]
    text = "\n".join(lines(phases, rows=None))
    for value in ("1.11", "2.22", "4.44"):
        assert value in text
    assert text.count("2.22") == 6
