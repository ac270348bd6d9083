"""Exercise 5: a linear layer that keeps integers and multiplies them.

What is compared is what the layer gives for inputs of two and three axes, and what it
keeps: a float weight or a scale too many would be seen in the memory of the model.

Shapes: O output features, I input features, T tokens.
"""

from functools import partial

import torch
from torch import Tensor, nn

from llmlab.checks.exercise import TENSOR, Case, Exercise, MisfitError, Value
from llmlab.checks.quantization import rounded
from llmlab.checks.quantization.holding import held

# A mistake stands in one line or two, as in a table.
# fmt: off

EXAMPLE = [[1.27, 0.0, -0.5], [0.104, -2.54, 0.04]]
TOKEN = [[1.27, 0.3, -1.0]]
SIZES = ((2, 3, False), (4, 8, True), (6, 5, False), (3, 16, True))  # O, I, bias
LARGER = (torch.int16, torch.int32, torch.int64)
WIDE = 2**17  # products of this width go beyond the whole numbers of float32
FLOATS = "floats are multiplied: multiply the integers, exactly, then scale the sums."
PLAIN = "a plain attribute does not go with the model: self.register_buffer(…)."
TRAINED = "nothing trains integers and scales, so no nn.Parameter: register_buffer."
GRAPH = "scales remember the float weight: linear.weight.detach(), or torch.no_grad()."
AWAY = 0.3  # of a step: how far numbers lie from a level, so that no rounding ties


class Right(nn.Module):
    """The right layer; each knob is a typical mistake."""

    integers: Tensor
    scales: Tensor

    def __init__(
        self, layer, *, bits=8, by="row", token="row", activations=True, bias=True,
        keep="", kept=("buffer", "buffer"), late=False, plain_bias=False,
        dtype=torch.int8, detach=True,
    ):  # fmt: skip
        super().__init__()
        self.token, self.activations = token, activations
        weight = layer.weight.detach() if detach else layer.weight
        whole, scales = _rounded(weight, bits, by)
        if by == "repeated":
            scales = scales.repeat(len(weight))
        if late:  # in the constructor nothing is rounded
            self.late = layer.weight
        _keep(self, "integers", whole.to(dtype), kept[0])
        _keep(self, "scales", scales, kept[1])
        if keep:
            self.linear = layer if keep == "layer" else [layer]
        self.bias = layer.bias if bias else None
        if plain_bias and layer.bias is not None:
            _keep(self, "bias", layer.bias.detach(), "plain")

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1])
        if self.activations:
            x8, x_scales = _rounded(rows, 8, self.token)
            y = rounded.matmul(x8, x_scales.expand(len(rows)), self.integers,
                               self.scales.expand(len(self.integers)))
        else:
            y = rows @ (self.integers * self.scales[:, None]).T
        y = y if self.bias is None else y + self.bias
        return y.reshape(*x.shape[:-1], -1)


def _keep(module: nn.Module, name: str, tensor: Tensor, way: str) -> None:
    """Keep a tensor in a "buffer", as a "parameter" or as a "plain" attribute."""
    if hasattr(module, name):
        delattr(module, name)
    if way == "buffer":
        module.register_buffer(name, tensor)
    elif way == "frozen":
        setattr(module, name, nn.Parameter(tensor, requires_grad=False))
    else:
        setattr(module, name, nn.Parameter(tensor) if way == "parameter" else tensor)


class Flat(Right):
    """The mistake of giving one row for each token, whatever came in."""

    def forward(self, x):
        return super().forward(x.reshape(-1, x.shape[-1]))


class Whole(Right):
    """The mistake of rounding no activation to int8, only its sums."""

    def forward(self, x):
        rows = x.reshape(-1, x.shape[-1]).to(torch.int8).float()
        y = rows @ (self.integers * self.scales[:, None]).T
        y = y if self.bias is None else y + self.bias
        return y.reshape(*x.shape[:-1], -1)


def quantized_linear(linear):
    """Return the right layer in the place of an nn.Linear."""
    return Right(linear)


def linear(weight, bias=None):
    """Return an nn.Linear with these numbers, for an example."""
    weight = torch.as_tensor(weight, dtype=torch.float32)
    with torch.device("meta"):
        outputs, inputs = weight.shape
        layer = nn.Linear(inputs, outputs, bias=bias is not None)
    layer.weight = nn.Parameter(weight)
    if bias is not None:
        layer.bias = nn.Parameter(torch.as_tensor(bias), requires_grad=False)
    return layer


def _rounded(matrix: Tensor, bits: int, by: str) -> tuple[Tensor, Tensor]:
    """Return integers and scales (rows,) or, of one for all, (1,)."""
    size = matrix.abs().amax(-1) if by == "row" else matrix.abs().amax()[None]
    scales = size / (2 ** (bits - 1) - 1)
    scales = torch.where(scales > 0, scales, 1.0)
    return (matrix / scales[:, None]).round().to(torch.int8), scales


