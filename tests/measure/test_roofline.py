"""The roofline: peaks are measured once and kept honestly, bounds follow from them."""

import json
from dataclasses import replace

import pytest
import small_models
import torch

from llmlab.core import machine, progress
from llmlab.core.clock import contention
from llmlab.core.model import Cost
from llmlab.core.quantities import BOUNDS
from llmlab.core.records import measured
from llmlab.measure import peaks, probes, roofline

pytestmark = pytest.mark.alone

GIGA = 1e9
HERE = roofline.Peaks(
    cpu="a processor",
    simd="none",
    device="cpu",
    threads=2,
    torch="2.13",
    date="2026-11-20T00:00:00+00:00",
    flops={"fp32": 200 * GIGA, "bf16": 800 * GIGA},
    bandwidth=((2**20, 200 * GIGA), (2**24, 100 * GIGA), (2**28, 50 * GIGA)),
    operator_seconds=1e-6,
)


@pytest.fixture
def small_trials(monkeypatch):
    """Measure for real, but little, and as if nobody else computed."""
    monkeypatch.setattr(contention, "free_cores", lambda seconds: 64.0)
    monkeypatch.setenv("LLMLAB_TIME", "0.01")
    monkeypatch.setattr(probes, "SIZES", (64,))
    monkeypatch.setattr(probes, "WORKING_SETS", (2**18, 2**20))


def cache_file():
    (path,) = machine.cache_folder().iterdir()
    return path


def test_peaks_are_measured_once_and_then_read(small_trials):
    first = roofline.peaks()
    written = cache_file().stat().st_mtime_ns
    assert roofline.peaks() == first
    assert cache_file().stat().st_mtime_ns == written
    assert set(first.flops) == {"fp32", "bf16"}
    assert [size for size, _ in first.bandwidth] == [2**18, 2**20]
    assert min(*first.flops.values(), first.operator_seconds) > 0


def test_peaks_say_where_and_when(small_trials):
    found, me = roofline.peaks(("fp32",)), machine.describe()
    assert (found.cpu, found.torch, found.simd) == (me.cpu, me.torch, me.simd)
    assert found.threads == torch.get_num_threads()
    assert found.date.startswith("20")
    for record in found.records():
        assert record.date == found.date and me.cpu in record.machine
        assert record.unit in ("FLOP/s", "weight/s", "B/s", "s")


def test_a_format_that_is_missing_is_added_to_the_others(small_trials):
    first = roofline.peaks(("fp32",))
    both = roofline.peaks(("fp32", torch.bfloat16))
    assert both.flops["fp32"] == first.flops["fp32"] and both.flops["bf16"] > 0
    assert both.bandwidth == first.bandwidth


def test_int8_has_a_peak_too(small_trials):
    assert roofline.peaks(("int8",)).flops["int8"] > 0


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[]",
        lambda text: text.replace('"version": 2', '"version": 0'),
        lambda text: json.dumps(json.loads(text) | {"operator_seconds": -1}),
        lambda text: json.dumps(json.loads(text) | {"flops": {"fp32": "fast"}}),
        lambda text: json.dumps(json.loads(text) | {"bandwidth": []}),
        lambda text: json.dumps(json.loads(text) | {"cpu": "another"}),
        lambda text: json.dumps(json.loads(text) | {"date": "yesterday"}),
    ],
)
def test_a_damaged_cache_is_measured_again(small_trials, damage):
    roofline.peaks(("fp32",))
    cache_file().write_text(damage(cache_file().read_text()))
    found = roofline.peaks(("fp32",))
    assert found.cpu == machine.describe().cpu and found.operator_seconds > 0
    assert roofline.peaks(("fp32",)) == found  # and it is whole again


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def leave(monkeypatch, cores):
    """Let neighbours leave so many cores free."""
    monkeypatch.setattr(contention, "free_cores", lambda seconds: cores)


def test_peaks_are_measured_on_the_threads_that_a_neighbour_leaves_and_say_so(
    small_trials, two_threads, monkeypatch
):
    leave(monkeypatch, 1.0)
    beside = roofline.peaks(("fp32",))
    assert (beside.threads, beside.spared, beside.quiet) == (1, 1, True)
    assert {fact.details["note"] for fact in beside.records()} == {beside.note}
    assert "kept a core busy" in beside.note and "1 thread" in beside.label
    assert torch.get_num_threads() == 2
    assert roofline.peaks(("fp32",)) == beside  # he is still there
    leave(monkeypatch, 2.0)
    alone = roofline.peaks(("fp32",))
    assert (alone.threads, alone.spared) == (2, 0)
    assert not any("note" in fact.details for fact in alone.records())
    leave(monkeypatch, 1.0)
    assert roofline.peaks(("fp32",)) == alone  # what is known need not be measured


