"""Which operator runs fastest here: tried once, on a weight like the layer's own.

Every operator that fits is first compared with float64, on numbers that reach the ends
of their ranges (some processors add int8 products with saturation): one that is wrong
here is not offered, neither to be chosen nor by name. Then they are timed at three
numbers of rows: one token, a batch, a prompt. Operators that read the same layout, and
round alike, can share a layer; else the number of rows that matters most decides.

Shapes: R rows of activations, O output features, I input features.
"""

import contextlib
import dataclasses
import functools
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from llmlab.core.clock import Host, clock_for
from llmlab.kernels import grids
from llmlab.kernels.operators import LAYOUTS, OPERATORS
from llmlab.kernels.quantized import Quantized
from llmlab.kernels.spec import Spec

ROWS = (1, 16, 128)  # where operators are compared: a token, a batch, a prompt
LIMITS = (1, 32)  # rows up to which the first and the second answer hold
SIZE = 1024  # O and I of the weight that they are tried on
COPIES = 4  # of it, walked through in turn, so that no near cache holds them
LOOKS = 5  # at the time of each, of which the least counts
MARGIN = 0.9  # of the time of one listed before it, or it is not worth a change
ALLOWED = 0.02  # relative error: what bf16 and its sums may cost


@dataclass(frozen=True)
class Choice:
    """A layout, and the operators that read it by the number of rows."""

    layout: str
    operators: tuple[str, ...]  # one for each of ROWS

    def at(self, rows: int) -> str:
        """Return the operator for this number of rows."""
        return self.operators[sum(rows > limit for limit in LIMITS)]


def offered(spec: Spec, *, device: torch.device, dtype: torch.dtype) -> tuple[str, ...]:
    """Return the operators that run layers of this form, and are right, here."""
    wrong_here = wrong(spec, device=device, dtype=dtype)
    return tuple(
        name for name in _fitting(spec, device, dtype) if name not in wrong_here
    )


def wrong(spec: Spec, *, device: torch.device, dtype: torch.dtype) -> tuple[str, ...]:
    """Return the operators made for layers of this form that are wrong or absent."""
    like, device = _like(spec), torch.device(device)
    fitting = _fitting(spec, device, dtype)
    return tuple(name for name in fitting if not is_right(name, like, device, dtype))


def _fitting(spec: Spec, device: torch.device, dtype: torch.dtype) -> Iterator[str]:
    for name, operator in OPERATORS.items():
        if LAYOUTS[operator.layout].fits(spec, torch.device(device)):
            if operator.fits(spec, torch.device(device), dtype):
                yield name


def fastest(
    spec: Spec, *, device: torch.device, dtype: torch.dtype, rows: int = 1
) -> Choice:
    """Return what runs fastest here for layers of this form with `rows` at a time."""
    names = offered(spec, device=device, dtype=dtype)
    place = sum(rows > limit for limit in LIMITS)
    return _fastest(names, _like(spec), torch.device(device), dtype, place)


def only(operator: str, spec: Spec, *, device, dtype: torch.dtype) -> Choice:
    """Return the choice of this one operator; ValueError where it may not be used."""
    right = offered(spec, device=device, dtype=dtype)
    if operator == "plain" and spec.activations:
        operator = "plain dynamic"
    if operator not in right:
        raise ValueError(
            f"operator={operator!r} does not run {spec.name} on {device} in {dtype}, "
            f"or gives wrong sums on this processor; choose one of {list(right)}, or "
            "None for the fastest here."
        )
    return Choice(OPERATORS[operator].layout, (operator,) * len(ROWS))


def holds(
    chosen: Choice, spec: Spec, *, device: torch.device, dtype: torch.dtype
) -> bool:
    """Say whether all operators of a choice run this form, and are right, here."""
    first, right = chosen.operators[0], offered(spec, device=device, dtype=dtype)
    return set(chosen.operators) <= set(right) and all(
        _agree(name, first, dtype) for name in chosen.operators
    )


def named(operators: object) -> Choice | None:
    """Return the choice of these operators, or None where it is none of this house."""
    if not isinstance(operators, list) or len(operators) != len(ROWS):
        return None
    layouts = {getattr(OPERATORS.get(str(one)), "layout", None) for one in operators}
    if len(layouts) > 1 or None in layouts:
        return None
    return Choice(layouts.pop(), tuple(operators))


