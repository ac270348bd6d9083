"""Quantization-aware training: let the weights learn to live on the grid.

Each step rounds the weights for the forward pass, and its gradient is passed straight
through the rounding, as if it had not been there: the derivative of rounding is zero
nearly everywhere and would stop all learning. Weights beyond the last level get no
gradient, and the scales learn too, by the same rule. It costs a training, and pays
where few bits are left.

Shapes: O output features, I input features, G groups per row, C columns per group.
Sources: Bengio et al., 2013 (straight-through); Esser et al., LSQ, ICLR 2020.
"""

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from llmlab.core import machine, wanted
from llmlab.core.model import Model
from llmlab.kernels import parameters
from llmlab.kernels.format import Format
from llmlab.kernels.operators import per_token
from llmlab.kernels.parameters import QuantizationParameters
from llmlab.kernels.quantized import Quantized
from llmlab.models import experts, surgery, training, tuning
from llmlab.quantization import clipping, conversion, formats
from llmlab.quantization.formats import Formats

FORMAT = Format(bits=2, group_size=32)  # where training pays most


def round_through(x: Tensor) -> Tensor:
    """Round to whole numbers; the gradient passes as if nothing had been done."""
    return x + (x.round() - x).detach()


class LearningLinear(nn.Linear):
    """A linear layer that computes with rounded weights and learns the full ones."""

    def __init__(self, weight: Tensor, grid: QuantizationParameters, format: Format):
        rows, columns = weight.shape
        super().__init__(columns, rows, bias=False, device="meta")
        self.weight = nn.Parameter(weight.detach())
        # A step of the logarithm moves large and small scales alike.
        self.log_scales = nn.Parameter(grid.scales.log())
        self.register_buffer("zero_points", grid.zero_points)
        self.format = format

    def forward(self, x: Tensor) -> Tensor:
        if self.format.activations:
            integers, scales = per_token(x.detach())
            x = x + ((integers * scales).to(x.dtype) - x).detach()
        # What rounding leaves for its gradient is six times the weights: made again.
        rounded = checkpoint(
            self._rounded, use_reentrant=False, preserve_rng_state=False
        )
        return functional.linear(x, rounded.to(self.weight.dtype), self.bias)

    def grid(self) -> QuantizationParameters:
        """Return the grid learnt so far, with scales that a file can keep."""
        exact = self.log_scales.exp()
        short = parameters.round_up(exact.detach(), formats.SCALE_DTYPE)
        scales = exact + (short - exact).detach()
        return QuantizationParameters(scales, self.zero_points, self.format.bits)

    def quantized(self) -> Quantized:
        """Return the weights as integers, in the grid that was learnt."""
        with torch.no_grad():
            scales = parameters.round_up(self.log_scales.exp(), formats.SCALE_DTYPE)
            grid = QuantizationParameters(scales, self.zero_points, self.format.bits)
            return Quantized(grid.round(self._groups()).to(torch.int8), grid)

    def _groups(self) -> Tensor:
        columns = formats.group_columns(self.format.group_size, self.in_features)
        return self.weight.float().unflatten(1, (-1, columns))

    def _rounded(self) -> Tensor:
        grid = self.grid()
        steps = self._groups() / grid.scales
        if grid.zero_points is not None:
            steps = steps + grid.zero_points
        whole = round_through(steps).clamp(grid.lowest, grid.highest)
        return grid.values(whole).flatten(1)  # (O, I)


def prepare(
    model: Model,
    format: Formats = FORMAT,
    *,
    clip: clipping.Clip = clipping.mse,
    skip: Collection[str] = (),
) -> Model:
    """Return a new model that rounds its weights as it computes, ready to be trained.

    Arguments and errors are those of `rounding.quantize`, and ValueError for weights
    in less than float32.
    """
    layers, model = {}, experts.separate(model)
    for name, layer_format in formats.layer_formats(model, format, skip).items():
        weight = surgery.weight_of(model.get_submodule(name))
        if weight.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{name} has weights in {weight.dtype}, where the small steps of a "
                "training are lost; load the model in float32."
            )
        with surgery.naming(name):
            start = formats.quantize_weight(weight, layer_format, clip=clip)
        layers[name] = LearningLinear(weight, start.grid, layer_format)
    new = surgery.replace(model, layers)
    for tensor in (*new.parameters(), *new.buffers()):
        tensor.data = tensor.data.clone()  # training must not move the original's
    return new


@machine.release_memory()
def train(
    model: Model,
    batch: Callable[[int], Tensor],
    *,
    steps: int,
    format: Formats = FORMAT,
    skip: Collection[str] = (),
    rate: float = 3e-4,
    schedule: Callable[[int], float] | None = None,
    loss: Callable[[nn.Module, Tensor], Tensor] = training.next_token_loss,
    autocast: training.Autocast = "fastest",
    clip: float | None = 1.0,
    folder: Path | str | None = None,
    checkpoint_every: int = 200,
    log_every: int = 20,
    seed: int = 0,
) -> training.Trained:
    """Train a copy of a model on the grid; return it quantized, with its log.

    Format, skip and errors are those of `rounding.quantize`, the rest is as in
    `models.tuning.tune`.
    """
    ready = prepare(model, format, skip=skip)

    learnt = tuning.tune(
        ready,
        batch,
        steps=steps,
        rate=rate,
        schedule=schedule,
        loss=loss,
        autocast=autocast,
        clip=clip,
        folder=folder,
        checkpoint_every=checkpoint_every,
        log_every=log_every,
        seed=seed,
        in_place=True,
    )
    return dataclasses.replace(learnt, model=finish(learnt.model))


def finish(model: Model) -> Model:
    """Return a trained model of `prepare` with real integers in place of rounding.

    Raises ValueError for a model that does not round its weights.
    """
    wanted.module("model", model)
    learnt = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, LearningLinear)
    }
    if not learnt:
        raise ValueError(
            f"{type(model).__name__} rounds none of its weights; train what "
            "qat.prepare(model) gives."
        )
    weights = {name: layer.quantized() for name, layer in learnt.items()}
    learnt_formats = {name: layer.format for name, layer in learnt.items()}
    return conversion.convert(model, weights, learnt_formats)
