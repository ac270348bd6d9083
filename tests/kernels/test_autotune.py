"""Tuning is a step of its own: what it finds can be kept, and nothing else measures."""

import copy
import json
import os
import subprocess
import sys
import warnings

import pytest
import torch
from families import ask, make
from small_models import decoder, draw_tokens, wrapped

from llmlab import kernels, models, quantization
from llmlab.core import clock
from llmlab.kernels import Format, Plan, abilities, correctness, dispatch, tuning
from llmlab.kernels.operators import OPERATORS
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import surgery

pytestmark = pytest.mark.alone

BF16 = torch.bfloat16
WORDS = ("int8", "int8-dynamic", "int4-g32", "int3-tensor")


def quantized(word="int4-g32", dtype=BF16):
    model = decoder(dtype=dtype, hidden_size=64, intermediate_size=128)
    return quantization.quantize(model, Format.parse(word))


def layers_of(model):
    return [m for m in model.modules() if isinstance(m, QuantizedLinear)]


@pytest.fixture
def no_clock(monkeypatch):
    """Let every trial of the clock fail: who measures is found out."""

    def measured(*_, **__):
        raise AssertionError("something was measured")

    monkeypatch.setattr(clock, "trial", measured)
    with pytest.raises(AssertionError, match="measured"):
        kernels.plan(quantized())


@pytest.mark.parametrize("word", WORDS)
def test_only_a_plan_measures(word, no_clock, tmp_path):
    new = quantized(word)
    back = models.load(models.save(new, tmp_path))
    assert torch.equal(ask(back), ask(new))
    for dtype in (torch.float32, torch.float64, BF16):
        back.to(dtype)
    copy.deepcopy(back)
    models.load(tmp_path, dtype="fp32")
    quantization.prepack(make("decoder", dtype=BF16))
    data = [draw_tokens(2, 12)]
    quantization.gptq.quantize(make("decoder"), data, Format(bits=4, group_size=16))


SAVING = """
import sys
from llmlab import models, quantization
from llmlab.kernels import Format
model = models.load("coder", dtype="bf16")
for word in ("int8", "int8-dynamic", "int4-g32"):
    new = quantization.quantize(model, Format.parse(word))
    models.save(new, f"{sys.argv[1]}/{word}")
"""


