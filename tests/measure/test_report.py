"""The report of one model: everything that `llmlab measure` shows, from real runs."""

import json

import byte_models
import pytest
import small_models
import torch

from llmlab.core import records
from llmlab.core.quantities import BOUNDS
from llmlab.measure import probes, report
from llmlab.models import generation

TIMED = {"prefill latency", "decode latency per token", "decode throughput"}
QUALITY = {"bits per byte", "perplexity", "next-token accuracy"}


def measure_little(monkeypatch, model, **choices):
    """Measure for real, but few repetitions and small trials of the machine."""
    monkeypatch.setenv("LLMLAB_TIME", "0.01")
    monkeypatch.setattr(probes, "SIZES", (64,))
    monkeypatch.setattr(probes, "WORKING_SETS", (2**18, 2**20))
    return report.one_model(model, stream=generation.stream_batch, **choices)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    model = byte_models.reader(context=96, dtype=torch.float32)
    choices = {"text": byte_models.TEXT, "prompt": 8, "new": 5, "batches": (1, 4)}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        return measure_little(monkeypatch, model, **choices)


def test_peaks_that_a_time_contradicts_are_measured_again_at_once(
    tmp_path, monkeypatch
):
    """As an hour beside a neighbour may have left them: far too low."""
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path))
    model = byte_models.reader(context=96, dtype=torch.float32)
    choices = {"text": (), "prompt": 8, "new": 5, "batches": (1,)}
    measure_little(monkeypatch, model, **choices)
    for path in tmp_path.glob("peaks-*.json"):
        document = json.loads(path.read_text())
        path.write_text(json.dumps(document | {"flops": {"fp32": 1.0}}))
    facts = measure_little(monkeypatch, model, **choices)
    shares = [fact for fact in facts if fact.name == "share of the bound"]
    assert len(shares) == 2 and all(fact.value < 1000 for fact in shares)
    bounds = [fact for fact in facts if fact.name == "compute bound"]
    assert all(fact.details["flops_per_second"] > 1e6 for fact in bounds)


def test_it_holds_times_bounds_memory_and_quality(found):
    names = {record.name for record in found}
    assert names == {
        *TIMED,
        *QUALITY,
        *map(str, BOUNDS),
        "share of the bound",
        "weights",
        "cache",
        "process peak",
    }


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("phase", ["prefill", "decode"])
def test_each_phase_of_each_batch_stands_beside_its_bounds(found, phase, batch):
    of_phase = {
        record.name: record
        for record in found
        if record.details.get("phase") == phase and record.details["batch"] == batch
    }
    name = {"prefill": "prefill latency", "decode": "decode latency per token"}[phase]
    time, share = of_phase[name], of_phase["share of the bound"]
    bounds = [of_phase[bound.name] for bound in BOUNDS]
    assert time.kind == "measured" and {b.kind for b in bounds} == {"estimated"}
    assert all(record.details["prompt"] == 8 for record in (time, *bounds))
    assert time.low <= time.value <= time.high
    largest = max(bounds, key=lambda bound: bound.value)
    assert share.value == pytest.approx(largest.value / time.value)
    assert share.details["bound"] == largest.name


def test_throughput_is_the_batch_over_the_time_of_a_step(found):
    for batch in (1, 4):
        by_name = {r.name: r for r in found if r.details.get("batch") == batch}
        rate, time = by_name["decode throughput"], by_name["decode latency per token"]
        assert rate.value == pytest.approx(batch / time.value)


def test_it_goes_to_json_and_comes_back(found):
    assert records.from_json(records.to_json(found)) == tuple(found)


def test_a_model_without_a_tokenizer_has_no_quality(monkeypatch):
    model = small_models.recurrent(dtype=torch.float32)
    few = measure_little(monkeypatch, model, prompt=4, new=2, batches=(1,))
    assert TIMED <= {record.name for record in few}
    assert not QUALITY & {record.name for record in few}


@pytest.mark.parametrize(
    "wrong",
    [{"prompt": 0}, {"new": 1}, {"prompt": 96}, {"batches": ()}, {"batches": (0, 1)}],
)
def test_what_does_not_fit_is_refused_before_anything_runs(wrong):
    model = small_models.model("decoder")
    rest = {"prompt": 8, "new": 5, "batches": (1,)} | wrong
    with pytest.raises(ValueError, match=next(iter(wrong))):
        report.one_model(model, stream=pytest.fail, **rest)
