"""Experiments of lab 4: what they measure is what the learner's parts really gave."""

import math

import pytest
import quantizers as learner
import small_models
import torch
from torch import nn

from llmlab import measure, models, quantization
from llmlab.core.quantities import BITS_PER_BYTE, DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.kernels import Format
from llmlab.measure.claims import FAILS, HOLDS, OPEN
from llmlab.models import surgery
from llmlab.quantization import experiments, floats
from llmlab.quantization.experiments.formats import USEFUL
from llmlab.quantization.quantities import (
    ADDED_BITS,
    FILE_RATIO,
    OUTLIER,
    PRODUCT_ERROR,
    PRODUCT_TIME,
    STEP,
)

TEXT = "def main():\n    return [row for row in open('rows')]\n"


@pytest.fixture(scope="module")
def coder():
    return models.load("coder")


@pytest.fixture
def layer():
    generator = torch.Generator().manual_seed(3)
    linear = nn.Linear(64, 24, bias=False).requires_grad_(False)
    linear.weight.copy_(torch.randn(24, 64, generator=generator))
    return linear


def named(result, quantity):
    return [fact for fact in result.records() if fact.name == quantity.name]


# --- rows on grids


def test_the_error_of_a_row_function_is_that_of_the_package(layer):
    grids = experiments.row_grids(layer, {"absmax": learner.absmax}, bits=(8, 3))
    for bits in (8, 3):
        rounded = quantization.absmax(layer.weight, bits=bits).dequantize()
        expected = floats.error(layer.weight, rounded)
        assert grids.error("absmax", bits).value == pytest.approx(expected, rel=1e-5)
    ratio = grids.ratio(("absmax", 3), ("absmax", 8))
    errors = [grids.error("absmax", bits).value for bits in (3, 8)]
    assert ratio.value == pytest.approx(errors[0] / errors[1])


def test_groups_and_zero_points_are_rounded_as_the_package_does(layer):
    both = {"absmax": learner.absmax, "affine": learner.affine}
    grids = experiments.row_grids(layer, both, bits=(4,), group_size=16)
    for name, make in (
        ("absmax", quantization.absmax),
        ("affine", quantization.affine),
    ):
        rounded = make(layer.weight, bits=4, group_size=16).dequantize()
        expected = floats.error(layer.weight, rounded)
        assert grids.error(name, 4).value == pytest.approx(expected, rel=1e-5)


def test_the_drawn_levels_lie_a_scale_apart_and_zero_is_one(layer):
    both = {"absmax": learner.absmax, "affine": learner.affine}
    for step in named(experiments.row_grids(layer, both, bits=(4,)), STEP):
        first, last = step.details["first level"], step.details["last level"]
        count = step.details["levels"]
        assert (last - first) / (count - 1) == pytest.approx(step.value)
        assert first / step.value == pytest.approx(round(first / step.value), abs=1e-6)
        assert first < 0 < last


def test_a_function_that_gives_no_scale_is_refused(layer):
    for wrong in (lambda row, bits: row, lambda row, bits: (row[:3], 1.0)):
        with pytest.raises(ValueError, match=r"functions\['mine'\].*64 integers"):
            experiments.row_grids(layer, {"mine": wrong})
    with pytest.raises(ValueError, match="functions"):
        experiments.row_grids(layer, {})
    with pytest.raises(ValueError, match="4 bits was not measured"):
        experiments.row_grids(layer, {"a": learner.absmax}, bits=(8,)).error("a", 4)


# --- quality by bits and group size


@pytest.fixture(scope="module")
def grid(coder):
    return experiments.quality_grid(
        coder, learner.by_group, bits=(8, 2), sizes=("tensor", "channel", 32), text=TEXT
    )


def test_the_quality_of_a_format_is_that_of_the_rounded_model(coder, grid):
    other = surgery.share(coder)
    for layer in surgery.linear_layers(other).values():
        integers, scales = learner.by_group(layer.weight, 32, 2)
        short = scales.half().float().repeat_interleave(32, 1)
        surgery.set_weight(layer, integers * short)
    expected = measure.quality.bits_per_byte(other, TEXT).value
    (whole,) = [
        fact for fact in named(grid, BITS_PER_BYTE) if fact.subject == "int2-g32"
    ]
    assert whole.value == pytest.approx(expected, rel=1e-5)
    share = expected / measure.quality.bits_per_byte(coder, TEXT).value - 1
    assert grid.added("int2-g32").value == pytest.approx(share, rel=1e-4)


def test_all_formats_have_a_row_16_bits_and_floats_among_them(grid):
    words = [fact.subject for fact in named(grid, ADDED_BITS)]
    assert words == [
        "int16", "int8-tensor", "int8", "int8-g32", "int2-tensor", "int2", "int2-g32",
        "bf16", "fp8 e4m3", "nf4",
    ]  # fmt: skip
    assert abs(grid.added("int16").value) < 1e-4
    assert grid.added("int2").value > grid.added("int8").value
    with pytest.raises(ValueError, match="'int5' is none of int16"):
        grid.added("int5")


