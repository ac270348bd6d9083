"""Measures on a GPU: quality is the processor's, times are the GPU's own."""

import byte_models
import pytest
import torch
from on_device import placed
from small_models import decoder, model

from llmlab import measure
from llmlab.measure import memory, quality

pytestmark = pytest.mark.cuda


def test_quality_is_that_of_the_processor(device):
    reader = byte_models.reader()
    right = quality.evaluate(reader, byte_models.TEXT)
    found = quality.evaluate(placed(reader, device), byte_models.TEXT)
    for mine, theirs in zip(found, right, strict=True):
        assert mine.name == theirs.name
        assert mine.value == pytest.approx(theirs.value, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_quality_in_shorter_formats_is_close(device, dtype):
    reader = byte_models.reader()
    right = quality.bits_per_byte(reader, byte_models.TEXT).value
    short = placed(reader, device, dtype)
    found = quality.bits_per_byte(short, byte_models.TEXT).value
    assert found == pytest.approx(right, rel=1e-4 if dtype == torch.float32 else 0.03)


def test_weights_and_cache_take_the_same_bytes(device):
    ours = decoder(dtype=torch.float32)
    theirs = placed(ours, device)
    assert memory.weight_bytes(theirs) == memory.weight_bytes(ours)
    assert theirs.new_cache(2, 30).bytes == ours.new_cache(2, 30).bytes


def test_a_race_of_streams_runs_on_the_device(device, is_real):
    if device.type != "cpu" and not is_real:
        pytest.skip("events of a pretended GPU count no time")
    racers = {"a": model("decoder").to(device), "b": model("lstm").to(device)}
    racers = {name: placed(one, device) for name, one in racers.items()}
    result = measure.race(racers, [1, 2, 3], max_tokens=4, rounds=6)
    assert result["a"].median > 0 and result["b"].tokens == 4


def test_the_peaks_of_the_device_are_measured(device, is_real, monkeypatch):
    if device.type != "cpu" and not is_real:
        pytest.skip("a pretended GPU has no peaks")
    monkeypatch.setenv("LLMLAB_TIME", "0.1")
    peaks = measure.roofline.peaks(("fp32",), device=device)
    assert peaks.flops["fp32"] > 0 and peaks.bandwidth_at(2**24) > 0
