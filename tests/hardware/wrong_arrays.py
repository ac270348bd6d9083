"""Clocks and skews that are wrong, as learners write them."""

import math

import numpy
from hardware import right_arrays as right


def in_one_clock(weights, activations, sums, inflow):
    """Write into copies and read them again: a row in one clock, and a column."""
    size = len(weights)
    new, after = activations.astype(int), sums.astype(int)
    for i in range(size):
        for j in range(size):
            new[i, j] = new[i, j - 1] if j else inflow[i]
            after[i, j] = (after[i - 1, j] if i else 0) + weights[i, j] * new[i, j]
    return new, after


def row_in_one_clock(weights, activations, sums, inflow):
    new = activations.astype(int)
    new[:, 0] = inflow
    for j in range(1, len(weights)):
        new[:, j] = new[:, j - 1]
    return new, numpy.vstack([0 * sums[:1], sums[:-1]]) + weights * new


def column_in_one_clock(weights, activations, sums, inflow):
    new, _ = right.cycle_by_stacking(weights, activations, sums, inflow)
    after = weights * new
    for i in range(1, len(weights)):
        after[i] += after[i - 1]
    return new, after


def in_place(weights, activations, sums, inflow):
    activations[:, 1:] = activations[:, :-1].copy()
    activations[:, 0] = inflow
    sums[1:] = sums[:-1].copy()
    sums[0] = 0
    sums += (weights.astype(int) * activations).astype(sums.dtype)
    return activations, sums


def cycle_of(change):
    """Return the right state, changed: (new, after, weights, activations, sums, in)."""

    def answer(*given):
        return change(*right.cycle_by_stacking(*given), *given)

    return answer


def swapped(weights, activations, sums, inflow):
    new = numpy.vstack([inflow, activations[:-1]]).astype(int)
    return new, numpy.hstack([0 * sums[:, :1], sums[:, :-1]]) + weights * new


def in_int8(weights, activations, sums, inflow):
    moved = numpy.column_stack([inflow, activations[:, :-1]])
    return moved, numpy.vstack([0 * sums[:1], sums[:-1]]) + weights * moved


def sums_of_int8(weights, activations, sums, inflow):
    moved, after = right.cycle_by_stacking(weights, activations, sums, inflow)
    new = numpy.zeros_like(weights)
    new[:] = after
    return moved, new


def in_int16(weights, activations, sums, inflow):
    parts = (one.astype(numpy.int16) for one in (weights, activations, sums, inflow))
    return in_int8(*parts)


CYCLE = {
    "all in one clock": (in_one_clock, "take the old ones"),
    "a row in one clock": (row_in_one_clock, "take the old ones"),
    "a column in one clock": (column_in_one_clock, "not to the new one"),
    "old activations": (
        cycle_of(lambda new, after, w, a, s, i: (new, after - w.astype(int) * new
                                                 + w.astype(int) * a)),
        "just come in",
    ),
    "swapped": (swapped, "changed places"),
    "weights turned": (
        lambda w, a, s, i: right.cycle_by_stacking(w.T, a, s, i),
        "weights are turned",
    ),
    "not passed down": (
        cycle_of(lambda new, after, w, a, s, i: (new, s + w.astype(int) * new)),
        "stay where they are",
    ),
    "nothing from above": (
        cycle_of(lambda new, after, w, a, s, i: (new, w.astype(int) * new)),
        "from above are missing",
    ),
    "inflow added": (
        cycle_of(lambda new, after, w, a, s, i: right.cycle_by_stacking(
            w, a, s, i.astype(int) + a[:, 0])),
        "not added up",
    ),
    "products of int8": (in_int8, "does not fit into int8"),
    "sums of int8": (sums_of_int8, "does not fit into int8"),
    "int16": (in_int16, "but not their sums"),
    "matrix product": (
        cycle_of(lambda new, after, w, a, s, i: (
            new, after - w.astype(int) * new + w.astype(int) @ new)),
        "`*`, not `@`",
    ),
    "round the top": (
        cycle_of(lambda new, after, w, a, s, i: (
            new, numpy.roll(s, 1, 0) + w.astype(int) * new)),
        "comes in at the top",
    ),
    "inflow on top": (
        lambda w, a, s, i: right.cycle_by_stacking(w, a.T, s, i)[::-1],
        "activations",
    ),
    "other order": (
        lambda *given: right.cycle_by_stacking(*given)[::-1],
        "another order",
    ),
    "one of two": (lambda *given: right.cycle_by_stacking(*given)[1], "both come back"),
    "old state": (lambda w, a, s, i: (a, s), "nothing has moved"),
    "to the left": (
        lambda w, a, s, i: (
            numpy.hstack([a[:, 1:], i[:, None]]).astype(int),
            numpy.vstack([0 * s[:1], s[:-1]])
            + w.astype(int) * numpy.hstack([a[:, 1:], i[:, None]]),
        ),
        "activations go right",
    ),
}  # fmt: skip


def skew_reversed(rows):
    return right.skew_by_columns(rows[:, ::-1])[:, ::-1]


def skew_rolled(rows):
    late = rows.copy()
    for i in range(rows.shape[1]):
        late[:, i] = numpy.roll(late[:, i], i)
    return late


def skew_long(rows):
    m, n = rows.shape
    late = numpy.zeros((m + n, n))
    for i in range(n):
        late[i : i + m, i] = rows[:, i]
    return late


def skew_late(rows):
    m, n = rows.shape
    late = numpy.zeros((m + n, n))
    for i in range(n):
        late[i + 1 : i + 1 + m, i] = rows[:, i]
    return late


def skew_by_rows(rows):
    m, n = rows.shape
    late = numpy.zeros((m, m + n - 1))
    for t in range(m):
        late[t, t : t + n] = rows[t]
    return late


def skew_edge(rows):
    n = rows.shape[1]
    return numpy.stack(
        [numpy.pad(rows[:, i], (i, n - 1 - i), mode="edge") for i in range(n)], 1
    )


def skew_in_place(rows):
    for i in range(rows.shape[1]):
        rows[:, i] = numpy.roll(rows[:, i], i)
    return right.skew_by_columns(rows)


SKEW = {
    "reversed": (skew_reversed, "the last one begins"),
    "M + N rows": (skew_long, "one too many"),
    "one late": (skew_late, "one too many"),
    "rolled": (skew_rolled, "np.roll"),
    "transposed": (lambda rows: right.skew_by_columns(rows).T, "is turned"),
    "edge": (skew_edge, "zeros enter"),
    "by rows": (skew_by_rows, "columns wait, not the rows"),
    "cut": (lambda rows: right.skew_by_columns(rows)[: len(rows)], "too early"),
    "appended": (
        lambda rows: numpy.vstack([rows, 0 * rows[:1].repeat(rows.shape[1] - 1, 0)]),
        "all columns begin at once",
    ),
    "as given": (lambda rows: rows, "all columns begin at once"),
    "last row first": (lambda rows: right.skew_by_columns(rows[::-1]), "keep their"),
    "ones": (
        lambda rows: (
            right.skew_by_columns(rows) + (right.skew_by_columns(0 * rows + 1) == 0)
        ),
        "something else does",
    ),
    "flat": (lambda rows: right.skew_by_columns(rows).ravel(), "[t + i, i]"),
    "nan": (
        lambda rows: numpy.where(
            right.skew_by_columns(0 * rows + 1) == 0,
            math.nan,
            right.skew_by_columns(rows),
        ),
        "zeros stand everywhere else",
    ),
}
