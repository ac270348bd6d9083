"""Lab 04's training through 2 bits pays, whatever dtype this machine trains in.

The lab leaves the dtype to the machine, so what its text presumes must hold in each:
the loss falls, and the trained model is clearly better than the rounded one.
"""

import pytest
import torch

from llmlab import measure, models, quantization, texts
from llmlab.kernels import Format
from llmlab.models import calibration
from llmlab.quantization import clipping

FORMAT = Format(bits=2, group_size=32)
STEPS, ROWS, LENGTH = 40, 2, 257  # as in the lab


@pytest.fixture(scope="module")
def model():
    return models.load("coder")


@pytest.fixture(scope="module")
def files():
    return texts.short_files()


@pytest.fixture(scope="module")
def rounded(model, files):
    """What rounding to 2 bits loses."""
    rounded = quantization.quantize(model, FORMAT, clip=clipping.mse)
    return measure.quality.difference(rounded, model, files)


@pytest.mark.release  # a minute; `test_methods` has the same in small
@pytest.mark.timeout(3600)  # bf16 takes ten times as long without instructions for it
@pytest.mark.parametrize("autocast", [None, torch.bfloat16], ids=["fp32", "bf16"])
def test_a_few_dozen_steps_recover_most_of_what_rounding_to_2_bits_lost(
    autocast, model, rounded, files
):
    batches = calibration.batches(model, count=STEPS * ROWS, length=LENGTH)
    tokens = torch.cat(batches)  # (STEPS * ROWS, LENGTH)
    trained = quantization.qat.train(
        model, lambda step: tokens[ROWS * step : ROWS * (step + 1)],
        steps=STEPS, autocast=autocast, log_every=5, format=FORMAT,
    )  # fmt: skip
    first, *_, last = (row["loss"] for row in trained.log)
    lost = measure.quality.difference(trained.model, model, files)
    told = f"{trained.dtype}: {first:.2f} to {last:.2f} nats; {lost}, {rounded}"
    assert trained.dtype == ("bf16" if autocast else "fp32")
    assert last < first, told
    assert lost.high < rounded.low, told
