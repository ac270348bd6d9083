"""A guess comes before the number: it stops once, is kept, and is answered truly."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import pytest

from llmlab import checks, journal
from llmlab.core import machine, records
from llmlab.core.plain import Plain
from llmlab.core.records import Record
from llmlab.journal import guesses, lab, predictions, store

CHOICES = {"A": 256, "B": 20, "C": 1}
NAME = "first token over next"


@pytest.fixture(autouse=True)
def notebook(monkeypatch):
    """Every test is a notebook of lab 01 in a kernel that has just started."""
    monkeypatch.setattr(lab, "_here", None)
    monkeypatch.setattr(store, "_settled", None)
    monkeypatch.setattr(guesses, "_stopped", set())
    monkeypatch.setattr(guesses, "_skipped", set())
    journal.open("measure")


def attend():
    """Take away what says that a test runs this kernel; it comes back afterwards."""
    for name in guesses.UNATTENDED:
        os.environ.pop(name, None)


def choose(guess, name=NAME, unit="×", choices=CHOICES):
    return journal.predict(name, guess, unit=unit, choices=choices)


# An open guess


def test_an_open_guess_stops_once_with_one_sentence():
    attend()
    with pytest.raises(guesses.OpenGuess) as stopped:
        choose(None)
    said = str(stopped.value)
    assert "a letter (A, B, C) or a number in ×" in said and "journal.skip()" in said
    assert said.endswith(".") and ". " not in said and "\n" not in said
    shown = stopped.value._render_traceback_()
    assert " ".join(map(str.strip, shown)) == said
    assert all(len(line) <= 88 for line in shown)
    assert "no guess" in repr(choose(None))
    with pytest.raises(guesses.OpenGuess):
        choose(None, name="another")


def test_skipping_lets_all_open_guesses_of_the_notebook_pass(capsys):
    attend()
    journal.skip()
    assert capsys.readouterr().out.count("\n") == 1
    assert choose(None).guess is None
    assert choose(None, name="another").guess is None
    with pytest.raises(guesses.OpenGuess):
        journal.predict("a", None, unit="s", lab="quantization")
    assert choose("B").letter == "B"


@pytest.mark.parametrize("name", guesses.UNATTENDED)
def test_an_open_guess_stops_no_grader_and_no_test(monkeypatch, name):
    attend()
    monkeypatch.setenv(name, "1")
    assert choose(None).guess is None
    monkeypatch.setenv(name, "0")
    with pytest.raises(guesses.OpenGuess):
        choose(None)


def test_a_kernel_that_this_test_starts_inherits_that_a_test_runs():
    code = "from llmlab.journal import guesses; print(guesses.unattended())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr


def test_a_plain_exception_is_one_and_the_same_everywhere():
    assert checks.Plain is Plain
    assert issubclass(journal.JournalError, Plain | OSError)


# Choices


@pytest.mark.parametrize(
    ("guess", "outcome", "said"),
    [
        ("B", 14.2, "you chose B, 20×; measured 14.2×: nearest is B"),
        ("b ", 100.0, "you chose B, 20×; measured 100×: nearest is A, 256×"),
        ("A", 1.5, "you chose A, 256×; measured 1.50×: nearest is C, 1×"),
        (30, 15, "measured 15.0×, your guess 30× was 2.0× too high; nearest is B, 20×"),
    ],
)
def test_the_answer_names_the_choice_that_came_nearest(guess, outcome, said):
    choose(guess)
    compared = journal.measured(NAME, outcome, unit="×")
    assert repr(compared) == f"{NAME}: {said}"
    assert "<strong>" in compared._repr_html_()


def test_an_interval_that_holds_another_choice_names_all_that_it_holds():
    choose("B")
    name, limits = "speed-up", {"low": 0.9, "high": 30.0}
    wide = replace(records.measured(name, 18.0, "×"), **limits)
    assert repr(journal.measured(NAME, wide)).endswith(": the interval holds B and C")
    beside = replace(wide, low=2.0, value=90.0)  # nearest is A, outside the interval
    assert repr(journal.measured(NAME, beside)).endswith(": the interval holds B")
    narrow = replace(wide, low=15.0)
    assert repr(journal.measured(NAME, narrow)).endswith(": nearest is B")
    none = replace(wide, low=17.0, high=19.0)
    assert repr(journal.measured(NAME, none)).endswith(": nearest is B")


def test_the_nearest_is_counted_in_factors_where_all_are_above_zero():
    choose("A", choices={"A": 100, "B": 10})
    assert journal.measured(NAME, 40, unit="×").nearest == "A"  # 54 is halfway by sums
    choose("A", choices={"A": 100, "B": 0})
    assert journal.measured(NAME, 40, unit="×").nearest == "B"


def test_choices_may_have_a_prefix():
    made = choose("b", name="to read", unit="MB", choices={"A": 4, "B": 40})
    assert repr(made).endswith("B, 40.0 MB")
    compared = journal.measured("to read", 41e6, unit="B")
    assert "you chose B, 40.0 MB; measured 41.0 MB: nearest is B" in repr(compared)


@pytest.mark.parametrize("guess", ["D", "", "20", "AB", True, [20], float("inf")])
def test_what_is_neither_a_choice_nor_a_number_is_refused(guess):
    with pytest.raises(ValueError, match=f"{NAME}.*(A, B, C|number|finite)"):
        choose(guess)


@pytest.mark.parametrize("choices", [{"AB": 1}, {"a": 1, "A": 2}, {1: 2}, {"A": "x"}])
def test_choices_are_letters_with_numbers(choices):
    with pytest.raises(ValueError, match=NAME):
        choose(None, choices=choices)


@pytest.mark.parametrize("value", [10**400, None])
def test_a_number_beyond_all_others_or_none_is_no_outcome(value):
    with pytest.raises(ValueError, match="'a'"):
        journal.measured("a", value, unit="s")


@pytest.mark.parametrize("name", ["", " ", None, "\ud800"])
def test_a_name_is_text_that_can_be_kept(name):
    with pytest.raises(ValueError, match="name="):
        journal.predict(name, 3, unit="s")


def test_a_unit_is_text():
    with pytest.raises(ValueError, match="unit=None of 'a'"):
        journal.predict("a", 3, unit=None)


# Units and kinds as they were meant


def test_a_guess_in_per_cent_is_answered_in_per_cent():
    assert repr(journal.predict("share", 30, unit="%")) == "share: your guess is 30 %"
    fact = Record(name="share", value=0.1571, unit="1", kind="measured")
    assert repr(journal.measured("share", fact)) == (
        "share: measured 15.7 %, your guess 30 % was 1.9× too high"
    )
    near = Record(name="a", value=0.157, unit="1", kind="measured", low=0.142, high=0.2)
    assert "15.7 % (14.2 to 20)" in repr(journal.measured("share", near))
    journal.predict("share", 0, unit="%")
    assert "was 15.7 percentage points too low" in repr(journal.measured("share", fact))


def test_the_answer_says_whether_it_was_measured_or_estimated():
    choose("B")
    assert "; estimated 14.2×:" in repr(
        journal.measured(NAME, 14.2, unit="×", kind="estimated")
    )
    with pytest.raises(ValueError, match="kind='guessed'"):
        journal.measured(NAME, 14.2, unit="×", kind="guessed")


# When it was made, and where it is found


def test_a_guess_made_after_the_outcome_says_so():
    choose("B")
    assert "after" not in repr(journal.measured(NAME, 14.2, unit="×"))
    assert "after" not in repr(choose("B")), "the same guess, run again"
    assert "after" not in repr(journal.measured(NAME, 14.9, unit="×"))
    assert "made after the outcome" in repr(choose("C"))
    assert "made after the outcome" in repr(journal.measured(NAME, 14.2, unit="×"))
    assert journal.predictions.rows()[0].late


def test_a_guess_is_late_where_the_outcome_was_seen_without_one():
    assert choose(None).guess is None
    journal.measured(NAME, 14.2, unit="×")
    assert "made after the outcome" in repr(choose(14.2))


def test_taking_a_guess_back_does_not_make_the_next_one_early():
    choose("B")
    journal.measured(NAME, 14.2, unit="×")
    choose(None)
    assert journal.measured(NAME, 14.2, unit="×").guess is None
    assert choose("B").late


def test_a_guess_is_found_again_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("LLMLAB_HOME")
    monkeypatch.chdir(tmp_path)
    journal.open("measure")
    choose("B")
    (tmp_path / "data").mkdir()
    os.chdir("data")
    assert journal.measured(NAME, 14.2, unit="×").letter == "B"
    assert os.listdir(tmp_path / "data") == []
    journal.open("measure")
    assert journal.measured(NAME, 14.2, unit="×").guess is None, "opened there"


def test_a_folder_that_is_set_later_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("LLMLAB_HOME", str(tmp_path / "later"))
    choose("B")
    assert (tmp_path / "later" / "journal.db").exists()


def test_a_guess_is_found_again_on_a_machine_that_lost_a_thread(monkeypatch):
    monkeypatch.setenv("LLMLAB_THREADS", "1")
    before = machine.describe().label
    choose("B")
    monkeypatch.setattr(machine.containers, "memory_limit", lambda: 2**20)
    assert machine.describe().label != before
    assert journal.measured(NAME, 14.2, unit="×").letter == "B"


def test_a_journal_of_the_first_schema_is_taken_over():
    store.path().parent.mkdir()
    outcome = Record(name="a", value=2.0, unit="×", kind="measured")
    row = ["measure", "a", "", "there", 4.0, "×", "2026-01-01", None]
    text = journal.predictions.records.to_json([outcome])
    with sqlite3.connect(store.path()) as old:
        for statement in store.STEPS[0]:
            old.execute(statement)
        insert = "INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        old.execute(insert, row)
        old.execute(insert, [*row[:3], "here", 5.0, "×", "2026-02-01", text])
        old.execute("INSERT INTO hints VALUES ('measure', 'roofline', 1, 'now')")
        old.execute(f"PRAGMA application_id = {store.OURS}")
        old.execute("PRAGMA user_version = 1")
    old.close()
    before = store.path().read_bytes()
    assert [row.guess for row in journal.predictions.rows()] == [5.0]
    assert store.path().read_bytes() == before, "reading changes no file"
    assert journal.hint_used("roofline", 2)
    (compared,) = journal.predictions.rows()
    assert (compared.guess, compared.measured.value, compared.late) == (5.0, 2.0, False)
    assert journal.predict("a", 5, unit="×").late is False
    assert journal.predict("a", 2, unit="×").late is True
    assert len(journal.hints.rows()) == 2


def test_an_outcome_in_per_cent_is_shown_so_without_a_guess():
    outcome = journal.measured("a share", 6.99, unit="%", kind="estimated")
    assert outcome.measured.value == pytest.approx(0.0699)
    assert repr(outcome) == "a share: estimated 6.99 %, no guess"


def beside(monkeypatch, change):
    """Guess and measure in one folder, `change` in between, with no journal.open."""
    monkeypatch.setattr(store, "_settled", None)
    change("before")
    journal.predict("gain", 2, unit="×", lab="measure")
    change("after")
    return journal.measured("gain", 2.1, unit="×", lab="measure")


@pytest.mark.parametrize("home", [None, "relative"])
def test_a_guess_is_found_again_from_another_folder(tmp_path, monkeypatch, home):
    (tmp_path / "data").mkdir()
    if home is None:
        monkeypatch.delenv("LLMLAB_HOME")
    else:
        monkeypatch.setenv("LLMLAB_HOME", home)

    def change(when):
        monkeypatch.chdir(tmp_path if when == "before" else tmp_path / "data")

    assert beside(monkeypatch, change).guess == 2
    assert not list((tmp_path / "data").iterdir())


def test_a_guess_after_its_outcome_is_late_whatever_the_clock_says(monkeypatch):
    journal.measured("gain", 2.1, unit="×", lab="measure")
    known = "2999-01-01T00:00:00.000000+00:00"  # as if the clock were put back since
    store.write("UPDATE predictions SET known = ?", (known,))
    assert journal.predict("gain", 2, unit="×", lab="measure").late
    assert journal.measured("gain", 2.1, unit="×", lab="measure").late


@pytest.mark.parametrize(
    "field, value",
    [("choices", "[1"), ("choices", "[1]"), ("choices", '{"A": "x"}'), ("guess", "x")],
)
def test_a_row_that_is_damaged_is_told_in_one_sentence(field, value):
    journal.predict("gain", 2, unit="×", lab="measure", choices={"A": 1})
    journal.measured("gain", 2.1, unit="×", lab="measure")
    store.write(f"UPDATE predictions SET {field} = ?", (value,))
    with pytest.raises(journal.JournalError, match="is damaged"):
        predictions.rows()
    outcome = journal.measured("gain", 2.1, unit="×", lab="measure")
    assert outcome.guess is None and "is damaged" in outcome.note


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_told_as_that(make):
    store.path().parent.mkdir()
    make(store.path())
    with pytest.raises(journal.JournalError, match=r"cannot be opened .*and no file"):
        journal.predict("gain", 2, unit="×", lab="measure")
    assert "and no file" in journal.measured("gain", 2, unit="×", lab="measure").note


@pytest.mark.parametrize(
    "knobs",
    [
        {"choices": "abc"}, {"choices": [1]}, {"model": 3}, {"model": "\ud800"},
        {"unit": "\ud800"}, {"unit": None}, {"guess": 10**400}, {"guess": b"1"},
        {"name": None}, {"name": "\ud800"}, {"lab": 3}, {"lab": ["measure"]},
    ],
)  # fmt: skip
def test_what_no_guess_has_is_refused(knobs):
    right = {"name": "gain", "guess": 1, "unit": "s", "lab": "measure"} | knobs
    name, guess = right.pop("name"), right.pop("guess")
    with pytest.raises(ValueError, match=r"=|guess or value of 'gain'"):
        journal.predict(name, guess, **right)


@pytest.mark.parametrize("level", [0, 4, 99, True, "1", None])
def test_a_hint_has_one_of_three_levels(level):
    with pytest.raises(ValueError, match="level="):
        journal.hint_used("x", level, lab="measure")


def test_the_scoreboard_refuses_what_names_nothing():
    fact = records.measured("x", 1, "s")
    for name, model in ((None, "m"), ("a", 3), ("\ud800", "m"), ("", "m"), ("a", " ")):
        with pytest.raises(ValueError, match="="):
            journal.scoreboard.add("measure", name, model, fact, fact, fact)
    with pytest.raises(ValueError, match="lab='nope'"):
        journal.scoreboard.rows("nope")
