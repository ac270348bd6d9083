"""A linear layer on integers, which an operator reads as they are stored.

Shapes: R rows of activations, O output features, I input features.
"""

import copy
import dataclasses
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import machine
from llmlab.kernels import correctness, dispatch, packing
from llmlab.kernels.dispatch import Dispatch
from llmlab.kernels.operators import LAYOUTS, OPERATORS
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.stored import StoredLinear
from llmlab.kernels.weight_spec import WeightSpec


class QuantizedLinear(StoredLinear):
    """A linear layer on integers: y = x @ dequantized weight.T + bias."""

    kind = "quantized"
    in_file = ("integers", "scales", "zero_points", "input_scales")

    def __init__(
        self,
        weight: Quantized,
        *,
        bias: nn.Parameter | None = None,
        input_scales: Tensor | None = None,
        activations: bool = False,
        dtype: torch.dtype = torch.float32,
        operator: str | None = None,
        preferred: Dispatch | None = None,
    ):
        """Keep a quantized weight for the plain operators, or those that are named.

        input_scales: (I,), multiplied to the activations first, as AWQ and SmoothQuant
        want it. activations: round them to int8, one scale per token. operator: this
        one (`operators.OPERATORS`), for any number of rows; ValueError where it is not
        right. preferred: operators to run on wherever, and as long as, they are right.
        """
        super().__init__(*weight.shape, dtype=dtype, bias=bias)
        self.spec = WeightSpec.from_weight(weight, activations=activations)
        if operator is not None:
            device = weight.integers.device
            preferred = dispatch.only(operator, self.spec, device=device, dtype=dtype)
        self.preferred = preferred or dispatch.plain(self.spec)
        self._fill(weight, input_scales)

    def forward(self, x: Tensor) -> Tensor:
        products, packed, input_scales, bias = self._ready
        if input_scales is not None:
            x = x * input_scales
        flat = x.reshape(-1, self.in_features)  # (R, I)
        y = products[min(len(flat), len(products) - 1)](flat, packed)
        if bias is not None:
            y = y + bias
        return y.view(*x.shape[:-1], self.out_features)

    def quantized(self) -> Quantized:
        """Return the integers and their grid, exactly as they were."""
        layout = LAYOUTS[self.dispatch.layout]
        packed = tuple(self.get_parameter(name) for name in self._names())
        return layout.unpack(packed, self.spec)

    def facts(self) -> dict[str, Any]:
        """Return form, dtype and operators, as JSON can say them."""
        more: dict[str, Any] = {"dtype": machine.dtype_name(self.dtype)}
        more["operators"] = list(self.preferred.operators)
        if "input_scales" in self._parameters:
            more["input_scales"] = True
        return dataclasses.asdict(self.spec) | more

    def to_file(self) -> dict[str, Tensor]:
        """Return the tensors of a file: integers packed without a gap, and scales."""
        weight = self.quantized()
        scales = weight.grid.scales.squeeze(-1)  # (O, G)
        tensors = {"integers": packing.pack(weight.integers, bits=self.spec.bits)}
        tensors["scales"] = scales.bfloat16() if self.spec.short_scales else scales
        if weight.grid.zero_points is not None:
            zeros = weight.grid.zero_points.squeeze(-1)
            tensors["zero_points"] = zeros.to(torch.int8)
        if "input_scales" in self._parameters:
            tensors["input_scales"] = self.get_parameter("input_scales").detach()
        return tensors

    def from_file(self, tensors: dict[str, Tensor]) -> None:
        """Take the tensors of `to_file`; KeyError, ValueError where they do not fit."""
        weight = from_tensors(self.spec, tensors)
        if "input_scales" in self._parameters and "input_scales" not in tensors:
            raise KeyError("input_scales")
        self._fill(weight, tensors.get("input_scales"))

    def running(self, preferred: Dispatch) -> "QuantizedLinear":
        """Return the same layer on other operators; it shares what they read alike."""
        if preferred.layout == self.dispatch.layout:
            new = copy.deepcopy(self)
            new.register_parameter("bias", None)
            new.preferred = new.dispatch = preferred
            new.ready()
            return new
        scales = self._parameters.get("input_scales")
        return QuantizedLinear(
            self.quantized(),
            input_scales=None if scales is None else scales.detach(),
            activations=self.spec.activations,
            dtype=self.dtype,
            preferred=preferred,
        )

    def _fill(self, weight: Quantized, input_scales: Tensor | None) -> None:
        held = dispatch.holds(
            self.preferred, self.spec, device=weight.integers.device, dtype=self.dtype
        )
        self.dispatch = self.preferred if held else dispatch.plain(self.spec)
        packed = LAYOUTS[self.dispatch.layout].pack(weight)
        names = LAYOUTS[self.dispatch.layout].names
        kept: dict[str, Tensor | None] = dict(zip(names, packed, strict=False))
        self.keep(kept | {"input_scales": input_scales})
        self.ready()

    def _names(self) -> list[str]:
        names = LAYOUTS[self.dispatch.layout].names
        return [name for name in names if name in self._parameters]

    def ready(self) -> None:
        """Put what a forward call needs where no dictionary of modules is asked.

        One entry for each number of rows up to the last limit, then one for all more.
        """
        counts = range(dispatch.LIMITS[-1] + 2)
        products = [OPERATORS[self.dispatch.at(rows)].product for rows in counts]
        packed = tuple(self.get_parameter(name).detach() for name in self._names())
        input_scales: Tensor | None = self._parameters.get("input_scales")
        if input_scales is not None:
            input_scales = input_scales.detach().to(self.dtype)
        self._ready = (tuple(products), packed, input_scales, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.spec.format}, " + (
            " / ".join(dict.fromkeys(self.dispatch.operators))
        )


