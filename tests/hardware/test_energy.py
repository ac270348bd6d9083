"""Joules come from a meter or not at all."""

import os
from pathlib import Path

import pytest
from hardware.written_meters import zone

from llmlab.hardware import energy


@pytest.fixture
def tree(tmp_path):
    """Two packages with their parts, and zones that are no packages of RAPL."""
    files = [
        zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000),
        zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000),
    ]
    zone(tmp_path, "intel-rapl:0:0", "core", 7)
    zone(tmp_path, "intel-rapl:0:1", "dram", 7)
    zone(tmp_path, "intel-rapl:2", "psys", 7)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 7)  # the first one again
    (tmp_path / "intel-rapl").mkdir()
    return tmp_path, files


def test_all_packages_count_and_nothing_else(tree):
    root, files = tree
    meter = energy.meter(root)
    before = meter.read()
    assert before == (1_000_000, 5_000_000)
    files[0].write_text("3000000\n")
    files[1].write_text("5500000\n")
    assert meter.joules(before, meter.read()) == pytest.approx(2.5)


def test_a_counter_that_began_again_is_taken_on(tmp_path):
    file = zone(tmp_path, "intel-rapl:0", "package-0", 9_500_000, turn=10_000_000)
    meter = energy.meter(tmp_path)
    before = meter.read()
    file.write_text("250000")
    assert meter.joules(before, meter.read()) == pytest.approx(0.75)


@pytest.mark.parametrize("folder", ["missing", "."])
def test_without_a_meter_there_is_none(tmp_path, folder):
    assert energy.meter(tmp_path / folder) is None


def test_a_meter_for_the_administrator_alone_says_so(tree, monkeypatch):
    root, files = tree
    files[1].chmod(0o400)
    if os.geteuid() == 0:  # who may read everything
        read = Path.read_text

        def refused(self, *arguments, **keywords):
            if self == files[1]:
                raise PermissionError(13, "Permission denied", str(self))
            return read(self, *arguments, **keywords)

        monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(PermissionError) as caught:
        energy.meter(root)
    assert str(files[1]) in str(caught.value)
    assert f"read by {files[1].owner()} alone" in str(caught.value)


def test_a_counter_that_vanishes_is_named(tree):
    root, files = tree
    meter = energy.meter(root)
    files[0].unlink()
    with pytest.raises(RuntimeError, match="energy_uj cannot be read any more"):
        meter.read()


def test_a_file_that_holds_no_number_is_named(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0").write_text("much")
    with pytest.raises(RuntimeError, match="energy_uj"):
        energy.meter(tmp_path)


def test_the_joules_of_a_call_are_those_that_the_counter_moved(tree):
    root, files = tree

    def call():
        files[0].write_text(str(int(files[0].read_text()) + 20_000))

    record = energy.measure_joules(call, meter=energy.meter(root), seconds=0.01)
    assert record.kind == "measured"
    assert record.unit == "J"
    assert record.value == pytest.approx(0.02)


def test_a_counter_that_stands_still_counts_nothing(tree):
    meter = energy.meter(tree[0])
    with pytest.raises(RuntimeError, match="did not move in"):
        energy.measure_joules(lambda: None, meter=meter, seconds=0.01)


def test_a_million_tokens_at_a_known_price():
    assert energy.cost(0.10, 1000, busy=0.5) == pytest.approx(0.0556, abs=5e-5)
    assert energy.cost(0.10, 1000) == pytest.approx(0.0278, abs=5e-5)
    assert energy.per_million_tokens(3.6) == pytest.approx(1.0)  # kWh
    assert energy.estimated(15, 2) == 30


@pytest.mark.parametrize(
    "arguments, busy, words",
    [
        ((-1, 10), 1.0, "price_per_hour=-1"),
        ((1, 0), 1.0, "tokens_per_second=0"),
        ((1, 10), 0, "busy=0"),
        ((1, 10), 1.5, "busy=1.5"),
        ((float("nan"), 10), 1.0, "price_per_hour=nan"),
        (("1", 10), 1.0, "price_per_hour='1'"),
    ],
)
def test_prices_and_shares_out_of_range_are_refused(arguments, busy, words):
    with pytest.raises(ValueError, match=words):
        energy.cost(*arguments, busy=busy)


@pytest.mark.parametrize(
    "call, keywords, words",
    [
        (3, {"meter": energy.Packages(())}, "call=3"),
        (print, {"meter": None}, "meter=None counts nothing"),
        (print, {"meter": energy.Packages(()), "seconds": 0}, "seconds=0"),
        (print, {"meter": energy.Packages(()), "seconds": 90}, "at most 60"),
    ],
)
def test_what_cannot_be_metered_is_refused(call, keywords, words):
    with pytest.raises(ValueError, match=words):
        energy.measure_joules(call, **keywords)


@pytest.mark.parametrize("watts, seconds", [(0, 1), (-3, 1), (15, 0), (None, 1)])
def test_watts_and_seconds_must_be_above_zero(watts, seconds):
    with pytest.raises(ValueError, match="must be a number above 0"):
        energy.estimated(watts, seconds)


def test_a_joule_a_token_that_is_none_is_refused():
    with pytest.raises(ValueError, match="joules_per_token=0"):
        energy.per_million_tokens(0)


def test_a_card_that_is_not_here_is_refused():
    import torch

    if torch.cuda.is_available():
        assert energy.meter(device="cuda") is None or energy.meter(device="cuda").read()
    else:
        with pytest.raises(ValueError, match="device='cuda' is not here"):
            energy.meter(device="cuda")
