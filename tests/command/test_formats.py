"""`llmlab measure --formats` sets formats side by side; doctor names operators."""

import subprocess
import sys

import pytest
import torch
from families import make

from llmlab import models
from llmlab.command import formats
from llmlab.command.doctor import quantized
from llmlab.core import records
from llmlab.kernels import correctness
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.models import surgery
from llmlab.quantization import techniques


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return models.save(models.random_model("tiny"), tmp_path_factory.mktemp("tiny"))


def test_formats_are_compared_in_the_same_rounds(folder):
    words = ["fp32", "int8", "int4-g32"]
    facts = formats.compare(folder, words, prompt=8, new=4, long=16, batch=2)
    table = formats.table(facts).splitlines()
    assert [line.split()[0] for line in table[2:]] == words
    errors = {f.subject: f.value for f in facts if f.name == "logit error"}
    sizes = {f.subject: f.value for f in facts if f.name == "file size"}
    assert errors["fp32"] == 0 < errors["int8"] < errors["int4-g32"]
    assert sizes["fp32"] > sizes["int8"] > sizes["int4-g32"]
    ratios = [f for f in facts if f.name == "speed-up"]
    assert len(ratios) == 3 * 2 and {f.details["against"] for f in ratios} == {"fp32"}
    assert all(f.low <= f.value <= f.high for f in ratios)
    assert records.from_json(records.to_json(facts))


@pytest.mark.parametrize(
    ("word", "kind", "spec"),
    [
        ("bf16-prepacked", PrepackedLinear, None),
        ("int8", QuantizedLinear, "int8"),
        ("int8-dynamic", QuantizedLinear, "int8-dynamic"),
        ("int4-g32", QuantizedLinear, "int4-g32"),
        ("int3", QuantizedLinear, "int3"),
    ],
)
def test_a_word_says_how_a_model_is_made(folder, word, kind, spec):
    model = formats.make(folder, word)
    layers = [m for m in model.modules() if isinstance(m, kind)]
    assert layers or word == "bf16-prepacked"  # not on this processor
    assert spec is None or {str(layer.spec.format) for layer in layers} == {spec}
    assert model.embedding.weight.dtype == torch.bfloat16


@pytest.mark.parametrize(
    "word",
    [
        "int9",
        "fp4",
        "int4-g",
        "bf16-gptq",
        "int8-packed",
        "int8-smooth",
        "int8-g32-smooth",
        "int8-gptq-dynamic",
    ],
)
def test_a_word_that_is_none_is_refused_with_those_there_are(folder, word):
    with pytest.raises(ValueError, match="int4-g32-gptq"):
        formats.make(folder, word)


def test_only_models_that_write_on_are_compared(tmp_path):
    surgery.linear_layers(make("bert"))
    models.save(make("bert"), tmp_path)
    with pytest.raises(ValueError, match="causal"):
        formats.compare(tmp_path, ["fp32"])


@pytest.mark.slow
def test_the_command_prints_one_line_for_each_format(folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "llmlab", "measure", "--model", folder,
         "--formats", "bf16,int8", "--out", tmp_path],
        capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    starts = [line.split()[0] for line in done.stdout.splitlines() if line]
    assert {"format", "bf16", "int8"} <= set(starts)
    (kept,) = tmp_path.glob("*_formats.json")
    assert all("--formats bf16,int8" in fact.command for fact in records.load(kept))


def test_the_doctor_names_the_operators_of_quantized_layers():
    prepacked, *findings = quantized.probes()
    assert prepacked.what == "bf16-prepacked" and prepacked.state in ("works", "slow")
    assert "row" in prepacked.said or prepacked.state == "slow"
    on_cuda = [f"{word}, CUDA" for word in techniques.ROUNDED]
    names = [*techniques.ROUNDED, *on_cuda * torch.cuda.is_available()]
    assert [finding.what for finding in findings] == names
    for finding in findings:
        assert finding.state in ("works", "slow")
        assert f"({correctness.ROWS[-1]} rows)" in finding.said
