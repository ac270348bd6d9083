"""The journal keeps what it acknowledged, whatever happens, and says what is wrong."""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from llmlab import journal
from llmlab.core import machine, records
from llmlab.core.records import Record
from llmlab.journal import lab, store


@pytest.fixture(autouse=True)
def notebook(monkeypatch):
    """Every test is a notebook of lab 01."""
    monkeypatch.setattr(lab, "_here", None)
    journal.open("measure")


@pytest.fixture
def open_folder():
    """Give an empty folder that every user may enter, as the learner's home."""
    machine.describe()  # imports torch, which another user may not be able to
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    os.environ["LLMLAB_HOME"] = str(folder)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def readonly(folder):
    """Take away the right to write in a folder, from root too."""
    user = os.geteuid()
    folder.chmod(0o555)
    if user == 0:
        os.seteuid(65534)  # root may write everywhere, nobody may not
    try:
        yield
    finally:
        os.seteuid(user)
        folder.chmod(0o755)


def fact(value, unit="s", **rest):
    return Record(name="a", value=value, unit=unit, kind="measured", **rest)


def add(name="int8", *, lab="quantization", seconds=0.004, where="here"):
    latency = fact(seconds, machine=where)
    quality, size = fact(1.25, "bit/B", low=1.2, high=1.3), fact(9e6, "B")
    return journal.scoreboard.add(lab, name, "coder", quality, latency, size)


