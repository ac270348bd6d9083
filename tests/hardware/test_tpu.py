"""A TPU's way without a TPU: tiles against torch, StableHLO, lowering, XLA's count.

What needs JAX is an extra of its own: pip install "llmlab[jax]", then -m jax runs it.
"""

import dataclasses

import numpy
import pytest
import torch

from llmlab import show
from llmlab.core import recording
from llmlab.hardware import experiments, tpu, tpu_trial
from llmlab.hardware import quantities as q
from llmlab.hardware.experiments.lowering import FILE


@pytest.fixture
def jax():
    return pytest.importorskip("jax")


def drawn(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.jax
@pytest.mark.parametrize(("size", "tile"), [((8, 16, 24), 8), ((12, 4, 8), 4)])
def test_a_product_in_tiles_is_torchs(jax, size, tile):
    rows, inner, columns = size
    x, w = drawn(rows, inner), drawn(inner, columns, seed=1)
    y = tpu.matmul(x.numpy(), w.numpy(), tile=tile)
    assert y.shape == (rows, columns)
    assert abs(numpy.asarray(y) - (x @ w).numpy()).max() < 1e-4


@pytest.mark.jax
def test_a_layer_is_a_list_of_operators_on_whole_tensors(jax):
    text = tpu.stablehlo(tpu_trial.gated, *tpu_trial.SHAPES)
    assert text.count("stablehlo.dot_general") == 2
    assert "tensor<64x704xf32>" in text and tpu.CALL not in text


@pytest.mark.jax
def test_a_kernel_in_tiles_is_lowered_for_a_tpu_that_is_not_here(jax):
    def tiles(x, w):
        return tpu.matmul(x, w, tile=128, interpret=False)

    assert tpu.CALL in tpu.for_tpu(tiles, (256, 256), (256, 256))
    with pytest.raises(ValueError, match=r"f cannot be lowered for a TPU .*: "):
        tpu.for_tpu(lambda x: x @ x, (2, 3))
    with pytest.raises(ValueError, match="cannot be lowered for a CPU"):
        tpu.stablehlo(tiles, (256, 256), (256, 256))  # a TPU's kernel


@pytest.mark.jax
def test_xla_counts_a_product_as_we_do(jax):
    m, k, n = 64, 256, 96
    counted = tpu.cost(lambda x, w: x @ w, (m, k), (k, n))
    assert counted.flops == 2 * m * k * n
    assert counted.bytes == 4 * (m * k + k * n + m * n)


@pytest.mark.jax
def test_the_experiment_says_what_ran_and_that_no_tpu_did(jax):
    result = experiments.tpu()
    assert not result.is_recorded
    assert result.said.startswith(f"JAX {jax.__version__} ran here.")
    assert f"the text holds {tpu.CALL}" in result.said
    assert "No TPU ran anything" in result.said
    assert result.fact(q.TPU_ERROR).value < 1e-5
    assert result.fact(q.TPU_TEXT).value == len(result.text.strip().splitlines())
    assert "letters of code" in result.lowered and len(result.lowered) < 3000
    assert {fact.kind for fact in result.records()} == {"measured", "estimated"}


@pytest.mark.jax
def test_a_trial_that_fails_says_its_last_line(jax, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(RuntimeError, match="the trial of JAX failed: it said nothing"):
        experiments.tpu()


def test_without_jax_the_experiment_gives_what_was_recorded(monkeypatch):
    monkeypatch.setattr(tpu, "is_here", lambda: False)
    result = experiments.tpu()
    assert result.is_recorded and result.records()
    assert tpu.INSTALL in result.said and "recorded with JAX" in result.said
    assert "stablehlo.dot_general" in result.text and tpu.CALL in result.lowered


def test_without_jax_a_call_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(tpu, "is_here", lambda: False)
    tpu._jax.cache_clear()
    with pytest.raises(ValueError, match=r"jax is not installed.*llmlab\[jax\]"):
        tpu.stablehlo(abs, (2, 2))


def test_what_is_recorded_says_where_when_and_by_which_command():
    facts = recording.shipped(FILE)
    assert {fact.name for fact in facts} == {
        what.name
        for what in (q.TPU_ERROR, q.TPU_TEXT, q.TPU_LOWERED, q.TPU_FLOPS, q.TPU_BYTES)
    }
    for fact in facts:
        assert fact.command == "python benchmarks/tpu.py"
        if fact.kind == "recorded":
            assert fact.machine and fact.date
    assert show.table([dataclasses.replace(fact, details={}) for fact in facts])


@pytest.mark.jax
@pytest.mark.parametrize(
    ("x", "w", "tile", "said"),
    [
        ((4, 4), (6, 4), 2, "w must have 4 rows"),
        ((4, 4), (4, 4), 3, "tile=3 does not divide 4, 4 and 4"),
        ((4, 4), (4, 4), 0, "tile=0 must be a whole number"),
        ((4,), (4, 4), 2, "is no matrix of two dimensions"),
    ],
)
def test_what_has_no_product_in_tiles_is_refused(jax, x, w, tile, said):
    with pytest.raises(ValueError, match=said):
        tpu.matmul(numpy.zeros(x), numpy.zeros(w), tile=tile)


@pytest.mark.jax
@pytest.mark.parametrize(
    ("f", "shape", "said"),
    [
        ("relu", (2, 2), "f='relu' is no function"),
        (abs, "22", "is no shape"),
        (abs, (0, 2), r"shapes\[0\]\[0\]=0 must be a whole number"),
    ],
)
def test_what_is_no_function_or_no_shape_is_refused(jax, f, shape, said):
    with pytest.raises(ValueError, match=said):
        tpu.stablehlo(f, shape)
