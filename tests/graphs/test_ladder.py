"""The ladder races every way that is here, names what is not, and counts the price."""

import dataclasses

import fused_models
import pytest
import torch
from small_models import model

from llmlab import show
from llmlab.core import recording, records
from llmlab.graphs import engines, experiments, folding, fusing, static
from llmlab.graphs import quantities as q
from llmlab.graphs.experiments import fixed
from llmlab.graphs.experiments.ladders import Ladder
from llmlab.measure import operators

SMALL = {"tokens": 12, "length": 64, "written": 8, "seconds": 0.2}
CHEAP = ("eager", "fused", "static", "native int8")


@pytest.fixture(scope="module")
def small():
    return fused_models.llama().float()


@pytest.fixture(scope="module")
def cheap(small):
    return experiments.ladder(small, ways=CHEAP, **SMALL)


def test_every_way_has_time_starts_error_and_price(cheap, small):
    assert not cheap.absent
    for way in CHEAP:
        assert cheap.time(way).value > 0 and cheap.time(way).details["tokens"] == 12
        assert 0 <= cheap.alike(way).value <= 1
    assert cheap.error("eager").value == 0 and cheap.error("fused").value < 1e-3
    assert cheap.error("static").value < 1e-3 < cheap.error("native int8").value
    assert cheap.alike("static").value == cheap.alike("fused").value == 1
    fused = fusing.fuse(folding.fold_norms(small))
    for way, one in (("eager", small), ("fused", fused)):
        wanted = operators.step(one, cached=12).kernels
        assert cheap.starts(way).value == wanted
        assert cheap.starts(way).details["kind"] == engines.OPERATORS
    assert cheap.starts("native int8").value == 1
    assert {f.subject for f in cheap.facts if f.name == q.STEP_GAIN.name} == {
        *CHEAP[1:]
    }
    assert "native int8" in repr(show.table(cheap))
    alike, time, weights = cheap.board
    assert time.value == min(cheap.time(way).value for way in CHEAP)
    assert alike == cheap.alike(time.subject) and weights.subject == time.subject
    held = {f.subject: f.value for f in cheap.facts if f.name == "weights"}
    assert held["native int8"] < held["static"] == held["eager"]
    moved = {f.subject: f.value for f in cheap.facts if f.name == q.STEP_BYTES.name}
    assert moved["native int8"] < moved["eager"] and cheap.ways == list(CHEAP)
    with pytest.raises(ValueError, match="'eager' has no step, times as fast"):
        cheap.ratio("eager")


def test_what_pays_back_is_seconds_over_what_a_step_saves(cheap):
    for way in CHEAP[1:]:
        paid, saved = cheap.paid(way), None
        if cheap.ratio(way).details["verdict"] == "faster":
            saved = cheap.time("eager").value - cheap.time(way).value
        if saved is None or saved <= 0:
            assert paid is None
        else:
            assert paid.value == pytest.approx(cheap.built(way).value / saved)
            assert paid.kind == "estimated"


def test_a_wrong_step_shows_in_error_and_tokens(small, monkeypatch):
    def strict(positions, length):
        return torch.arange(length) < (positions[:, None] + 1) // 2 + 1

    monkeypatch.setattr(static, "static_mask", strict)
    result = experiments.ladder(small, ways=("static",), **SMALL)
    assert result.error("static").value > 0.1


def test_what_is_absent_is_named_in_one_sentence(small, monkeypatch):
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(engines.shutil, "which", lambda name: None)
    ways = ("compiled", "ONNX Runtime", "OpenVINO")
    result = experiments.ladder(small, ways=ways, **SMALL)
    assert {*result.absent} == {*ways}
    for way, sentence in result.absent.items():
        assert sentence.startswith(f"{way} is not here: ") and "\n" not in sentence
        assert sentence in result.said
        with pytest.raises(ValueError, match="is not here"):
            result.time(way)
    assert "pip install 'llmlab[openvino]'" in result.said


@pytest.mark.onnx
def test_onnx_runtime_is_a_rung(small):
    pytest.importorskip("onnxruntime")
    result = experiments.ladder(small, ways=("ONNX Runtime",), **SMALL)
    assert result.error("ONNX Runtime").value < 1e-3
    assert result.starts("ONNX Runtime").details["kind"] == engines.NODES
    assert result.alike("ONNX Runtime").value == 1


@pytest.mark.openvino
def test_openvino_is_a_rung(small):
    pytest.importorskip("openvino")
    result = experiments.ladder(small, ways=("OpenVINO",), **SMALL)
    assert result.error("OpenVINO").value < 1e-3 and result.built("OpenVINO").value


