"""A systolic array: N × N cells that multiply, add, and hand on to their neighbours.

Every cell keeps one weight. In each clock it takes the activation of its left neighbour
and the sum of the one above, adds activation times weight, and keeps both for the next
clock. So an activation is read from memory once and used N times on its way to the
right, and no sum goes back to memory before it is complete. What it costs: weights must
be loaded first, and the array fills and drains, so that few rows keep few cells busy.

Shapes: M rows of activations, N rows and columns of cells, C clocks.
Source: Kung (1982), Why systolic architectures?; Jouppi et al. (2017), section 2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmlab.core import arguments
from llmlab.hardware import operands, slips
from llmlab.hardware.operands import Whole

Cycle = Callable[[Whole, Whole, Whole, Whole], tuple[Any, Any]]
Skew = Callable[[Whole], Any]


@dataclass(frozen=True, eq=False)
class State:
    """What the cells hold after one clock, (N, N) each."""

    weights: Whole
    activations: Whole
    sums: Whole


@dataclass(frozen=True, eq=False)
class Run:
    """An array, clock by clock: loading its weights, then a row in each clock."""

    rows: int
    weights: Whole  # (N, N)
    inflow: Whole  # (C, N): what enters from the left; nothing while weights load
    outflow: Whole  # (C, N): what leaves below
    states: tuple[State, ...]  # after each clock

    @property
    def size(self) -> int:
        """Cells in a row of the array."""
        return len(self.weights)

    @property
    def cycles(self) -> int:
        """Clocks until the last sum has left."""
        return len(self.states)

    @property
    def product(self) -> Whole:
        """The sums that left, (M, N): activations @ weights."""
        first = 2 * self.size  # the clock in which row 0 leaves column 0
        lines = [
            self.outflow[first + column : first + column + self.rows, column]
            for column in range(self.size)
        ]
        return np.stack(lines, axis=1)

    @cached_property
    def working(self) -> NDArray[np.bool_]:
        """Which cells multiply an activation of a row in each clock, (C, N, N)."""
        entering = stream(np.ones((self.rows, self.size), np.int64))
        marks = [np.zeros_like(self.weights)]
        for line in entering:
            marks.append(_moved(marks[-1], line))
        return np.array(marks[1:], bool)

    @property
    def busy(self) -> float:
        """The share of cells and clocks in which a row is multiplied."""
        return float(self.working.mean())

    def agrees(self, other: "Run") -> bool:
        """Say whether another run had the same numbers in every cell and clock."""
        return (
            self.cycles == other.cycles
            and np.array_equal(self.outflow, other.outflow)
            and all(
                np.array_equal(getattr(mine, part), getattr(its, part))
                for mine, its in zip(self.states, other.states, strict=True)
                for part in ("weights", "activations", "sums")
            )
        )


def cycles(rows: int, size: int) -> int:
    """Return the clocks of a product: N to load, M rows, 2 N - 1 to fill and drain."""
    return operands.rows(rows) + 3 * operands.size(size) - 1


def cycle(
    weights: Whole, activations: Whole, sums: Whole, inflow: Whole
) -> tuple[Whole, Whole]:
    """Return activations and sums (N, N) after one clock; all read the old state.

    inflow: (N,), what enters the rows of the array from the left.
    """
    moved = _moved(activations, inflow)
    above = np.vstack([np.zeros_like(sums[:1]), sums[:-1]])
    return moved, above + weights * moved


def skew(rows: Whole) -> Whole:
    """Delay column i of some rows (M, N) by i clocks: (M + N - 1, N), zeros around."""
    count, size = rows.shape
    late = np.zeros((count + size - 1, size), rows.dtype)
    for column in range(size):
        late[column : column + count, column] = rows[:, column]
    return late


def run(
    activations: Any, weights: Any, *, cycle: Cycle | None = None,
    skew: Skew | None = None,
) -> Run:  # fmt: skip
    """Multiply activations (M, N) with weights (N, N) on an array, clock by clock.

    Both hold whole numbers of int8; sums are int64. cycle, skew: parts of yours in the
    place of those above. ValueError says in which clock and cell one goes wrong first,
    or what is wrong with a matrix.
    """
    for name, part in (("cycle", cycle), ("skew", skew)):
        if part is not None:
            arguments.function(name, part, way="hand in that of the exercise, or None")
    rows, kept = operands.pair(activations, weights)
    inflow = stream(rows, skew)
    states: list[State] = []
    outflow = np.zeros_like(inflow)
    old = State(*(np.zeros_like(kept) for _ in range(3)))
    for clock, line in enumerate(inflow):
        outflow[clock] = old.sums[-1]
        old = _after(old, line, kept, clock, cycle)
        states.append(old)
    return Run(len(rows), kept, inflow, outflow, tuple(states))


def loading(weights: Whole, clock: int) -> Whole:
    """Return the row of weights that enters from above in a clock; zeros later."""
    size = len(weights)
    return weights[size - 1 - clock] if clock < size else np.zeros_like(weights[0])


def stream(rows: Whole, part: Skew | None = None) -> Whole:
    """Return what enters from the left in every clock of a run, (C, N).

    Nothing does while weights load and while the last sums drain. ValueError says what
    is wrong with a `skew` of yours.
    """
    late = skew(rows)
    if part is not None:
        late = slips.checked_skew(part(rows.copy()), late, rows)
    idle = np.zeros((rows.shape[1], rows.shape[1]), np.int64)
    return np.vstack([idle, late, idle])


def _moved(activations: Whole, inflow: Whole) -> Whole:
    return np.hstack([inflow[:, None], activations[:, :-1]])


def _after(
    old: State, inflow: Whole, weights: Whole, clock: int, part: Cycle | None
) -> State:
    """Return the state after a clock; while weights load, they move down instead."""
    if clock < len(weights):
        entering = loading(weights, clock)[None]
        return State(np.vstack([entering, old.weights[:-1]]), old.activations, old.sums)
    right = cycle(weights, old.activations, old.sums, inflow)
    if part is None:
        return State(weights, *right)
    given = (weights.copy(), old.activations.copy(), old.sums.copy(), inflow.copy())
    answer = slips.checked_cycle(part(*given), right, old.sums, weights, clock)
    return State(weights, *answer)
