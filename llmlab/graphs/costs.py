"""What an operator costs besides its arithmetic: to be started, and bytes to move.

Starting takes about as long whatever the size, so it is the height at which a straight
line through times over sizes begins. Bytes are saved where operators become one kernel:
what is made and used inside of it never goes to memory.

Source: He, Making Deep Learning Go Brrrr From First Principles, 2022.
"""

from collections.abc import Sequence

BYTES = 4  # of a value in fp32

Kernel = Sequence[tuple[str, Sequence[str]]]  # what it makes, and of what


def overhead(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """Return the fixed seconds of an operator, and those of an element.

    The straight line through all points by least squares. Raises ValueError for fewer
    than two sizes.
    """
    if len(set(sizes)) < 2 or len(sizes) != len(seconds):
        raise ValueError(
            f"sizes={list(sizes)!r:.60} must hold two different sizes or more, and "
            "seconds one time for each."
        )
    middle, height = sum(sizes) / len(sizes), sum(seconds) / len(seconds)
    pairs = zip(sizes, seconds, strict=True)
    together = sum((size - middle) * (time - height) for size, time in pairs)
    slope = together / sum((size - middle) ** 2 for size in sizes)
    return height - slope * middle, slope


def traffic(kernels: Sequence[Kernel], size: int) -> int:
    """Return the bytes that kernels read and write, for fp32 values of one size.

    kernels: in order, each a list of (output, inputs) names. A kernel reads what it did
    not make, once, and writes what a later one uses, and the result: the last output of
    the last kernel.
    """
    needed, moved = {kernels[-1][-1][0]}, 0
    for kernel in reversed(kernels):
        made = {output for output, _ in kernel}
        read = _read(kernel)
        moved += len(read) + len(made & needed)
        needed = (needed - made) | read
    return moved * size * BYTES


def _read(kernel: Kernel) -> set[str]:
    """Return what a kernel reads before it made it itself."""
    made: set[str] = set()
    read: set[str] = set()
    for output, inputs in kernel:
        read |= set(inputs) - made
        made.add(output)
    return read