def made(verdict, *, gain=2.0, paid=True):
    details = {"against": "eager", "verdict": verdict}
    facts = [
        records.measured(q.STEP_TIME, 1e-3, subject="static"),
        records.measured(q.STEP_GAIN, gain, subject="static", details=details),
        records.measured(q.BUILD_SECONDS, 3.0, subject="static"),
    ]
    if paid:
        facts.append(records.make(q.PAID, 1500, kind="estimated", subject="static"))
    return Ladder(tuple(facts), {"compiled": "compiled is not here: no g++."})


def test_the_sentence_holds_whatever_comes_out():
    said = made("faster").said
    assert "The fastest way is static, 2.00 times" in said and "1,500 tokens" in said
    assert said.endswith("compiled is not here: no g++.")
    assert "pay back" not in made("faster", paid=False).said
    for verdict in ("slower", "no significant difference"):
        assert "No way is surely faster than eager" in made(verdict).said


def test_the_recorded_ladder_is_that_of_one_model_and_machine(monkeypatch):
    facts = []
    for machine, name, date in (
        ("old", "coder", "2026-01-01"), ("new", "coder", "2026-02-01"),
        ("new", "coder-small", "2026-02-01"),
    ):  # fmt: skip
        fact = records.make(
            q.STEP_TIME, len(facts) + 1, kind="recorded", subject=f"{name}: static",
            machine=machine, date=date,
        )  # fmt: skip
        facts.append(dataclasses.replace(fact, command="x"))
    monkeypatch.setattr(recording, "shipped", lambda name: tuple(facts))
    assert experiments.recorded("coder").time("static").value == 2
    assert experiments.recorded("coder-small").time("static").value == 3
    nothing = experiments.recorded("M")
    assert nothing.said == "Nothing is recorded of M; python " + (
        "benchmarks/graphs_ladder.py does it."
    )
    with pytest.raises(ValueError, match="way='native int8' has no step"):
        _ = nothing.native
    assert not nothing.records()


@pytest.mark.parametrize("backend", fixed.BACKENDS)
def test_a_growing_cache_compiles_every_step_and_a_fixed_one_once(small, backend):
    result = experiments.growing(small, steps=3, backend=backend)
    assert [result.after(fixed.GROWING, n) for n in (1, 2, 3)] == [1, 2, 3]
    assert [result.after(fixed.STATIC, n) for n in (1, 2, 3)] == [1, 1, 1]
    assert {f.details["backend"] for f in result.records()} == {backend}
    assert (result.compilations.value, result.static.value) == (3, 1)
    assert "After 3 steps" in result.said and "3 graphs" in result.said
    with pytest.raises(ValueError, match="was not counted after 4 steps"):
        result.after(fixed.STATIC, 4)


def test_the_learners_mask_is_traced_and_attends(small):
    calls = []

    def mask(positions, length):
        calls.append(length)
        return static.static_mask(positions, length)

    experiments.growing(small, steps=2, mask=mask)
    assert set(calls) == {fixed.START + 3}
    experiments.filled(small, places=40, filled=(2,), seconds=0.1, mask=mask)
    assert calls[-1] == 40


def test_static_steps_are_raced_by_what_is_filled(small):
    result = experiments.filled(small, places=80, filled=(2, 40), seconds=0.3)
    assert {f.details["places"] for f in result.records()} == {80}
    for count in (2, 40):
        gain = result.ratio(count)
        assert gain.value > 0 and gain.details["verdict"] in result.said
        assert result.time("eager", count).value > 0
    assert "with 2 filled" in result.said and "with 40 filled" in result.said
    one = experiments.filled(small, filled=(5,), seconds=0.1)
    assert one.ratio(5).details["places"] == small.context
    assert one.said.count("times as fast") == 1
    with pytest.raises(ValueError, match="filled=3 was not measured"):
        result.ratio(3)


WRONG = {
    "ways": (lambda m: experiments.ladder(m, ways=("magic",)), "must be some of eager"),
    "a way": (lambda m: experiments.ladder(m, ways="eager"), "ways='eager' must be"),
    "tokens": (lambda m: experiments.ladder(m, tokens=90), "choose length="),
    "length": (
        lambda m: experiments.ladder(m, tokens=9, length=20), "choose length=74 or more"
    ),
    "written": (lambda m: experiments.ladder(m, written=0), "written=0"),
    "steps": (lambda m: experiments.growing(m, steps=0), "steps=0"),
    "backend": (
        lambda m: experiments.growing(m, backend="inductor"), "none of eager, aot_eager"
    ),
    "places": (lambda m: experiments.filled(m, places=20), "places=20 must be"),
    "filled": (lambda m: experiments.filled(m, filled=(90,)), "filled=90 must be"),
    "model": (lambda m: experiments.growing(model("gpt2")), "Llama family"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_part_gives_one_sentence(case, small):
    call, words = WRONG[case]
    with pytest.raises(ValueError, match=words) as caught:
        call(small)
    assert "\n" not in str(caught.value)
