"""Linear layers whose weight is kept as an operator wants it.

They are linear layers to everything that walks a model: they have sizes, a bias, and a
`.weight` with shape and dtype but no numbers (a meta tensor), since no such matrix is
kept. Their integers never change, so copies of a layer share them.

Shapes: O output features, I input features.
"""

import torch
from torch import Tensor, nn

from llmlab.quantization import choice, packing
from llmlab.quantization.formats import Quantized
from llmlab.quantization.operators import LAYOUTS, OPERATORS
from llmlab.quantization.spec import Spec


class PackedLinear(nn.Linear):
    """What such layers share: tensors that are kept, moved, copied and never trained.

    A subclass says how they come from and go to the tensors of a file, whose names are
    `in_file`: `to_file` and `from_file`.
    """

    in_file: tuple[str, ...] = ()

    def __init__(self, rows: int, columns: int, *, dtype: torch.dtype, bias):
        nn.Module.__init__(self)  # nn.Linear's own would make a weight
        self.out_features, self.in_features = rows, columns
        self.dtype = dtype
        self.register_parameter("bias", bias)

    @property
    def weight(self) -> Tensor:
        """The shape and dtype of the weight; its numbers are not kept as a matrix."""
        size = (self.out_features, self.in_features)
        return torch.empty(size, dtype=self.dtype, device="meta")

    def keep(self, tensors: dict[str, Tensor | None]) -> None:
        """Hold tensors as parameters that are not trained, in place of older ones."""
        for name in [name for name in self._parameters if name != "bias"]:
            del self._parameters[name]
        for name, tensor in tensors.items():
            if tensor is not None:
                kept = nn.Parameter(tensor, requires_grad=False)
                self.register_parameter(name, kept)

    def to_file(self) -> dict[str, Tensor]:
        raise NotImplementedError

    def from_file(self, tensors: dict[str, Tensor]) -> None:
        raise NotImplementedError

    def _save_to_state_dict(self, destination, prefix, keep_vars) -> None:
        tensors = self.to_file()
        if self.bias is not None:
            tensors["bias"] = self.bias if keep_vars else self.bias.detach()
        destination.update({prefix + name: each for name, each in tensors.items()})

    def _load_from_state_dict(
        self, state_dict, prefix, metadata, strict, missing, unexpected, errors
    ) -> None:
        own = {
            name.removeprefix(prefix): tensor
            for name, tensor in state_dict.items()
            if name.startswith(prefix)
        }
        if self.bias is not None:
            if "bias" in own:
                self.bias.data = own.pop("bias").to(self.bias)
            else:
                missing.append(prefix + "bias")
        unexpected += [prefix + name for name in own if name not in self.in_file]
        try:
            self.from_file(own)
        except KeyError as error:
            missing.append(prefix + error.args[0])
        except ValueError as error:
            errors.append(f"{prefix[:-1]}: {error}")

    def __deepcopy__(self, memo) -> "PackedLinear":
        """Share what never changes, in parameters of the copy's own."""
        copy = object.__new__(type(self))
        memo[id(self)] = copy
        for name, value in self.__dict__.items():
            copy.__dict__[name] = value.copy() if isinstance(value, dict) else value
        for name, old in self._parameters.items():
            if old is not None and id(old) not in memo:
                kept = old.clone() if name == "bias" else old
                memo[id(old)] = nn.Parameter(kept.detach(), old.requires_grad)
            copy._parameters[name] = None if old is None else memo[id(old)]
        copy.ready()
        return copy

    def ready(self) -> None:
        """Look at the parameters again; a subclass keeps them where they are fast."""

    def _apply(self, function, recurse=True) -> "PackedLinear":
        """Move to another device or dtype; operators are chosen again for either.

        Integers and scales stay what they are. Where it cannot be, nothing changes.
        """
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        after = function(like)
        changed = (after.device, after.dtype) != (self.device, self.dtype)
        tensors = self.to_file() if changed else {}
        before, self.dtype = self.dtype, after.dtype
        try:
            if changed:
                self.from_file({k: v.to(after.device) for k, v in tensors.items()})
        except Exception:
            self.dtype = before
            raise
        if self.bias is not None:
            self.bias.data = function(self.bias.data)
        self.ready()
        return self

    @property
    def device(self) -> torch.device:
        return next(p.device for n, p in self._parameters.items() if n != "bias")