@pytest.mark.slow
def test_machines_of_other_instructions_save_the_same_bytes(tmp_path):
    folders = []
    for level in ("default", "avx2"):
        folders.append(tmp_path / level)
        own = os.environ | {"ATEN_CPU_CAPABILITY": level}
        script = [sys.executable, "-c", SAVING, folders[-1]]
        subprocess.run(script, check=True, env=own, timeout=250)
    one, other = (
        {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
        for folder in folders
    )
    assert one.keys() == other.keys() and len(one) >= 6
    assert all(one[p].read_bytes() == other[p].read_bytes() for p in one)


@pytest.mark.parametrize("batch", [1, 16, 128])
@pytest.mark.parametrize("word", WORDS)
def test_a_tuned_model_says_the_same_with_the_same_integers(word, batch):
    old = quantized(word)
    before, answer = old.state_dict(), ask(old)
    new = kernels.autotune(old, batch=batch)
    assert new is not old and new.format == old.format == word
    assert new.plan.batch == batch and not hasattr(old, "plan")
    after = new.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert float((ask(new) - answer).norm() / answer.norm()) < 0.05
    assert torch.equal(ask(old), answer)
    for layer in layers_of(new):
        assert layer.dispatch == layer.preferred
        assert layer.dispatch.operators == new.plan.chosen(tuning.form_of(layer))
    assert all("plain" in layer.dispatch.operators[0] for layer in layers_of(old))


def test_weights_that_stay_are_shared_as_new_parameters():
    old = quantized("int8-dynamic")
    new = kernels.autotune(old)
    assert not {id(p) for p in old.parameters()} & {id(p) for p in new.parameters()}
    assert new.embedding.weight.data_ptr() == old.embedding.weight.data_ptr()
    same = [
        (a, b)
        for a, b in zip(layers_of(old), layers_of(new), strict=True)
        if a.dispatch.layout == b.dispatch.layout
    ]
    for a, b in same:
        assert a.integers.data_ptr() == b.integers.data_ptr()
    biased = quantization.quantize(wrapped(dtype=torch.float32))
    twin = kernels.autotune(biased)
    for a, b in zip(layers_of(biased), layers_of(twin), strict=True):
        assert (a.bias is None) == (b.bias is None)
        assert a.bias is None or a.bias.data_ptr() == b.bias.data_ptr()


def test_a_plan_in_hand_measures_nothing_and_gives_the_same_each_time(request):
    old = quantized()
    plan = kernels.plan(old, batch=4)
    request.getfixturevalue("no_clock")
    one, other = (kernels.autotune(old, plan=plan) for _ in range(2))
    assert one.plan is other.plan is plan
    assert [a.dispatch for a in layers_of(one)] == [
        b.dispatch for b in layers_of(other)
    ]
    assert torch.equal(ask(one), ask(other))


@pytest.mark.parametrize("dtype", [torch.float32, BF16])
@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("batch", [1, 16, 128])
def test_what_is_chosen_fits_and_rounds_alike(word, batch, dtype):
    layer = QuantizedLinear(
        quantization.quantize_weight(
            torch.randn(64, 128), Format.parse(word), scale_dtype=BF16
        ),
        activations="dynamic" in word,
        dtype=dtype,
    )
    plan = kernels.plan(layer, batch=batch)
    (trial,) = plan.trials
    there = {"device": torch.device("cpu"), "dtype": dtype}
    assert tuple(trial.seconds) == correctness.offered(layer.spec, **there)
    assert all(t > 0 for each in trial.seconds.values() for t in each)
    assert dispatch.holds(dispatch.Dispatch(trial.chosen), layer.spec, **there)
    if dtype == torch.float32:
        assert len({OPERATORS[name].in_bf16 for name in trial.chosen}) == 1
    place = dispatch.place(batch)
    best = min(trial.seconds, key=lambda name: trial.seconds[name][place])
    chosen = trial.seconds[trial.chosen[place]][place]
    assert chosen <= trial.seconds[best][place] / 0.9
    tuned = kernels.autotune(layer, plan=plan)
    assert [tuned.dispatch.at(rows) for rows in (1, 2, 32, 33)] == [
        trial.chosen[0], trial.chosen[1], trial.chosen[1], trial.chosen[2],
    ]  # fmt: skip


@pytest.fixture
def strange(monkeypatch):
    """Give this machine an operator that others lack: a plan may choose it."""
    own = OPERATORS["plain"]
    monkeypatch.setitem(OPERATORS, "strange", type(own)("plain", own.fits, own.product))
    return "strange"


@pytest.fixture
def tuned_elsewhere(strange, tmp_path, monkeypatch):
    """Save a model on a machine that has a strange operator, and leave it."""
    old = quantized("int8")
    layers = {
        name: QuantizedLinear(layer.quantized(), dtype=BF16, operator=strange)
        for name, layer in old.named_modules()
        if isinstance(layer, QuantizedLinear)
    }
    new = surgery.replace(old, layers)
    folder = models.save(new, tmp_path / "model")
    assert {layer.dispatch.at(1) for layer in layers_of(models.load(folder))} == {
        strange
    }
    monkeypatch.delitem(OPERATORS, strange)
    return folder, new


def test_a_saved_model_keeps_its_operators(tmp_path):
    new = kernels.autotune(quantized())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        back = models.load(models.save(new, tmp_path))
    assert [a.dispatch for a in layers_of(back)] == [b.dispatch for b in layers_of(new)]
    assert torch.equal(ask(back), ask(new))


def test_operators_that_are_not_here_give_way_to_plain_ones_and_one_warning(
    tuned_elsewhere,
):
    folder, new = tuned_elsewhere
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        back = models.load(folder)
    (warning,) = told
    assert "strange" in str(warning.message)
    assert "kernels.autotune(model)" in str(warning.message)
    assert "\n" not in str(warning.message)
    assert {layer.dispatch.operators for layer in layers_of(back)} == {("plain",) * 3}
    assert torch.equal(ask(back), ask(new))
    again = models.save(back, folder.parent / "again")
    config = json.loads((again / "config.json").read_text())
    said = {tuple(f["operators"]) for f in config["llmlab"]["layers"].values()}
    assert said == {("strange",) * 3}  # what was right elsewhere is not forgotten
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        models.load(models.save(kernels.autotune(back), again))


def test_a_plan_with_operators_that_are_wrong_here_is_refused(monkeypatch):
    """As where int8 sums saturate: right on small numbers, wrong at the ends."""
    right = OPERATORS["plain"]
    wrong = type(right)(
        "plain", right.fits, lambda x, p: right.product(x, p).clamp(-1, 1)
    )
    monkeypatch.setitem(OPERATORS, "too small", wrong)
    old = quantized("int8")
    plan = kernels.plan(old)
    (trial,) = plan.trials
    assert "too small" in trial.form.candidates
    assert "too small" not in {*trial.seconds, *trial.chosen}
    bad = type(trial)(trial.form, ("too small",) * 3, trial.seconds)
    with pytest.raises(ValueError, match="does not run that right"):
        kernels.autotune(old, plan=Plan(plan.machine, plan.date, 1, (bad,)))


def test_plain_bf16_layers_are_prepacked_where_that_pays():
    old = make("decoder", dtype=BF16)
    new = kernels.autotune(old, batch=16)
    (trial,) = new.plan.trials
    packed = [m for m in new.modules() if isinstance(m, PrepackedLinear)]
    if "prepacked" in trial.chosen:
        assert len(packed) == len(surgery.linear_layers(old))
        assert new.format == "bf16-prepacked"
    else:
        assert not packed and not hasattr(new, "format")
    assert ("prepacked" in trial.seconds) == abilities.prepacked(BF16)
    for name, layer in surgery.linear_layers(old).items():
        assert torch.equal(new.state_dict()[f"{name}.weight"], layer.weight)


def test_a_model_with_nothing_to_choose_comes_back_as_a_copy():
    old = make("decoder")
    new = kernels.autotune(old)
    assert new is not old and new.plan.trials == () and torch.equal(ask(new), ask(old))
    assert not hasattr(new, "format")


def test_quantizing_a_tuned_model_leaves_its_old_plan_behind():
    tuned = kernels.autotune(make("decoder"))
    assert not hasattr(quantization.quantize(tuned), "plan")