def python(code: str, *arguments: str, **options) -> subprocess.Popen:
    """Start another process with the same journal."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


# Predictions


def test_a_guess_stands_beside_the_outcome_with_its_factor():
    journal.predict("speed-up", 4.41, unit="×")
    compared = journal.measured("speed-up", 2.1, unit="×")
    assert compared.factor == pytest.approx(2.1)
    assert repr(compared) == (
        "speed-up: measured 2.10×, your guess 4.41× was 2.1× too high"
    )
    assert "<strong>2.10×</strong>" in compared._repr_html_()


def test_a_factor_says_at_which_length_it_was_measured():
    at = fact(1.62, "×", low=1.5, high=1.7, details={"tokens": 2048})
    told = "measured 1.62× (1.50 to 1.70) at 2,048 tokens, no guess"
    assert repr(journal.measured("reading", at)) == f"reading: {told}"


def test_of_a_huge_factor_the_power_of_ten_is_said():
    huge = repr(journal.measured("fading", 100_194_064.0, unit="×"))
    assert huge == "fading: measured about 10⁸×, no guess"
    assert "measured 999,999×" in repr(journal.measured("far", 999_999.0, unit="×"))


@pytest.mark.parametrize(
    ("guess", "outcome", "verdict"),
    [
        (1.0, 2.1, "was 2.1× too low"),
        (100.0, 2.0, "was 50× too high"),
        (2.05, 2.1, "was right within 5 %"),
        (0.0, 2.0, "was 2.00 s too low"),
        (-1.0, -3.0, "was 2.00 s too high"),
        (0.0, 0.0, "was right within 5 %"),
    ],
)
def test_the_verdict_says_how_far_off_a_guess_was(guess, outcome, verdict):
    journal.predict("a", guess, unit="s")
    assert journal.measured("a", outcome, unit="s").verdict == verdict


def test_a_guess_inside_the_interval_is_right():
    journal.predict("step", 11, unit="ms")
    outcome = fact(0.0125, low=0.0105, high=0.0140)
    compared = journal.measured("step", outcome)
    assert compared.verdict == "was right, inside the interval"
    assert "12.5 ms (10.5 to 14.0)" in repr(compared)


def test_a_guess_may_have_a_prefix():
    assert repr(journal.predict("step", 5, unit="ms")) == "step: your guess is 5.00 ms"
    assert journal.measured("step", 0.005, unit="s").verdict == "was right within 5 %"


def test_no_guess_always_works_and_writes_nothing():
    assert "no guess" in repr(journal.predict("speed-up", None, unit="×"))
    assert journal.measured("speed-up", 2.1, unit="×", lab="pruning").guess is None
    assert journal.predict("speed-up", None, unit="×", model="tiny").guess is None
    assert journal.predictions.rows() == ()
    store.path().unlink()
    store.path().write_bytes(b"damaged" * 999)
    journal.predict("speed-up", None, unit="×")


def test_no_guess_takes_an_earlier_guess_back():
    journal.predict("speed-up", 3, unit="×")
    journal.predict("speed-up", None, unit="×")
    assert journal.measured("speed-up", 3, unit="×").guess is None


def test_a_newer_guess_replaces_the_older_and_other_labs_keep_theirs():
    journal.predict("speed-up", 3, unit="×")
    journal.predict("speed-up", 5, unit="×", lab="pruning")
    journal.predict("speed-up", 7, unit="×", model="classifier")
    journal.predict("speed-up", 4, unit="×")
    assert journal.measured("speed-up", 1, unit="×").guess == 4
    assert journal.measured("speed-up", 1, unit="×", lab="pruning").guess == 5
    assert journal.measured("speed-up", 1, unit="×", model="classifier").guess == 7


def test_guesses_with_their_outcomes_can_be_looked_back_on():
    journal.predict("never measured", 1, unit="s")
    journal.predict("speed-up", 4, unit="×")
    compared = journal.measured("speed-up", 2, unit="×")
    assert journal.predictions.rows() == (compared,)


def test_a_guess_in_another_unit_is_said_and_not_compared():
    journal.predict("step", 5, unit="token/s")
    compared = journal.measured("step", 0.1, unit="s")
    assert compared.guess is None
    assert "You guessed in token/s" in repr(compared)


@pytest.mark.parametrize("guess", ["three", True, float("nan"), [3]])
def test_a_guess_that_is_no_number_is_refused(guess):
    with pytest.raises(ValueError, match=r"'speed-up'.*(number|finite)"):
        journal.predict("speed-up", guess, unit="×")


def test_an_outcome_without_a_unit_is_refused():
    with pytest.raises(ValueError, match=r"unit of 'speed-up' is missing"):
        journal.measured("speed-up", 2.1)


def test_the_lab_must_be_known(monkeypatch):
    with pytest.raises(ValueError, match=r"'sewing'.*measure, attention_vs_rnn"):
        journal.open("sewing")
    with pytest.raises(ValueError, match="'sewing'"):
        journal.predict("speed-up", 3, unit="×", lab="sewing")
    monkeypatch.setattr(lab, "_here", None)
    with pytest.raises(ValueError, match=r"journal\.open"):
        journal.predict("speed-up", 3, unit="×")


def test_html_is_escaped():
    journal.predict("<script>", 3, unit="×")
    page = journal.measured("<script>", 2, unit="×")._repr_html_()
    assert "<script>" not in page


# The scoreboard and hints


def test_a_row_replaces_its_older_self_only():
    add(seconds=0.004)
    add(seconds=0.003)
    add("int4", seconds=0.002)
    add("fp32", lab="measure")
    add(seconds=0.001, where="elsewhere")
    rows = journal.scoreboard.rows()
    assert [(row.lab, row.name, row.latency.value) for row in rows] == [
        ("measure", "fp32", 0.004),
        ("quantization", "int4", 0.002),
        ("quantization", "int8", 0.003),
        ("quantization", "int8", 0.001),
    ]
    assert len(journal.scoreboard.rows("measure")) == 1


def test_a_row_comes_back_as_the_records_that_were_added():
    added = add()
    (row,) = journal.scoreboard.rows()
    assert row.facts == added.facts
    assert row.machine == "here"
    assert row.date


def test_the_scoreboard_shows_units_kinds_and_intervals():
    add()
    table = repr(journal.scoreboard.rows())
    assert "1.250 bit/B (1.200 to 1.300) measured" in table
    assert "4.00 ms measured" in table
    assert "here" not in table
    assert "9.00 MB measured" in journal.scoreboard.rows()._repr_html_()
    add(where="elsewhere")
    assert "elsewhere" in repr(journal.scoreboard.rows())


def test_an_empty_scoreboard_shows_and_makes_no_file():
    assert journal.scoreboard.rows() == ()
    assert "nothing here yet" in repr(journal.scoreboard.rows())
    assert not store.path().parent.exists()


def test_only_records_of_a_known_lab_enter_the_scoreboard():
    with pytest.raises(ValueError, match=r"latency=0\.1 is not a Record"):
        journal.scoreboard.add("measure", "a", "coder", fact(1), 0.1, fact(1))
    with pytest.raises(ValueError, match="sewing"):
        add(lab="sewing")
    with pytest.raises(ValueError, match="name=None"):
        add(name=None)


def test_hints_are_kept_once_each():
    for level in (1, 2, 1):
        assert journal.hint_used("roofline", level)
    seen = [(hint.lab, hint.exercise, hint.level) for hint in journal.hints.rows()]
    assert seen == [("measure", "roofline", 1), ("measure", "roofline", 2)]


def test_a_hint_outside_a_notebook_is_not_kept(monkeypatch):
    monkeypatch.setattr(lab, "_here", None)
    assert not journal.hint_used("roofline", 1)
    assert not store.path().exists()


# What goes wrong


def everything_says(words: str) -> None:
    """Each door to the journal gives the reason, and none loses an outcome."""
    with pytest.raises(journal.JournalError, match=words) as failure:
        journal.predict("speed-up", 3, unit="×")
    assert "\n" not in str(failure.value)
    assert "LLMLAB_HOME" in str(failure.value)
    shown = " ".join(map(str.strip, failure.value._render_traceback_()))
    assert shown == str(failure.value)
    with pytest.raises(journal.JournalError, match=words):
        add()
    journal.predict("speed-up", None, unit="×")
    assert "measured 2.10×" in repr(journal.measured("speed-up", 2.1, unit="×"))
    assert not journal.hint_used("roofline", 1)


def test_a_damaged_file_is_named_and_kept():
    store.path().parent.mkdir()
    store.path().write_bytes(b"no database " * 500)
    everything_says("damaged")
    with pytest.raises(journal.JournalError, match="rename it"):
        journal.scoreboard.rows()
    assert "damaged" in repr(journal.measured("speed-up", 2.1, unit="×"))
    assert store.path().read_bytes() == b"no database " * 500


def test_damage_in_the_middle_of_the_file_is_found_before_anything_is_written():
    add()
    content = bytearray(store.path().read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = random.Random(start).randbytes(64)
    store.path().write_bytes(content)
    everything_says("damaged")
    assert store.path().read_bytes() == content


def test_a_damaged_row_is_named():
    add()
    store.write("UPDATE scoreboard SET size = '{'")
    with pytest.raises(journal.JournalError, match="damaged"):
        journal.scoreboard.rows()


def test_a_cut_off_file_is_named_and_kept():
    add()
    content = store.path().read_bytes()[:5000]
    store.path().write_bytes(content)
    everything_says("damaged")
    assert store.path().read_bytes() == content


def test_a_newer_journal_asks_for_an_update_and_is_kept():
    add()
    with sqlite3.connect(store.path()) as connection:
        connection.execute("PRAGMA user_version = 99")
    content = store.path().read_bytes()
    everything_says("newer llmlab.*pip install -U llmlab")
    assert store.path().read_bytes() == content


def test_a_database_of_another_program_is_left_alone():
    store.path().parent.mkdir()
    with sqlite3.connect(store.path()) as connection:
        connection.execute("CREATE TABLE recipes (cake TEXT)")
    content = store.path().read_bytes()
    everything_says("another program")
    assert store.path().read_bytes() == content


def test_an_empty_file_becomes_a_journal():
    store.path().parent.mkdir()
    store.path().touch()
    assert journal.scoreboard.rows() == ()
    add()
    assert len(journal.scoreboard.rows()) == 1


def test_a_folder_that_may_not_be_written_is_named(open_folder):
    with readonly(open_folder):
        everything_says(f"{open_folder}.*cannot be opened or written")
        os.environ["LLMLAB_HOME"] = str(open_folder / "below")
        everything_says("cannot be opened or written")


def test_a_folder_that_may_not_be_entered_is_named(open_folder):
    os.environ["LLMLAB_HOME"] = str(open_folder / "closed")
    (open_folder / "closed").mkdir()
    add()
    (open_folder / "closed").chmod(0)
    with readonly(open_folder):
        everything_says("cannot be opened or written")
        with pytest.raises(journal.JournalError, match="LLMLAB_HOME"):
            journal.scoreboard.rows()
    (open_folder / "closed").chmod(0o755)
    assert len(journal.scoreboard.rows()) == 1


def test_a_folder_in_the_way_is_named():
    store.path().mkdir(parents=True)
    everything_says("cannot be opened or written")
    os.environ["LLMLAB_HOME"] = str(Path(__file__))
    everything_says("cannot be opened or written")


def test_a_journal_in_a_readonly_folder_can_be_read(open_folder):
    add()
    with readonly(open_folder):
        assert len(journal.scoreboard.rows()) == 1
        with pytest.raises(journal.JournalError, match="LLMLAB_HOME"):
            add()


def test_a_journal_that_stays_busy_says_so(monkeypatch):
    add()
    monkeypatch.setattr(store, "BUSY_SECONDS", 0.1)
    with sqlite3.connect(store.path(), isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        everything_says("kept busy")
        other.execute("ROLLBACK")
    other.close()
    add()


def test_a_full_disk_keeps_older_entries():
    add("old")
    code = """
