"""Right tiles, clocks and skews, truly different ones."""

import itertools
import math

import numpy
import torch


def tiled_in_loops(a, b, tile, memory):
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    for i in range(0, m, tile):
        for j in range(0, n, tile):
            sums = memory.zeros(min(tile, m - i), min(tile, n - j))
            for p in range(0, k, tile):
                left = memory.load(a[i : i + tile, p : p + tile])
                right = memory.load(b[p : p + tile, j : j + tile])
                sums += left @ right
                memory.free(left, right)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


def tiled_by_columns(a, b, tile, memory):
    """Go down the columns of the result, and along k from its end."""
    out = numpy.empty((a.shape[0], b.shape[1]), dtype=numpy.float32)
    places = itertools.product(
        range(0, out.shape[1], tile), range(0, out.shape[0], tile)
    )
    for j, i in places:
        rows, columns = slice(i, i + tile), slice(j, j + tile)
        sums = memory.zeros(*out[rows, columns].shape)
        for p in reversed(range(0, len(b), tile)):
            right = memory.load(b[p : p + tile, columns])
            left = memory.load(a[rows, p : p + tile])
            sums[:] = sums + numpy.einsum("ik,kj->ij", left, right)
            memory.free(right)
            memory.free(left)
        memory.store(sums, out, i, j)
        memory.free(sums)
    return out


def tiled_by_counting(a, b, tile, memory):
    """Count tiles, and make the sums when the first factors are there."""
    m, k, n = len(a), len(b), len(b[0])
    out = numpy.zeros((m, n), dtype=numpy.int64 if a.dtype.kind == "i" else float)
    for row in range(math.ceil(m / tile)):
        for column in range(-(-n // tile)):
            sums = None
            for step in range((k - 1) // tile + 1):
                left = memory.load(
                    a[row * tile : (row + 1) * tile, step * tile : (step + 1) * tile]
                )
                right = memory.load(
                    b[step * tile : (step + 1) * tile][
                        :, column * tile : column * tile + tile
                    ]
                )
                if sums is None:
                    sums = memory.zeros(left.shape[0], right.shape[1])
                numpy.add(sums, numpy.dot(left, right), out=sums)
                memory.free(left, right)
            memory.store(sums, out, row * tile, column * tile)
            memory.free(sums)
    return out


def tiled_by_torch(a, b, tile, memory):
    out = numpy.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], tile):
        for j in range(0, b.shape[1], tile):
            sums = memory.zeros(*out[i : i + tile, j : j + tile].shape)
            for p in range(0, a.shape[1], tile):
                left = memory.load(torch.from_numpy(a)[i : i + tile, p : p + tile])
                right = memory.load(torch.from_numpy(b)[p : p + tile, j : j + tile])
                product = (
                    torch.from_numpy(left).double() @ torch.from_numpy(right).double()
                )
                torch.from_numpy(sums).add_(product)
                memory.free(left, right)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return torch.from_numpy(out)


def tiled_by_numbers(a, b, tile, memory):
    """Multiply the numbers of two tiles one by one; free what was held in a list."""
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    i = 0
    while i < m:
        j = 0
        while j < n:
            sums = memory.zeros(min(i + tile, m) - i, min(j + tile, n) - j)
            for p in range(0, k, tile):
                held = [memory.load(a[i : i + tile, p : p + tile])]
                held.append(memory.load(b[p : p + tile, j : j + tile]))
                for row, column in numpy.ndindex(sums.shape):
                    for q in range(len(held[1])):
                        sums[row, column] += held[0][row, q] * held[1][q, column]
                memory.free(*held)
            memory.store(sums, out, i, j)
            memory.free(sums)
            j += tile
        i += tile
    return out.tolist()


def cycle_by_stacking(weights, activations, sums, inflow):
    moved = numpy.column_stack([inflow, activations[:, :-1]]).astype(int)
    above = numpy.vstack([numpy.zeros_like(sums[:1]), sums[:-1]])
    return moved, above + weights * moved


def cycle_by_loops(weights, activations, sums, inflow):
    size = len(weights)
    moved, after = numpy.zeros((2, size, size))
    for i in range(size):
        for j in range(size):
            moved[i, j] = inflow[i] if j == 0 else activations[i, j - 1]
            above = sums[i - 1, j] if i else 0
            after[i, j] = above + weights[i, j] * moved[i, j]
    return moved, after


def cycle_by_lists(weights, activations, sums, inflow):
    kept, old, down = weights.tolist(), activations.tolist(), sums.tolist()
    moved = [[new, *row[:-1]] for new, row in zip(inflow.tolist(), old, strict=True)]
    above = [[0] * len(kept), *down[:-1]]
    after = [
        [s + w * x for s, w, x in zip(*rows, strict=True)]
        for rows in zip(above, kept, moved, strict=True)
    ]
    return moved, after


def cycle_by_rolling(weights, activations, sums, inflow):
    moved = numpy.roll(activations, 1, axis=1)
    moved[:, 0] = inflow
    above = numpy.roll(sums, 1, axis=0)
    above[0] = 0
    return [moved, above + numpy.multiply(weights, moved, dtype=numpy.int32)]


def cycle_by_torch(weights, activations, sums, inflow):
    w, a, s, x = (
        torch.as_tensor(one).int() for one in (weights, activations, sums, inflow)
    )
    moved = torch.cat([x[:, None], a[:, :-1]], dim=1)
    return moved, torch.nn.functional.pad(s, (0, 0, 1, 0))[:-1].addcmul(w, moved)


def cycle_by_matrices(weights, activations, sums, inflow):
    """Let matrices with ones beside the diagonal move what moves."""
    size = len(weights)
    right, first = numpy.eye(size, k=1), numpy.eye(size)[0]
    moved = activations @ right + numpy.outer(inflow, first)
    return moved, right.T @ sums + weights * moved


def skew_by_columns(rows):
    m, n = rows.shape
    late = numpy.zeros((m + n - 1, n), dtype=rows.dtype)
    for column in range(n):
        late[column : column + m, column] = rows[:, column]
    return late


def skew_by_places(rows):
    m, n = rows.shape
    t, i = numpy.indices((m, n))
    late = numpy.zeros((m + n - 1, n))
    late[t + i, i] = rows
    return late


def skew_by_lists(rows):
    m, n = rows.shape
    return [
        [int(rows[clock - i, i]) if 0 <= clock - i < m else 0 for i in range(n)]
        for clock in range(m + n - 1)
    ]


def skew_by_padding(rows):
    n = rows.shape[1]
    columns = [numpy.pad(rows[:, i], (i, n - 1 - i)) for i in range(n)]
    return numpy.stack(columns, axis=-1)


def skew_by_torch(rows):
    m, n = rows.shape
    late = torch.zeros(n, m + n, dtype=torch.int32)
    late[:, :m] = torch.from_numpy(rows).T
    return late.flatten()[: n * (m + n - 1)].view(n, m + n - 1).T


def skew_by_rolling(rows):
    n = rows.shape[1]
    late = numpy.concatenate([rows, numpy.zeros((n - 1, n), dtype=int)])
    return numpy.array([numpy.roll(late[:, i], i) for i in range(n)]).T