def read_layer(facts: dict[str, Any], tensors: dict[str, Tensor]) -> QuantizedLinear:
    """Make a layer of a file again; where its operators are not right, on plain ones.

    Raises ValueError, KeyError and TypeError for facts and tensors that do not fit.
    """
    facts = dict(facts)
    if more := sorted(set(tensors) - set(QuantizedLinear.in_file)):
        raise ValueError(f"{', '.join(more)} is not part of it.")
    if facts.pop("input_scales", False) != ("input_scales" in tensors):
        raise ValueError("input_scales are there, or not, against what is said of it.")
    dtype, names = machine.dtype(facts.pop("dtype")), facts.pop("operators")
    known = isinstance(names, list) and len(names) == len(correctness.ROWS)
    if not known or not all(isinstance(name, str) for name in names):
        raise ValueError(f"operators={names!r} are no {len(correctness.ROWS)} names.")
    spec = WeightSpec(**facts)
    spec.check()
    weight = from_tensors(spec, tensors)
    if dataclasses.replace(spec, short_scales=True) != dataclasses.replace(
        WeightSpec.from_weight(weight, activations=spec.activations), short_scales=True
    ):
        raise ValueError("its form is not the one of its numbers.")
    return QuantizedLinear(
        weight,
        input_scales=tensors.get("input_scales"),
        activations=spec.activations,
        dtype=dtype,
        preferred=Dispatch(tuple(names)),
    )


def given_up(model: nn.Module) -> list[str]:
    """Return the operators that a model's layers prefer and cannot have here."""
    names = {
        name
        for layer in model.modules()
        if isinstance(layer, QuantizedLinear) and layer.dispatch != layer.preferred
        for name in layer.preferred.operators
    }
    return sorted(names)


def from_tensors(spec: WeightSpec, tensors: dict[str, Tensor]) -> Quantized:
    """Put the tensors of a file into a form; ValueError where they do not fit it."""
    count = spec.rows * spec.columns
    integers = packing.unpack(tensors["integers"], bits=spec.bits, count=count)
    wanted = {"scales": spec.scales[:2]}
    if not spec.symmetric:
        wanted["zero_points"] = spec.scales[:2]
    for name, shape in wanted.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(
                f"{name} is {tuple(tensors[name].shape)} and {spec.format} of "
                f"{spec.rows} × {spec.columns} has {shape}; get the file again."
            )
    factors = tensors.get("input_scales")
    if factors is not None and tuple(factors.shape) != (spec.columns,):
        raise ValueError(
            f"input_scales are {tuple(factors.shape)} and the layer has {spec.columns} "
            "inputs; get the file again."
        )
    for name in ("scales", "input_scales"):
        tensor = tensors.get(name, torch.ones(1))
        if not (torch.isfinite(tensor).all() and (tensor > 0).all()):
            raise ValueError(
                f"{name} are not all finite and above zero; get the file again."
            )
    return spec.weight(integers, tensors["scales"], tensors.get("zero_points"))
