"""Records are honest facts: checked, frozen, readable, and the same after a file."""

import copy
import json
import os
import pickle
import string
import subprocess
import sys
from dataclasses import FrozenInstanceError, replace

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmlab.core import quantities, records, tables, units
from llmlab.core.records import Record, quantity

STEP = Record(
    name="decode step",
    value=0.0123,
    unit="s",
    kind="measured",
    low=0.0119,
    high=0.0128,
    subject="coder fp32",
    details={"rounds": 5, "share": 0.25, "warm": True},
    seed=0,
    machine="a laptop",
    weights="1",
    date="2026-11-21",
    command="llmlab measure",
)
SIZE = Record(name="size", value=34e6, unit="B", kind="estimated")

SPOKEN = {
    (0.0123, "s"): "12.3 ms",
    (999.96e-6, "s"): "1.00 ms",
    (3e-9, "s"): "3.00 ns",
    (130, "s"): "2.17 min",
    (8000, "s"): "2.22 h",
    (0, "s"): "0 s",
    (-0.005, "s"): "-5.00 ms",
    (512, "B"): "512 B",
    (34.2e6, "B"): "34.2 MB",
    (2e10, "B/s"): "20.0 GB/s",
    (1.2e11, "FLOP/s"): "120 GFLOP/s",
    (3.14e23, "FLOP"): "314 ZFLOP",
    (120.3, "FLOP/B"): "120 FLOP/B",
    (1.2345, "bit/B"): "1.234 bit/B",
    (4.25, "bit"): "4.25 bits",
    (0.93, "1"): "0.9300",
    (1e-7, "1"): "1e-07",
    (2.1, "×"): "2.10×",
    (1, "token"): "1 token",
    (12345, "token"): "12,345 tokens",
    (1234.5, "token/s"): "1,234 tokens/s",
}


@pytest.mark.parametrize("given", SPOKEN)
def test_a_quantity_reads_as_a_person_writes_it(given):
    assert quantity(*given) == SPOKEN[given]


def test_an_interval_stands_on_the_scale_of_its_value():
    assert STEP.text() == "12.3 ms (11.9 to 12.8)"
    across = replace(STEP, value=0.001, low=0.0009, high=0.0012)
    assert across.text() == "1.00 ms (0.90 to 1.20)"
    assert SIZE.text() == "34.0 MB"


@pytest.mark.parametrize(
    ("written", "base"),
    {
        "ms": (0.005, "s"),
        "µs": (5e-6, "s"),
        "us": (5e-6, "s"),
        "min": (300.0, "s"),
        "GB": (5e9, "B"),
        "KiB": (5120.0, "B"),
        "GFLOP/s": (5e9, "FLOP/s"),
        "tokens/s": (5.0, "token/s"),
        "%": (0.05, "1"),
        "x": (5.0, "×"),
        "token": (5.0, "token"),
        "class": (5.0, "class"),
        "bit/B": (5.0, "bit/B"),
    }.items(),
)
def test_what_a_person_types_becomes_base_units(written, base):
    value, unit = units.to_base(5.0, written)
    assert (value, unit) == (pytest.approx(base[0]), base[1])


@given(st.floats(1e-9, 1e20), st.sampled_from(["s", "B", "FLOP/s", "J", "bit"]))
def test_what_is_shown_is_within_half_a_digit_of_the_value(value, unit):
    number, shown = quantity(value, unit).replace(",", "").split(" ")
    assert units.to_base(float(number), shown) == (pytest.approx(value, rel=6e-3), unit)


def test_a_share_of_a_whole_reads_in_per_cent():
    what = quantities.SHARE_OF_THE_TIME
    fact = records.make(what, 0.1218, kind="estimated", low=0.1, high=0.133)
    assert fact.text() == "12.2 % (10 to 13.3)" and fact.value == 0.1218


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"unit": "ms"}, "use unit='s' and multiply the value by 0.001"),
        ({"unit": "tokens"}, "unit='token'"),
        ({"unit": ""}, "unit='1'"),
        ({"value": float("nan")}, "finite"),
        ({"value": float("inf")}, "finite"),
        ({"value": "fast"}, "one number"),
        ({"value": True}, "one number"),
        ({"value": None}, "one number"),
        ({"value": torch.zeros(2)}, "one number"),
        ({"high": None}, "no interval"),
        ({"low": 1.0, "high": 0.5}, "no interval"),
        ({"low": float("nan")}, "finite"),
        ({"kind": "guessed"}, "measured, recorded, simulated, estimated"),
        ({"name": ""}, "needs a name"),
        ({"details": {"list": [1]}}, "details"),
        ({"details": {"loss": float("nan")}}, "details"),
    ],
)
def test_a_record_that_says_nothing_true_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        replace(STEP, **wrong)