import resource, signal, sys
from llmlab import journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
try:
    for n in range(10_000):
        row = {"lab": "measure", "exercise": "x" * n, "level": 1}
        journal.hints.store.upsert("hints", row)
except journal.JournalError as error:
    print(error)
"""
    out, _ = python(code).communicate(timeout=120)
    assert "did not take" in out
    assert "LLMLAB_HOME" in out
    assert [row.name for row in journal.scoreboard.rows()] == ["old"]


# Many at once, and sudden ends

WRITER = """
import sys
from llmlab import journal
for n in range(int(sys.argv[2])):
    assert journal.hint_used(f"{sys.argv[1]}-{n}", 1, lab="measure")
    print(n, flush=True)
"""


def kept(writer: str) -> set[int]:
    """Return the numbers that stand in the journal for one writer."""
    names = [hint.exercise.split("-") for hint in journal.hints.rows()]
    return {int(number) for name, number in names if name == writer}


def test_processes_that_write_at_once_lose_nothing():
    writers = {name: python(WRITER, name, "25") for name in "abc"}
    for writer in writers.values():
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    assert all(kept(name) == set(range(25)) for name in writers)


def test_what_was_acknowledged_survives_a_kill_in_the_middle():
    neighbour = python(WRITER, "neighbour", "100")
    for number in range(5):
        writer = python(WRITER, f"killed{number}", "100000")
        lines = [writer.stdout.readline() for _ in range(random.randrange(1, 6))]
        writer.send_signal(signal.SIGKILL)
        rest, _ = writer.communicate(timeout=60)
        acknowledged = {int(line) for line in lines + rest.splitlines()}
        assert acknowledged
        assert acknowledged <= kept(f"killed{number}")
    neighbour.communicate(timeout=120)
    assert neighbour.returncode == 0
    assert kept("neighbour") == set(range(100))


def test_a_kill_inside_a_transaction_leaves_the_old_state():
    add(seconds=0.004)
    code = """