class QuantizedLinear(PackedLinear):
    """A linear layer on integers: y = x @ dequantized weight.T + bias."""

    in_file = ("integers", "scales", "zero_points", "input_scales")

    def __init__(
        self,
        weight: Quantized,
        *,
        bias: nn.Parameter | None = None,
        input_scales: Tensor | None = None,
        activations: bool = False,
        dtype: torch.dtype = torch.float32,
        rows: int = 1,
        operator: str | None = None,
    ):
        """Keep a quantized weight for the operator that is fastest here.

        input_scales: (I,), multiplied to the activations first, as AWQ and SmoothQuant
        want it. activations: round them to int8, one scale per token. rows: how many
        come at a time when it matters. operator: this one instead of the fastest.
        """
        super().__init__(*weight.shape, dtype=dtype, bias=bias)
        self.spec = Spec.of(weight, activations=activations)
        self.rows, self.operator = rows, operator
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
        layout = LAYOUTS[self.choice.layout]
        packed = tuple(self._parameters[name] for name in self._names())
        return layout.unpack(packed, self.spec)

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
            tensors["input_scales"] = self._parameters["input_scales"].detach()
        return tensors

    def from_file(self, tensors: dict[str, Tensor]) -> None:
        """Take the tensors of `to_file`; KeyError, ValueError where they do not fit."""
        weight = read(self.spec, tensors)
        if "input_scales" in self._parameters and "input_scales" not in tensors:
            raise KeyError("input_scales")
        self._fill(weight, tensors.get("input_scales"))

    def _fill(self, weight: Quantized, input_scales: Tensor | None) -> None:
        device = weight.integers.device
        if self.operator is None:
            self.choice = choice.fastest(
                self.spec, device=device, dtype=self.dtype, rows=self.rows
            )
        else:
            self.choice = choice.only(
                self.operator, self.spec, device=device, dtype=self.dtype
            )
        packed = LAYOUTS[self.choice.layout].pack(weight)
        names = LAYOUTS[self.choice.layout].names
        kept = dict(zip(names, packed, strict=False))
        self.keep(kept | {"input_scales": input_scales})
        self.ready()

    def _names(self) -> list[str]:
        names = LAYOUTS[self.choice.layout].names
        return [name for name in names if name in self._parameters]

    def ready(self) -> None:
        """Put what a forward call needs where no dictionary of modules is asked.

        One entry for each number of rows up to the last limit, then one for all more.
        """
        counts = range(choice.LIMITS[-1] + 2)
        products = [OPERATORS[self.choice.at(rows)].product for rows in counts]
        packed = tuple(self._parameters[name].detach() for name in self._names())
        input_scales = self._parameters.get("input_scales")
        if input_scales is not None:
            input_scales = input_scales.detach().to(self.dtype)
        self._ready = (tuple(products), packed, input_scales, self.bias)

    def extra_repr(self) -> str:
        return f"{self.in_features}, {self.out_features}, {self.spec.name}, " + (
            f"{self.choice.at(self.rows)}"
        )


def read(spec: Spec, tensors: dict[str, Tensor]) -> Quantized:
    """Put the tensors of a file into a form; ValueError where they do not fit it."""
    count = spec.rows * spec.columns
    integers = packing.unpack(tensors["integers"], bits=spec.bits, count=count)
    wanted = {"scales": spec.scales[:2]}
    if not spec.symmetric:
        wanted["zero_points"] = spec.scales[:2]
    for name, shape in wanted.items():
        if tuple(tensors[name].shape) != shape:
            raise ValueError(
                f"{name} is {tuple(tensors[name].shape)} and {spec.name} of "
                f"{spec.rows} × {spec.columns} has {shape}; get the file again."
            )
    factors = tensors.get("input_scales")
    if factors is not None and tuple(factors.shape) != (spec.columns,):
        raise ValueError(
            f"input_scales are {tuple(factors.shape)} and the layer has {spec.columns} "
            "inputs; get the file again."
        )
    for name in ("scales", "input_scales"):
        found = tensors.get(name, torch.ones(1))
        if not (torch.isfinite(found).all() and (found > 0).all()):
            raise ValueError(
                f"{name} are not all finite and above zero; get the file again."
            )
    return spec.weight(integers, tensors["scales"], tensors.get("zero_points"))
