"""Right arguments for arrays of cells and numbers in fixed point."""

from collections.abc import Callable

from llmlab.hardware import fixed_point, systolic

ROWS, WEIGHTS = [[5, 6], [7, 8]], [[1, 2], [3, 4]]

DOOR: dict[Callable, Callable[[], dict]] = {
    systolic.run: lambda: {
        "activations": ROWS, "weights": WEIGHTS, "cycle": systolic.cycle,
        "skew": systolic.skew,
    },
    systolic.cycles: lambda: {"rows": 64, "size": 8},
    fixed_point.encode: lambda: {"x": 1.5, "bits": 8, "fraction": 4},
    fixed_point.decode: lambda: {"x": 24, "bits": 8, "fraction": 4},
    fixed_point.dot: lambda: {
        "a": [24, -4], "b": [32, 64], "fraction": 4, "bits": 8,
        "accumulator_bits": 16, "saturate": True,
    },
}  # fmt: skip