import os, signal, sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("DELETE FROM scoreboard")
for n in range(2000):  # more than the cache holds, so the file itself is changed
    connection.execute("INSERT INTO hints VALUES ('measure', ?, 1, 'now')", [str(n)])
os.kill(os.getpid(), signal.SIGKILL)
"""
    before = store.path().read_bytes()
    killed = python(code, str(store.path()))
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert store.path().read_bytes() != before
    assert [row.latency.value for row in journal.scoreboard.rows()] == [0.004]
    assert journal.hints.rows() == ()
    assert journal.hint_used("roofline", 1)


def test_the_rollback_journal_is_used_and_no_connection_stays_open():
    add()
    with sqlite3.connect(store.path()) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()
    assert os.listdir(store.path().parent) == ["journal.db"]
    if Path("/proc/self/fd").exists():
        held = [
            os.readlink(fd) for fd in Path("/proc/self/fd").iterdir() if fd.exists()
        ]
        assert str(store.path()) not in held


def test_the_date_of_a_record_is_its_own():
    quality = records.measured("bits per byte", 1.2, "bit/B", date="2020-01-01")
    journal.scoreboard.add("measure", "fp32", "coder", quality, fact(1), fact(1, "B"))
    assert journal.scoreboard.rows()[0].quality.date == "2020-01-01"
