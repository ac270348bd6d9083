"""Experiments on linears, tiles and chunks: what they say, and what they refuse."""

import numpy as np
import pytest
import torch

from llmlab import measure, show
from llmlab.core import records
from llmlab.core.clock import Threads
from llmlab.hardware import experiments, tiling
from llmlab.hardware import quantities as q
from llmlab.hardware.experiments import chains, linears
from llmlab.measure import roofline
from llmlab.measure.samples import Series
from llmlab.measure.timing import Timing

PEAK, BANDWIDTH = 80e9, 10e9
HERE = roofline.Peaks(
    cpu="a processor", simd="AVX2", device="cpu", threads=1, torch="2",
    date="2026-01-01T00:00:00+00:00", flops={"fp32": PEAK, "bf16": 2 * PEAK},
    bandwidth=((2**20, 50e9), (2**28, BANDWIDTH)), operator_seconds=1e-6,
)  # fmt: skip


@pytest.fixture(autouse=True)
def known_peaks(monkeypatch):
    """Spare the seconds of measuring peaks, which tests/measure asks."""
    monkeypatch.setattr(roofline, "peaks", lambda dtypes=(): HERE)


def intensity(tokens, inputs, outputs, weight_bytes, activation_bytes):
    moved = weight_bytes * inputs * outputs
    moved += activation_bytes * tokens * (inputs + outputs)
    return 2 * tokens * inputs * outputs / moved


def tiled(a, b, tile, memory):
    return tiling.matmul(a, b, tile=tile, memory=memory)