def test_where_no_core_was_free_peaks_are_measured_again_once_one_is(
    small_trials, two_threads, monkeypatch
):
    leave(monkeypatch, 0.0)
    crowded = roofline.peaks(("fp32",))
    assert (
        not crowded.quiet and "may be too low" in crowded.records()[0].details["note"]
    )
    assert roofline.peaks(("fp32",)) == crowded  # they are still there
    leave(monkeypatch, 1.0)
    quiet = roofline.peaks(("fp32",))
    assert quiet.quiet and quiet.threads == 1 and quiet.date >= crowded.date
    assert quiet.bandwidth != crowded.bandwidth
    assert roofline.peaks(("fp32",)) == quiet


def test_a_neighbour_who_comes_while_peaks_are_measured_is_noticed(
    small_trials, two_threads, monkeypatch
):
    looks = iter([2.0, 2.0])  # before; then he is there
    monkeypatch.setattr(contention, "free_cores", lambda seconds: next(looks, 1.0))
    disturbed = roofline.peaks(("fp32",))
    assert not disturbed.quiet and "may be too low" in disturbed.note


def test_peaks_of_no_format_are_still_those_of_reading(small_trials):
    found = roofline.peaks(())
    assert found.flops == {} and len(found.bandwidth) == 2


def test_a_smaller_working_set_is_never_slower_than_a_larger(small_trials, monkeypatch):
    """Such as 2.2 GB/s at 1 MB beside 79 GB/s at 8 MB, from a busy moment."""
    rates, tries = {2**18: 90.0, 2**20: 2.2, 2**22: 79.0}, []

    def reading(size, device):
        tries.append(size)
        return rates[size]

    monkeypatch.setattr(probes, "WORKING_SETS", tuple(rates))
    monkeypatch.setattr(probes, "reading", reading)
    found = roofline.peaks(("fp32",))
    assert dict(found.bandwidth) == {2**18: 90.0, 2**20: 79.0, 2**22: 79.0}
    assert tries.count(2**20) == 3 and tries.count(2**22) == 1
    assert found.disturbed == (2**20,) and "Reading 1.0 MB was disturbed" in found.note
    assert all(fact.details["note"] == found.note for fact in found.records())
    assert roofline.peaks(("fp32",)) == found  # marked, and kept
    path = cache_file()
    document = json.loads(path.read_text())
    document["bandwidth"][1][1] = 2.2  # as an older file may say
    path.write_text(json.dumps(document))
    assert dict(roofline.peaks(("fp32",)).bandwidth)[2**20] == 79.0


@pytest.mark.parametrize(("seconds", "again"), [(0.5, True), (0.95, False)])
def test_a_time_below_a_bound_has_the_peaks_measured_again(
    small_trials, seconds, again
):
    first = roofline.peaks(("fp32",))
    bounds = roofline.bounds(Cost(10**9, 1), peaks=first)
    most = max(bound.value for bound in bounds)
    fact = measured("prefill latency", seconds * most, "s")
    assert roofline.nearest(fact, bounds).value == pytest.approx(1 / seconds)
    assert roofline.is_contradicted(roofline.nearest(fact, bounds)) is again
    assert not any(map(roofline.is_contradicted, [fact, *bounds]))
    kept = list(machine.cache_folder().iterdir())
    assert (kept == []) is again
    assert peaks.discard("yesterday") is False


def test_the_bar_of_the_peaks_counts_all_that_is_measured(small_trials, monkeypatch):
    seen = []

    class Bar(progress._Silence):
        def update(self, n):
            seen[-1][1].append(n)

    def bar(what, total):
        seen.append((total, []))
        return Bar()

    monkeypatch.setattr(progress, "_bar", bar)
    roofline.peaks(("fp32",))
    roofline.peaks(("fp32", "bf16"))  # the rest is kept
    assert [(total, len(steps)) for total, steps in seen] == [(4, 4), (1, 1)]


def test_the_fastest_format_is_the_one_that_is_clearly_faster(monkeypatch):
    def known(*rates):
        made = replace(
            HERE,
            flops=dict(zip(("fp32", "bf16"), rates[:2], strict=True)),
            vectors=dict(zip(("fp32", "bf16"), rates[2:], strict=True)),
        )
        monkeypatch.setattr(roofline, "measured_peaks", lambda *_, **__: made)
        return roofline.fastest_format()

    amx, avx2 = known(1e11, 8e11, 1e9, 1.9e9), known(1e11, 2e10, 1e9, 1.5e9)
    assert (amx.prefill, amx.decode) == ("bf16", "bf16")
    assert (avx2.prefill, avx2.decode) == ("fp32", "bf16")
    assert str(avx2) == "fp32 is fastest in prefill, bf16 in decode"
    assert str(known(1e11, 1.05e11, 1e9, 1e9)).startswith("fp32 is fastest, in")
    assert [fact.unit for fact in avx2.records()] == ["FLOP/s"] * 2 + ["weight/s"] * 2


def test_the_fastest_format_is_measured_here_and_kept(small_trials):
    first = roofline.fastest_format()
    assert {first.prefill, first.decode} <= {"fp32", "bf16"}
    assert roofline.fastest_format() == first


def test_measuring_again_is_possible(small_trials):
    first = roofline.peaks(("fp32",))
    assert roofline.peaks(("fp32",), again=True).bandwidth != first.bandwidth


