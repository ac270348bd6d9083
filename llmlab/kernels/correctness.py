"""Which operators run a layer, and are right on this machine.

Every operator that fits is first compared with float64, on numbers that reach the ends
of their ranges (some processors add int8 products with saturation): one that is wrong
here is not offered, neither to be tuned for nor by name. Nothing here is timed.

Shapes: R rows of activations, O output features, I input features.
"""

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from llmlab.kernels import parameters
from llmlab.kernels.operators import LAYOUTS, OPERATORS
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.weight_spec import WeightSpec

ROWS = (1, 16, 128)  # where operators are compared: a token, a batch, a prompt
SIZE = 1024  # O and I of the weight that they are tried on
VECTOR = 64  # bytes that a processor may take at once
ALLOWED = 0.02  # relative error: what bf16 and its sums may cost


def fitting(
    spec: WeightSpec, *, device: torch.device, dtype: torch.dtype
) -> tuple[str, ...]:
    """Return the operators made for layers of this form, whichever machine it is."""
    device = torch.device(device)
    return tuple(
        name
        for name, operator in OPERATORS.items()
        if LAYOUTS[operator.layout].fits(spec, device)
        and operator.fits(spec, device, dtype)
    )


def offered(
    spec: WeightSpec, *, device: torch.device, dtype: torch.dtype
) -> tuple[str, ...]:
    """Return the operators that run layers of this form, and are right, here."""
    like, device = likeness(spec), torch.device(device)
    names = fitting(spec, device=device, dtype=dtype)
    return tuple(name for name in names if is_right(name, like, device, dtype))


def wrong(
    spec: WeightSpec, *, device: torch.device, dtype: torch.dtype
) -> tuple[str, ...]:
    """Return the operators made for layers of this form that are wrong or absent."""
    right = offered(spec, device=device, dtype=dtype)
    names = fitting(spec, device=device, dtype=dtype)
    return tuple(name for name in names if name not in right)


def likeness(spec: WeightSpec) -> WeightSpec:
    """Return the form of the weight that stands for all of this form in trials."""
    columns = -(-SIZE // spec.group_columns) * spec.group_columns
    group = spec.group_columns
    if spec.groups == 1:  # what is left beyond whole vectors is tried as well
        columns = group = SIZE + spec.columns % VECTOR
    return dataclasses.replace(spec, rows=SIZE, columns=columns, group_columns=group)


@functools.cache
def is_right(
    name: str, spec: WeightSpec, device: torch.device, dtype: torch.dtype
) -> bool:
    """Say whether an operator's products are right here; False where it is absent.

    Tried at each number of rows, on drawn numbers and on the ends of their range, where
    sums are largest. The plain operators are what is left where others are wrong.
    """
    if name.startswith("plain"):
        return True
    weight = drawn(spec, device, 0)
    exact_weight = weight.dequantize().double().T
    operator = OPERATORS[name]
    try:
        with no_warnings():
            packed = LAYOUTS[operator.layout].pack(weight)
            near = all(
                _near(operator.product(x, packed), x.double() @ exact_weight)
                for x in _trial_rows(spec.columns, device, dtype)
            )
            return near and (
                not spec.activations
                or all(
                    _exact(operator.product(x, packed), x.double() @ exact_weight)
                    for x in _whole_rows(spec.columns, device, dtype)
                )
            )
    except Exception:  # an operator may be absent in many ways
        return False


def _trial_rows(columns: int, device, dtype: torch.dtype) -> Iterator[Tensor]:
    for rows in ROWS:
        generator = torch.Generator().manual_seed(rows)
        x = torch.randn(rows, columns, generator=generator).to(device, dtype)
        yield x
        yield torch.where(x < 0, x.amin(), x.amax())  # all at the ends of the range


def _whole_rows(columns: int, device, dtype: torch.dtype) -> Iterator[Tensor]:
    """Yield activations that int8 says exactly, so that sums must be exact too."""
    for rows in ROWS:
        generator = torch.Generator().manual_seed(rows)
        x = torch.randint(-127, 128, (rows, columns), generator=generator)
        x[:, -1] = 127  # the scale of every row is 1
        yield x.to(device, dtype)
        signs = torch.where(x < 0, -127, 127)  # halves that cancel, all but the rest
        signs[:, columns // 2 : columns // 2 * 2] = -signs[:, : columns // 2]
        signs[:, -1] = 127
        yield signs.to(device, dtype)


def _exact(answer: Tensor, exact: Tensor) -> bool:
    """Say whether sums are right but for the last digit of what they are kept in."""
    allowed = 4 * torch.finfo(answer.dtype).eps * exact.abs()
    return bool(((answer.double() - exact).abs() <= allowed).all())


def _near(answer: Tensor, exact: Tensor) -> bool:
    return bool((answer.double() - exact).norm() <= ALLOWED * exact.norm())


@contextlib.contextmanager
def no_warnings() -> Iterator[None]:
    """Keep what torch says of its plans for its operators to itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def drawn(spec: WeightSpec, device: torch.device, seed: int) -> Quantized:
    """Draw integers over the whole range, so that sums get as large as they can."""
    generator = torch.Generator().manual_seed(seed)
    size = (spec.rows, spec.groups, spec.group_columns)
    low = torch.full((*size[:2], 1), -1.0)
    grid = parameters.spanning(low, -low, spec.format, scale_dtype=torch.bfloat16)
    draw = torch.rand(size, generator=generator) * 2.4 - 1.2  # a sixth at the ends
    grid = parameters.QuantizationParameters(
        grid.scales.to(device),
        None if grid.zero_points is None else grid.zero_points.to(device),
        spec.bits,
    )
    return Quantized(grid.round(draw.to(device)).to(torch.int8), grid)