def _like(spec: Spec) -> Spec:
    """Return the form of the weight that stands for all of this form in trials."""
    columns = -(-SIZE // spec.group_columns) * spec.group_columns
    group = spec.group_columns
    if spec.groups == 1:
        columns = group = SIZE
    return dataclasses.replace(spec, rows=SIZE, columns=columns, group_columns=group)


@functools.cache
def _fastest(
    names: tuple[str, ...],
    spec: Spec,
    device: torch.device,
    dtype: torch.dtype,
    place: int,
) -> Choice:
    times = {rows: _times(names, spec, device, dtype, rows) for rows in ROWS}
    best = _best(times[ROWS[place]])
    readers = [
        {name: time for name, time in each.items() if _agree(name, best, dtype)}
        for each in times.values()
    ]
    return Choice(OPERATORS[best].layout, tuple(map(_best, readers)))


def _agree(name: str, other: str, dtype: torch.dtype) -> bool:
    """Say whether two operators can share a layer: layout, and what they round to.

    In a float32 model one that rounds to bf16 beside one that does not would let a
    row's answer depend on how many rows stand beside it.
    """
    one, two = OPERATORS[name], OPERATORS[other]
    rounded = dtype in (torch.bfloat16, torch.float16) or one.in_bf16 == two.in_bf16
    return one.layout == two.layout and rounded


def _best(times: dict[str, float]) -> str:
    """Return the fastest; a later one must be clearly faster."""
    best = next(iter(times))
    for name, seconds in times.items():
        if seconds < MARGIN * times[best]:
            best = name
    return best


@functools.cache
def _times(names, spec, device, dtype, rows: int) -> dict[str, float]:
    """Return the seconds of each operator."""
    if len(names) == 1:
        return {names[0]: 0.0}
    copies = COPIES if rows < ROWS[-1] else 1  # a prompt's work hides the reading
    weights = [_weight(spec, device, seed) for seed in range(copies)]
    generator = torch.Generator().manual_seed(rows)
    x = torch.randn(rows, spec.columns, generator=generator).to(device, dtype)
    calls = {}
    for name in names:
        with _no_warnings():
            packed = [LAYOUTS[OPERATORS[name].layout].pack(each) for each in weights]
            product = OPERATORS[name].product
            calls[name] = functools.partial(walk, product, x, packed)
    return {name: least_seconds(call) for name, call in calls.items()}


def least_seconds(call: Callable[[], Tensor]) -> float:
    """Return the least time of a call in seconds, warmed up.

    On the CPU it is the processor time of one thread: neighbours on a busy machine
    make every parallel call wait, and must not decide which operator is used.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        clock = clock_for(call())
        look, seconds = clock.look, clock.seconds
        if isinstance(clock, Host):
            look, seconds = time.thread_time, lambda start, end: end - start
        call()
        times = []
        for _ in range(LOOKS):
            start = look()
            call()
            times.append(seconds(start, look()))
        return min(times)
    finally:
        torch.set_num_threads(threads)


@functools.cache
def is_right(name: str, spec: Spec, device: torch.device, dtype: torch.dtype) -> bool:
    """Say whether an operator's products are right here; False where it is absent.

    Tried at each number of rows, on drawn numbers and on the ends of their range, where
    sums are largest. The plain operators are what is left where others are wrong.
    """
    if name.startswith("plain"):
        return True
    weight = _weight(spec, device, 0)
    exact_weight = weight.dequantize().double().T
    operator = OPERATORS[name]
    try:
        with _no_warnings():
            packed = LAYOUTS[operator.layout].pack(weight)
            return all(
                _near(operator.product(x, packed), x.double() @ exact_weight)
                for x in _trial_rows(spec.columns, device, dtype)
            )
    except Exception:  # an operator may be absent in many ways
        return False


def _trial_rows(columns: int, device, dtype: torch.dtype) -> Iterator[Tensor]:
    for rows in ROWS:
        generator = torch.Generator().manual_seed(rows)
        x = torch.randn(rows, columns, generator=generator).to(device, dtype)
        yield x
        yield torch.where(x < 0, x.amin(), x.amax())  # all at the ends of the range


def _near(answer: Tensor, exact: Tensor) -> bool:
    return bool((answer.double() - exact).norm() <= ALLOWED * exact.norm())


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's plans for its operators
        yield


def _weight(spec: Spec, device: torch.device, seed: int) -> Quantized:
    """Draw integers over the whole range, so that sums get as large as they can."""
    generator = torch.Generator().manual_seed(seed)
    size = (spec.rows, spec.groups, spec.group_columns)
    low = torch.full((*size[:2], 1), -1.0)
    grid = grids.spanning(low, -low, bits=spec.bits, symmetric=spec.symmetric,
                          scale_dtype=torch.bfloat16)  # fmt: skip
    draw = torch.rand(size, generator=generator) * 2.4 - 1.2  # a sixth at the ends
    grid = grids.Grid(
        grid.scales.to(device),
        None if grid.zero_points is None else grid.zero_points.to(device),
        spec.bits,
    )
    return Quantized(grid.round(draw.to(device)).to(torch.int8), grid)


def walk(product: Callable, x: Tensor, weights: Sequence) -> Tensor:
    """Multiply x with one weight after the other: more than the cache holds."""
    for each in weights:
        y = product(x, each)
    return y