def test_other_threads_have_their_own_file(small_trials):
    before = torch.get_num_threads()
    roofline.peaks(("fp32",))
    torch.set_num_threads(before + 1)
    try:
        assert roofline.peaks(("fp32",)).threads == before + 1
    finally:
        torch.set_num_threads(before)
    assert len(list(machine.cache_folder().iterdir())) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(small_trials, tmp_path):
    machine.cache_folder().write_text("a file where the folder should be")
    assert roofline.peaks(("fp32",)).flops["fp32"] > 0


def test_an_unknown_format_or_device_is_refused():
    with pytest.raises(ValueError, match="fp3"):
        roofline.peaks(("fp3",))
    with pytest.raises(ValueError, match="tpu"):
        roofline.peaks(device="tpu")


def test_bandwidth_is_that_of_the_working_set():
    assert HERE.bandwidth_at(1) == HERE.bandwidth_at(2**20) == 200 * GIGA
    assert HERE.bandwidth_at(2**22) == pytest.approx(200 * GIGA / 2**0.5)
    assert HERE.bandwidth_at(2**24) == pytest.approx(100 * GIGA)
    assert HERE.bandwidth_at(2**40) == 50 * GIGA


def test_the_bounds_are_work_over_rate():
    cost = Cost(flops=400_000_000, bytes=2**24)
    compute, bandwidth, overhead = roofline.bounds(cost, peaks=HERE, operators=300)
    assert compute.value == pytest.approx(2e-3)
    assert bandwidth.value == pytest.approx(2**24 / 100e9)
    assert overhead.value == pytest.approx(3e-4)
    assert [r.name for r in (compute, bandwidth, overhead)] == [
        str(each) for each in BOUNDS
    ]
    assert {r.kind for r in (compute, bandwidth, overhead)} == {"estimated"}
    assert compute.details["flops"] == cost.flops
    (faster, _, _) = roofline.bounds(cost, peaks=HERE, dtype="bf16")
    assert faster.value == pytest.approx(compute.value / 4)


def test_a_working_set_beyond_one_step_comes_from_slower_memory():
    cost = Cost(flops=1, bytes=2**20)
    _, quick, _ = roofline.bounds(cost, peaks=HERE)
    _, slow, _ = roofline.bounds(cost, peaks=HERE, working_set=2**28)
    assert slow.value == pytest.approx(4 * quick.value)


def test_a_format_without_a_peak_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"int4.*roofline\.peaks"):
        roofline.bounds(Cost(1, 1), peaks=HERE, dtype="int4")


@pytest.mark.parametrize("name", ["decoder", "recurrent", "wrapped"])
def test_a_model_has_bounds_for_prefill_and_decode(name):
    model = getattr(small_models, name)(dtype=torch.float32)
    prefill = roofline.model_bounds(model, tokens=16, peaks=HERE)
    decode = roofline.model_bounds(model, tokens=1, cached=16, batch=2, peaks=HERE)
    assert {r.details["phase"] for r in prefill} == {"prefill"}
    assert {r.details["phase"] for r in decode} == {"decode"}
    assert {(r.details["batch"], r.details["cached"]) for r in decode} == {(2, 16)}
    cost = model.cost(1, 16, batch=2)
    assert decode[0].value == pytest.approx(cost.flops / HERE.flops["fp32"])
    assert decode[1].value == pytest.approx(cost.bytes / HERE.bandwidth_at(cost.bytes))
    assert decode[2].details["operators"] == roofline.operators(model, 1, 16, 2)
    assert all(r.value > 0 and r.subject == f"{model.name} fp32" for r in decode)


def test_operators_are_as_many_whatever_the_batch_and_grow_with_layers():
    model = small_models.model("decoder")
    count = roofline.operators(model, 1, 8)
    assert count == roofline.operators(model, 1, 8, batch=4)
    deep = small_models.decoder(num_hidden_layers=4)
    assert count < roofline.operators(deep, 1, 8) <= 2 * count


def test_a_call_beyond_the_context_has_no_bounds():
    model = small_models.model("decoder")
    with pytest.raises(ValueError, match="from 0 to 95; the model's context is 96"):
        roofline.model_bounds(model, tokens=1, cached=96, peaks=HERE)


def test_the_largest_bound_says_where_a_step_really_is():
    cost = Cost(flops=400_000_000, bytes=2**24)
    bounds = roofline.bounds(cost, peaks=HERE, operators=300)
    step = measured("decode latency per token", 8e-3, "s", low=4e-3, high=1e-2)
    where = roofline.nearest(step, bounds)
    assert where.value == pytest.approx(0.25) and where.kind == "estimated"
    assert (where.low, where.high) == pytest.approx((0.2, 0.5))
    assert where.details["bound"] == "compute bound"


def test_the_limits_are_those_of_the_peaks_at_this_working_set(small_trials):
    peak, bandwidth = roofline.limits(2**19)
    here = roofline.peaks(("fp32",))
    assert (peak, bandwidth) == (here.flops["fp32"], here.bandwidth_at(2**19))
    with pytest.raises(ValueError, match="working_set=0"):
        roofline.limits(0)