def test_the_original_is_left_as_it_was(coder, grid):
    assert coder.weights_version == models.load("coder").weights_version
    fresh = models.load("coder")
    for ours, theirs in zip(coder.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_a_function_that_gives_other_shapes_is_refused(coder):
    def wrong(weight, group_size, bits):
        integers, scales = learner.by_group(weight, group_size, bits)
        return integers, scales.flatten()

    with pytest.raises(ValueError, match=r"by_group gave integers .* must be"):
        experiments.quality_grid(coder, wrong, text=TEXT)


# --- outliers and products


def test_outliers_and_errors_are_those_of_every_layer(coder):
    result = experiments.outliers(
        coder,
        range(9),
        by_group=learner.by_group,
        integer_matmul=learner.integer_matmul,
    )
    names = list(surgery.linear_layers(coder))
    assert [fact.subject for fact in named(result, OUTLIER)] == names
    assert all(fact.value >= 1 for fact in named(result, OUTLIER))
    errors = named(result, PRODUCT_ERROR)
    assert result.worst.value == max(fact.value for fact in errors) < 0.2
    assert 0 < result.best.value == min(fact.value for fact in errors)


def test_a_product_is_timed_by_everyone_and_names_its_kernel(layer):
    result = experiments.product_race(
        layer, by_group=learner.by_group, integer_matmul=learner.integer_matmul,
        tokens=(1, 8), seconds=0.1,
    )  # fmt: skip
    for tokens in (1, 8):
        times = {
            fact.subject: fact.value
            for fact in named(result, PRODUCT_TIME)
            if fact.details["tokens"] == tokens
        }
        assert len(times) == 4 and result.kernel(tokens) in times
        ratio = result.ratio("your integers", tokens=tokens)
        assert ratio.value > 0 and math.isfinite(ratio.value)


# --- the race of formats, files, claims


WORDS = ("int8", "int8-dynamic")


@pytest.fixture(scope="module")
def race(coder):
    yours = surgery.replace_linear(coder, learner.QuantizedLinear)
    return experiments.formats_race(
        coder, range(24), others={"yours": yours}, words=WORDS, text=TEXT,
        new=3,
        seconds=0.1,
    )  # fmt: skip


def test_the_race_times_scores_and_weighs_every_format(coder, race):
    peaks = measure.roofline.peaks(("fp32", "bf16"))
    useful = peaks.flops["bf16"] >= USEFUL * peaks.flops["fp32"]
    assert list(race.models) == ["fp32", *["bf16"] * useful, *WORDS, "yours"]
    assert race.note.startswith("bf16 is left out") or useful
    for name, model in race.models.items():
        assert race.time(name).value > 0 and race.time(name, of="prefill").value > 0
        assert race.held(name).value == measure.memory.weight_bytes(model)
        share = race.quality(name)
        own = measure.quality.bits_per_byte(model, TEXT).value
        before = measure.quality.bits_per_byte(coder, TEXT).value
        assert share.value == pytest.approx(own / before - 1, abs=1e-6)


def test_verdicts_are_against_fp32_in_both_phases(race):
    for what, phase in ((PREFILL_SPEED_UP, "prefill"), (DECODE_SPEED_UP, "decode")):
        verdicts = named(race, what)
        assert [fact.subject for fact in verdicts] == list(race.models)[1:]
        for fact in verdicts:
            assert fact.value == race.ratio(fact.subject, of=phase).value
            assert fact.details["verdict"] in (
                "faster", "slower", "no significant difference"
            )  # fmt: skip


def test_a_model_in_another_dtype_and_unknown_names_are_refused(race):
    half = models.load("coder", dtype="bf16")
    with pytest.raises(ValueError, match="hand in float32"):
        experiments.formats_race(half, range(8))
    for ask in (race.__getitem__, race.held, race.quality):
        with pytest.raises(ValueError, match="'int3' did not race"):
            ask("int3")
    with pytest.raises(ValueError, match="of='both'"):
        race.ratio("int8", of="both")


def test_files_come_back_the_same_and_what_cannot_be_kept_is_said(coder, race):
    files = experiments.file_sizes(race.models)
    saved = [fact.subject for fact in named(files, FILE_RATIO)]
    assert saved == [name for name in race.models if name != "yours"]
    assert files.note == "No file can keep yours."
    assert files.different == ()
    assert 2 < files.ratio("int8").value < 4
    with pytest.raises(ValueError, match="yours, none of which"):
        experiments.file_sizes({"yours": race["yours"]})


def test_claims_get_the_verdict_that_their_measurement_gives(race, grid):
    files = experiments.file_sizes({name: race[name] for name in ("fp32", "int8")})
    result = experiments.claims(race, grid, files)
    assert result.verdict("8-bit integers take up 4 times") == FAILS
    assert result.verdict("16-bit integers: similar") == HOLDS
    for claim, phase in zip(result.rows[3:], ("prefill", "decode"), strict=True):
        told = race.ratio("int8-dynamic", of=phase).details["verdict"]
        expected = {"faster": HOLDS, "slower": FAILS}
        assert claim.verdict == expected.get(told, OPEN)
    with pytest.raises(ValueError, match="start='4-bit' begins no claim"):
        result.verdict("4-bit")


# --- layers put in by a class


def test_every_linear_layer_is_replaced_and_the_model_still_writes(coder):
    yours = surgery.replace_linear(coder, learner.QuantizedLinear)
    kinds = [type(yours.get_submodule(n)) for n in surgery.linear_layers(coder)]
    assert set(kinds) == {learner.QuantizedLinear}
    assert len(list(yours.stream([5, 6, 7], max_tokens=4))) == 4
    theirs = quantization.quantize(coder, Format(activations=True))
    tokens = torch.arange(20)[None]
    logits = yours(tokens), theirs(tokens)
    apart = (logits[0] - logits[1]).norm() / logits[1].norm()
    assert float(apart) < 0.02  # their scales have 16 bits


def test_a_conv1d_is_handed_over_as_a_linear_layer_of_the_same_numbers():
    model = small_models.wrapped("gpt2", dtype=torch.float32)
    same = surgery.replace_linear(model, lambda linear: linear)
    tokens = torch.arange(9)[None]
    assert torch.allclose(same(tokens), model(tokens), atol=1e-5)


def test_what_is_no_module_is_refused(coder):
    with pytest.raises(ValueError, match="make gave a int"):
        surgery.replace_linear(coder, lambda linear: 3)
