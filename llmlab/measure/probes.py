"""What this machine can do at most: arithmetic, reading, and doing nothing at all.

Each is the best of many tries, since a neighbour can only slow a try down. Doing
nothing is an operator on one number: what remains is what the framework takes.
"""

from collections.abc import Callable
from functools import partial

import torch

from llmlab.core import clock, machine

SIZES = (512, 1024, 2048)  # of square matrices
WORKING_SETS = tuple(2**power for power in range(18, 29))  # bytes: 256 KiB to 256 MiB
VECTORS = 8  # matrices that are multiplied by one token in turn
SECONDS = 0.15  # of trying, for each point
SLOW = 0.1  # seconds of a product


def working_sets() -> tuple[int, ...]:
    """Return the bytes to read; a small machine leaves out what it cannot hold."""
    room = max(machine.describe().memory_bytes // 4, WORKING_SETS[0])
    return tuple(size for size in WORKING_SETS if size <= room)


def arithmetic(name: str, device: torch.device) -> float:
    """Return the FLOP/s of the best square product; two FLOPs a multiply-add."""
    best = 0.0
    for size in SIZES:
        pair = torch.randn(2, size, size, device=device)
        if name == "int8":
            a, b = (pair * 40).to(torch.int8)
            call = partial(torch._int_mm, a, b.t())  # fast with a transposed weight
        else:
            call = partial(torch.mm, *pair.to(machine.dtype(name)))
        seconds = _least_seconds(call)
        best = max(best, 2 * size**3 / seconds)
        if seconds > SLOW:  # no fast kernel, and the next size takes 8 times as long
            break
    return best


def vector(name: str, device: torch.device) -> float:
    """Return how many weights a second meet one token, as in a decode step.

    Several matrices take their turn, since a model's weights do not stay in the cache.
    """
    weights = torch.randn(VECTORS, SIZES[-1] // 2, SIZES[-1] // 2, device=device)
    weights = weights.to(machine.dtype(name))
    row = torch.randn(1, weights.shape[-1], device=device).to(weights.dtype)

    def call() -> None:
        for weight in weights:
            torch.nn.functional.linear(row, weight)

    return weights.numel() / _least_seconds(call)


def reading(size: int, device: torch.device) -> float:
    """Return the B/s of adding up `size` bytes again and again.

    Each thread walks its own share, as it walks its rows of a weight, and so often per
    call that starting the operator does not count.
    """
    parts = torch.get_num_threads() if device.type == "cpu" else 1024
    share = size // 4 // parts
    repeats = max(1, 2**25 // size)
    numbers = torch.ones(parts, 1, share, device=device).expand(parts, repeats, share)
    call = partial(torch.sum, numbers, -1)
    return 4 * parts * share * repeats / _least_seconds(call)


def nothing(device: torch.device) -> float:
    """Return the seconds of an operator on one number (on none, a GPU would rest)."""
    one, negate, repeats = torch.ones(1, device=device), torch.neg, range(200)

    def call() -> None:
        for _ in repeats:
            negate(one)

    return _least_seconds(call) / len(repeats)


@torch.inference_mode()
def _least_seconds(call: Callable[[], object]) -> float:
    return clock.shortest(call, seconds=SECONDS * machine.repetitions_scale())