def refused(call, *words):
    with pytest.raises(ValueError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said


# A linear by tokens.


def timed(seconds, name="fp32"):
    """Return a Speed in which a linear of so many tokens took so many seconds."""
    ran_on, timings = Threads(1), []
    for tokens, each in seconds.items():
        samples = (each,) * 6
        timings.append(Timing(f"{name} {tokens}", Series(samples, samples, ran_on)))
    return measure.Speed(tuple(timings), 0, ran_on)


def by_tokens(peak=PEAK, bandwidth=BANDWIDTH, *, counts=(1, 4, 16, 64, 256, 512)):
    """Return the path of a machine that keeps exactly to a roof."""
    seconds = {}
    for count in counts:
        cost = linears._cost(count, 1024, "fp32")
        seconds[count] = max(cost.flops / peak, cost.bytes / bandwidth)
    return linears.ByTokens("fp32", counts, 1024, timed(seconds), HERE, intensity)


def main_memory():
    return HERE.bandwidth_at(linears.RING_BYTES)


def test_on_a_machine_that_keeps_to_its_roof_the_knee_is_where_it_is_expected():
    path = by_tokens(bandwidth=main_memory())
    assert path.knee[0] == pytest.approx(path.expected, rel=0.15)
    said = path.said()
    assert "leaves the slope at" in said
    assert said.endswith(f"predict {path.expected}.")


def test_the_expected_knee_is_the_first_to_reach_peak_over_bandwidth():
    path = by_tokens()
    ridge = PEAK / main_memory()
    assert path.at(path.expected - 1) < ridge <= path.at(path.expected)


def test_a_knee_that_comes_late_says_that_the_slope_lies_lower():
    path = by_tokens(bandwidth=main_memory() / 4)
    assert path.knee[0] > 2 * path.expected
    assert path.said().endswith("only, so the slope lies lower.")


def test_a_knee_that_comes_early_says_that_weights_stay_in_cache():
    path = by_tokens(bandwidth=main_memory() * 4)
    assert path.knee[0] < path.expected / 2
    assert "more than memory gives, so a part stays in cache" in path.said()


def test_a_linear_far_below_the_peak_says_so():
    said = by_tokens(PEAK / 4, main_memory()).said()
    assert "reaches 25% of the peak at" in said


def test_a_rate_that_still_rises_says_that_the_knee_lies_beyond():
    said = by_tokens(bandwidth=main_memory(), counts=(1, 2, 4)).said()
    assert "still rises at 4 tokens, so the knee lies beyond" in said


def test_a_crossing_measures_a_path_below_a_roof(monkeypatch):
    monkeypatch.setattr(linears, "RING_BYTES", 2**20)
    result = experiments.crossing(
        intensity, tokens=(4, 16), width=64, formats=("fp32", "bf16"), seconds=0.05
    )
    facts = result.records()
    rates = [f for f in facts if f.name == q.LINEAR_RATE.name and f.subject == "bf16"]
    assert [f.details["tokens"] for f in rates] == [1, 4, 16]
    assert {f.kind for f in rates} == {"measured"}
    assert result.tokens.kind == "measured"
    assert result.tokens.low <= result.tokens.value <= result.tokens.high
    assert result.expected.kind == "estimated"
    ratio = result.tokens.value / result.expected.value
    assert result.ratio.value == pytest.approx(ratio)
    assert result.said.startswith("fp32: ")
    assert "bf16: " in result.said
    picture = show.figure(result)
    assert "Knee expected at" in picture.alt
    assert "Knee measured at" in picture.alt
    assert records.table(facts)


WRONG = {
    "one FLOP a multiply-add": lambda *sizes: intensity(*sizes) / 2,
    "no activations": lambda t, i, o, w, a: 2 * t / w,
    "inverted": lambda *sizes: 1 / intensity(*sizes),
    "weights by tokens": lambda t, i, o, w, a: intensity(1, i, o, w, a),
    "no number": lambda *sizes: None,
    "endless": lambda *sizes: float("inf"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_intensity_is_one_sentence_before_anything_is_timed(name):
    refused(lambda: experiments.crossing(WRONG[name]), "intensity gave")


def test_a_crossing_refuses_bad_input():
    refused(lambda: experiments.crossing(3), "intensity=3", "exercise 1")
    for tokens in ((), (0,), "12", (1.5,), 3):
        refused(lambda t=tokens: experiments.crossing(intensity, tokens=t), "tokens=")
    refused(lambda: experiments.crossing(intensity, width=0), "width=0")
    refused(lambda: experiments.crossing(intensity, formats="fp32"), "formats=")
    refused(lambda: experiments.crossing(intensity, formats=()), "formats is empty")
    refused(lambda: experiments.crossing(intensity, formats=["int8"]), "int8")


# Tiles.


def test_tiles_of_16_load_16_times_fewer_elements():
    result = experiments.tiles(tiled, size=32, tiles=(1, 4, 16))
    assert result.fewer(16).value == 16
    assert result.fewer(16).kind == "simulated"
    assert "16 times fewer elements than tile 1: 4,096 instead of 65,536" in result.said
    assert "All counts are those of the closed form." in result.said
    refused(lambda: result.fewer(5), "tile=5", "tile=4")


def test_the_least_time_is_memory_first_and_arithmetic_from_some_tile_on():
    result = experiments.tiles(tiled, size=128, tiles=(16, 32, 64, 128))
    times = [f for f in result.records() if f.name == q.TILE_TIME.name]
    ridge = PEAK / BANDWIDTH
    for fact in times:
        cost = tiling.traffic(128, 128, 128, fact.details["tile"])
        least = max(cost.flops / PEAK, cost.bytes / BANDWIDTH)
        assert fact.value == pytest.approx(least)
        is_memory = fact.details["bound"] == "bandwidth bound"
        assert is_memory == (cost.intensity < ridge)
    assert "From tile 64 on arithmetic limits this machine." in result.said
    alone = experiments.tiles(tiled, size=8, tiles=(1, 2))
    assert "Memory limits" in alone.said


def test_tiles_are_drawn_with_words():
    picture = show.figure(experiments.tiles(tiled, size=16, tiles=(1, 2, 4, 8)))
    assert "Tile 8: 1,024 elements loaded" in picture.alt
    assert "Tile 8 loads 8 times fewer." in picture.alt


def greedy(a, b, tile, memory):
    """Load a's tile again for nothing."""
    for i in range(0, len(a), tile):
        memory.free(memory.load(a[i : i + tile, :tile]))
    return tiled(a, b, tile, memory)


def test_more_loads_than_needed_are_told():
    said = experiments.tiles(greedy, size=8, tiles=(2, 4)).said
    assert "At tile 2 elements loaded are 528, where the closed form has 512." in said


def hoarding(a, b, tile, memory):
    for j in range(0, b.shape[1], tile):
        memory.load(b[:tile, j : j + tile])
    return a @ b


def off_by_one(a, b, tile, memory):
    product = tiled(a, b, tile, memory)
    product[2, 3] += 1
    return product


PARTS = {
    "nothing freed": (hoarding, "at tile 2", "does not fit"),
    "wrong sum": (off_by_one, "at tile 2", "row 2, column 3"),
    "nothing returned": (lambda *parts: None, "gave None", "return all of it"),
    "a part": (lambda a, b, tile, memory: (a @ b)[:4], "(8, 8)"),
    "words": (lambda a, b, tile, memory: np.full((8, 8), "x"), "return all of it"),
    "sums elsewhere": (
        lambda a, b, tile, memory: memory.store(a, a, 0, 0), "not held", "at tile 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_a_wrong_product_is_one_sentence(name):
    part, *words = PARTS[name]
    refused(lambda: experiments.tiles(part, size=8, tiles=(2,)), *words)


def test_tiles_refuse_bad_input():
    refused(lambda: experiments.tiles(3), "tiled_matmul=3")
    refused(lambda: experiments.tiles(tiled, size=0), "size=0")
    for tiles in ((), (0,), (9,), "8", 4):
        refused(lambda t=tiles: experiments.tiles(tiled, size=8, tiles=t), "tiles=")


# Chunks.


def test_chunks_are_timed_against_the_whole():
    sizes = (4_000, 40_000)
    result = experiments.chunks(chunks=sizes, total=400_000, seconds=0.05)
    times = [f for f in result.records() if f.name == q.CHAIN_TIME.name]
    assert [f.details["bytes"] for f in times] == [*sizes, 400_000]
    gains = [result.ratio(size).value for size in sizes]
    assert result.gain.value == max(gains)
    assert "times as fast as the whole of 400 kB" in result.said
    picture = show.figure(result)
    assert "4.00 kB: " in picture.alt
    assert "times as fast as the whole" in picture.alt
    refused(lambda: result.ratio(7), "bytes=7", "bytes=4000")


def test_the_chain_stays_bounded_however_often_it_runs():
    x = torch.linspace(-9, 9, 99)
    for _ in range(200):
        tiling.in_chunks(chains.CHAIN, x, size=10)
        assert x.abs().max() <= 3


def test_chunks_refuse_bad_input():
    for chunks in ((), (0,), (400_000,), "8", 4, (4_000.5,)):
        refused(lambda c=chunks: experiments.chunks(chunks=c, total=400_000), "chunks=")
    refused(lambda: experiments.chunks(total=10), "total=10")