def test_a_record_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        STEP.value = 1.0
    with pytest.raises(TypeError):
        STEP.details["rounds"] = 6
    details = {"rounds": 5}
    record = replace(STEP, details=details)
    details["rounds"] = 6
    assert record.details["rounds"] == 5


def test_numbers_of_numpy_and_torch_become_plain():
    record = Record(
        name="a",
        value=torch.tensor(2.0),
        unit="1",
        kind="estimated",
        details={"n": numpy.int64(3)},
    )
    assert type(record.value) is float
    assert type(record.details["n"]) is int


def test_records_are_the_same_after_json_pickle_and_copy():
    assert records.from_json(records.to_json([STEP, SIZE])) == (STEP, SIZE)
    assert pickle.loads(pickle.dumps(STEP)) == STEP
    assert copy.deepcopy(STEP) == STEP
    assert hash(copy.copy(STEP)) == hash(STEP)


words = st.text(min_size=1, max_size=20)
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.one_of(words, finite, st.booleans(), st.integers(-(2**53), 2**53))


free = words.filter(lambda name: not quantities.is_registered(name))


@given(free, finite, st.dictionaries(words, plain, max_size=3), words)
def test_any_record_survives_json(name, value, details, subject):
    record = Record(
        name=name,
        value=value,
        unit="1",
        kind="simulated",
        details=details,
        subject=subject,
    )
    assert records.from_json(records.to_json([record])) == (record,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        "null",
        '{"version": 1, "records": 3}',
        '{"version": 1, "records": [3]}',
        '{"version": 1, "records": [{"name": "a"}]}',
    ],
)
def test_what_is_no_json_of_records_is_named_so(text):
    with pytest.raises(ValueError, match="no JSON of records"):
        records.from_json(text)


def test_records_of_a_newer_version_ask_for_an_update():
    newer = json.dumps({"version": 99, "records": []})
    with pytest.raises(ValueError, match="pip install -U llmlab"):
        records.from_json(newer)


def test_a_file_of_records_comes_back_equal_and_leaves_nothing_beside_it(tmp_path):
    path = tmp_path / "new folder" / "speed.json"
    records.save([STEP], path)
    records.save([SIZE], path)
    assert records.load(path) == (SIZE,)
    assert os.listdir(path.parent) == ["speed.json"]


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "speed.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match=r"speed\.json"):
        records.load(path)


def test_a_full_disk_leaves_the_old_file_and_no_half_one(tmp_path):
    path = tmp_path / "speed.json"
    records.save([STEP], path)
    full = (
        "import resource, signal, sys\n"
        "from llmlab.core import records\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "records.save(records.load(sys.argv[1]) * 9, sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", full, str(path)], capture_output=True, text=True
    )
    assert "speed.json cannot be written" in done.stderr
    assert done.returncode == 1
    assert records.load(path) == (STEP,)
    assert os.listdir(tmp_path) == ["speed.json"]


def test_what_is_measured_tells_machine_and_time():
    record = records.measured("decode step", 0.1, "s", subject="coder", seed=3)
    assert record.kind == "measured"
    assert "thread" in record.machine
    assert record.date.endswith("+00:00")
    assert (record.subject, record.seed) == ("coder", 3)
    assert records.measured("a", 1, "s", machine="elsewhere").machine == "elsewhere"


def test_a_table_lines_up_and_leaves_out_what_is_empty():
    lines = records.table([STEP, SIZE]).splitlines()
    assert lines[0].split() == ["what", "of", "value", "95", "%", "kind"]
    assert lines[2].split("  ")[0] == "decode step"
    assert lines[2].index("12.3 ms") == lines[3].index("34.0 MB")
    assert "95" not in records.table([SIZE])
    assert records.table([]) == "(nothing here yet)"


def test_a_table_shows_the_columns_asked_for():
    table = records.table([STEP, SIZE], ["name", "rounds", "machine"])
    assert table.splitlines()[2] == "decode step       5  a laptop"
    with pytest.raises(ValueError, match=r"'round'.*rounds"):
        records.table([STEP], ["round"])


def test_html_is_escaped():
    hostile = replace(STEP, subject="<script>alert(1)</script>")
    page = records.html_table([hostile], title="a & b")
    assert "<script>" not in page
    assert "a &amp; b" in page


@given(st.lists(st.text(string.printable, max_size=5), min_size=1, max_size=3))
def test_every_line_of_a_table_has_its_cells_in_place(cells):
    cells = ["".join(cell.split()) for cell in cells]
    lines = tables.text_grid(["h" * 9] * len(cells), [cells]).splitlines()
    lines += [""] * (3 - len(lines))
    for number, cell in enumerate(cells):
        assert lines[2][11 * number : 11 * number + 9].strip() == cell


def test_records_and_progress_need_no_torch():
    code = "import sys, llmlab.core.records, llmlab.core.progress, llmlab.journal;"
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
