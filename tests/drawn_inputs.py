"""Small cases for what looks at inputs: numbers by seed, inputs of a layer, texts."""

import torch
from families import batch

from llmlab.models.calibration import Inputs


def draw(*size, seed=0):
    """Return random numbers of this size, the same for a seed."""
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def seen(width, *, tokens=200, seed=1):
    """Return inputs that go together and differ in size, as real ones do."""
    inputs = Inputs.none(width, torch.device("cpu"))
    mix = draw(width, width, seed=seed) * draw(width, seed=seed + 1).exp()
    inputs.add(draw(tokens, width, seed=seed + 2) @ mix)
    return inputs


def data(model):
    """Return a calibration text for a model of `families`, of one batch."""
    arguments = batch(model, seed=7, rows=4)
    return [arguments["tokens"] if "tokens" in arguments else arguments]