def _drawn(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    """Draw rows whose numbers lie near levels of 8 bits, each row on its own scale."""
    steps = torch.randint(-120, 121, (rows, columns), generator=generator).float()
    steps += AWAY * (2 * torch.rand(rows, columns, generator=generator) - 1)
    place = torch.randint(columns, (rows,), generator=generator)
    steps[torch.arange(rows), place] = 127.0
    spread = 0.01 * 8 ** torch.rand(rows, 1, generator=generator)
    return steps * spread


def _input(width: int) -> Tensor:
    """Return two texts of three tokens, (2, 3, I); one token is all zeros.

    Where the layer is wide, one text of two tokens whose products cancel nearly.
    """
    generator = torch.Generator().manual_seed(width)
    if width == WIDE:
        half = torch.randint(64, 128, (width // 2,), generator=generator)
        half[0] = 127
        row = torch.cat((half, -half))
        row[-1] += 1  # is left
        return torch.stack((0.013 * row, -0.0071 * row.flip(0)))[None]
    x = _drawn(6, width, generator).view(2, 3, width)
    x[1, 2] = 0.0
    return x


def _cases() -> list[Case]:
    drawn = [Case(partial(_one, *size)) for size in SIZES]
    wide = Case(lambda: (linear(torch.full((1, WIDE), 0.0127)),), about=FLOATS)
    return [Case(lambda: (linear(EXAMPLE),)), *drawn, wide]


def _one(*size) -> tuple[nn.Linear]:
    return (_layer(*size),)


def _layer(outputs: int, inputs: int, has_bias: bool) -> nn.Linear:
    generator = torch.Generator().manual_seed(outputs * inputs)
    weight = _drawn(outputs, inputs, generator)
    bias = torch.randn(outputs, generator=generator) if has_bias else None
    return linear(weight, bias)


def seen(layer: object, old: nn.Linear) -> tuple:
    """Return what a layer gives and keeps, and what is left of the old one."""
    if not isinstance(layer, nn.Module):
        raise MisfitError(
            "QuantizedLinear(linear) is a module", expected="an nn.Module",
            got=type(layer).__name__, hint="write `class QuantizedLinear(nn.Module):`.",
        )  # fmt: skip
    x = _input(old.in_features)
    with torch.no_grad():
        three = layer(x)
        two = layer(x[0])
    saved = [*layer.state_dict().values()]
    bias = 0 if old.bias is None else old.bias.numel()
    return (
        three,
        two,
        sum(one.numel() for one in saved if one.dtype == torch.int8),
        sum(one.numel() for one in saved if one.dtype in LARGER and one.dim()),
        max(0, sum(one.numel() for one in layer.parameters()) - bias),
        sum(one.numel() for one in saved if one.is_floating_point()),
        sum(one.numel() for one in held(layer) if one.is_floating_point()),
        old.weight.detach().clone(),
        sum(one.grad_fn is not None for one in held(layer)),
    )


def _kept(way: str) -> tuple:
    """Return the mistakes of keeping integers, scales, or both in another way."""
    ways = ((way, way), (way, "buffer"), ("buffer", way))
    return tuple(partial(Right, kept=kept) for kept in ways)


EXERCISE = Exercise(
    name="quantized_linear",
    right=quantized_linear,
    gives=(
        Value("the output for (2, 3, I)", tensor=TENSOR),
        Value("the output for (3, I)", tensor=TENSOR),
        Value("int8 numbers in state_dict",
              promise="the integers go with the model (int8 numbers in state_dict)"),
        Value("numbers in larger integers",
              promise="the integers are kept in int8 (numbers in larger ones)"),
        Value("numbers trained",
              promise="the bias alone is a parameter (numbers in others)"),
        Value("floats in state_dict",
              promise="scales and bias go with the model (floats in state_dict)"),
        Value("floats kept",
              promise="only scales and bias are kept as floats (how many)"),
        Value("the old layer's weight", promise="the old layer stays as it was"),
        Value("tensors with a gradient",
              promise="no graph keeps the float weight (tensors with a gradient)"),
    ),
    cases=_cases,
    covers="with bias and without, for one text and for several",
    hints=(
        "In __init__ round the weight, once. In forward round x, multiply, add.",
        "by_group(weight, weight.shape[1], 8) gives a scale a row; by_group(rows, "
        "rows.shape[1], 8) one a token.",
        "self.register_buffer(\"integers\", integers), and for scales.flatten(); then "
        "integer_matmul(x8, x_scales.flatten(), self.integers, self.scales), + bias.",
    ),
    hint="round x by token, multiply the integers, add the bias, unflatten.",
    observe=seen,
    written=f"QuantizedLinear(check.linear({EXAMPLE}))(torch.tensor({TOKEN}))",
    shows=lambda layer: layer(torch.tensor(TOKEN)),
    mistakes={
        "the bias is missing: add self.bias where there is one.":
            lambda linear: Right(linear, bias=False),
        "every token needs a scale of its own: by_group(rows, rows.shape[1], 8).":
            lambda linear: Right(linear, token="all"),
        "every output needs a scale of its own: by_group(weight, weight.shape[1], 8).":
            (lambda linear: Right(linear, by="all"),
             lambda linear: Right(linear, by="repeated")),
        "the activations are not rounded: by_group on x, in forward.":
            lambda linear: Right(linear, activations=False),
        "the axes of the input are lost: y.unflatten(0, x.shape[:-1]).": Flat,
        "the float weight is still there: keep integers and scales, not linear.": (
            lambda linear: Right(linear, keep="layer"),
            lambda linear: Right(linear, keep="list"),
            lambda linear: Right(linear, late=True),
        ),
        "int8 holds the integers; in a larger type they take more memory.": tuple(
            partial(Right, dtype=dtype) for dtype in LARGER),
        "the integers are kept as floats: `.to(torch.int8)` before register_buffer.":
            lambda linear: Right(linear, dtype=torch.float32),
        PLAIN: _kept("plain"),
        TRAINED: (*_kept("parameter"), *_kept("frozen")),
        GRAPH: partial(Right, detach=False),
        "the bias is a plain tensor: keep linear.bias as it is, a parameter.":
            lambda linear: Right(linear, plain_bias=True),
        "these are 4 bits; the layer has 8.":
            lambda linear: Right(linear, bits=4),
        "x was cut off to int8 without a scale: by_group rounds it.": Whole,
    },
)
