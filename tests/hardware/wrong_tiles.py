"""Products in tiles that are wrong, as learners write them."""

import math

import numpy
from hardware import right_arrays as right


def product(*, order="ijp", put="last", frees="lrs", load=True, by=None, made=float,
            edge=True, adds=True):  # fmt: skip
    """Return a product in tiles with a mistake in it."""

    def answer(a, b, tile, memory):
        (m, k), n = a.shape, b.shape[1]
        out = numpy.zeros((m, n), dtype=made if made is not None else a.dtype)
        count = math.floor if not edge else math.ceil
        for row in range(count(m / tile)):
            for column in range(count(n / tile)):
                i, j = row * tile, column * tile
                rows, columns = slice(i, i + tile), slice(j, j + tile)
                sums = memory.zeros(*out[rows, columns].shape)
                for step in range(count(k / tile)):
                    steps = slice(step * tile, step * tile + tile)
                    left, other = a[rows, steps], b[steps, columns]
                    if load:
                        left, other = memory.load(left), memory.load(other)
                    if by is not None:
                        by(a, b, rows, steps, columns, memory)
                    new = left.astype(float) @ other
                    sums[:] = sums + new if adds else new
                    if load and "l" in frees:
                        memory.free(left)
                    if load and "r" in frees:
                        memory.free(other)
                    if put == "each":
                        memory.store(sums, out, i, j)
                if put == "last":
                    memory.store(sums, out, i, j)
                if put == "by hand":
                    out[rows, columns] = sums
                if "s" in frees:
                    memory.free(sums)
        return out

    return answer


def loads_rows(a, b, tile, memory):
    """Load the rows of a once for all tiles beside them."""
    out = numpy.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], tile):
        rows = memory.load(a[i : i + tile])
        for j in range(0, b.shape[1], tile):
            sums = memory.zeros(len(rows), min(tile, b.shape[1] - j))
            for p in range(0, a.shape[1], tile):
                other = memory.load(b[p : p + tile, j : j + tile])
                sums += rows[:, p : p + tile] @ other
                memory.free(other)
            memory.store(sums, out, i, j)
            memory.free(sums)
        memory.free(rows)
    return out


def new_sums(a, b, tile, memory):
    """Make new sums at each step, which are not held."""
    out = numpy.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], tile):
        for j in range(0, b.shape[1], tile):
            sums = memory.zeros(min(tile, len(a) - i), min(tile, b.shape[1] - j))
            for p in range(0, a.shape[1], tile):
                left = memory.load(a[i : i + tile, p : p + tile])
                other = memory.load(b[p : p + tile, j : j + tile])
                sums = sums + left @ other
                memory.free(left, other)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


def frees_early(a, b, tile, memory):
    out = numpy.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], tile):
        for j in range(0, b.shape[1], tile):
            sums = memory.zeros(min(tile, len(a) - i), min(tile, b.shape[1] - j))
            for p in range(0, a.shape[1], tile):
                blocks = []
                for part in (
                    a[i : i + tile, p : p + tile],
                    b[p : p + tile, j : j + tile],
                ):
                    blocks.append(memory.load(part))
                    memory.free(blocks[-1])
                sums += blocks[0] @ blocks[1]
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


def steps_first(a, b, tile, memory):
    """Take the sums of each step out and in again."""
    out = numpy.zeros((a.shape[0], b.shape[1]))
    for p in range(0, a.shape[1], tile):
        for i in range(0, a.shape[0], tile):
            for j in range(0, b.shape[1], tile):
                sums = memory.load(out[i : i + tile, j : j + tile])
                left = memory.load(a[i : i + tile, p : p + tile])
                other = memory.load(b[p : p + tile, j : j + tile])
                sums += left @ other
                memory.store(sums, out, i, j)
                memory.free(left, other, sums)
    return out


def twice(a, b, tile, memory):
    """Load a tile to look at its shape, and once more to multiply it."""
    out = numpy.zeros((a.shape[0], b.shape[1]))
    for i in range(0, a.shape[0], tile):
        for j in range(0, b.shape[1], tile):
            shape = min(tile, len(a) - i), min(tile, b.shape[1] - j)
            sums = memory.zeros(*shape)
            for p in range(0, a.shape[1], tile):
                look = memory.load(a[i : i + tile, p : p + tile])
                memory.free(look)
                left = memory.load(a[i : i + tile, p : p + tile])
                other = memory.load(b[p : p + tile, j : j + tile])
                sums += left @ other
                memory.free(left, other)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


def frees_both_early(a, b, tile, memory):
    """Load both tiles, let both go, and multiply what lay there."""
    out = numpy.zeros((len(a), b.shape[1]))
    for i in range(0, len(a), tile):
        for j in range(0, b.shape[1], tile):
            sums = memory.zeros(*out[i : i + tile, j : j + tile].shape)
            for p in range(0, len(b), tile):
                pair = [memory.load(a[i : i + tile, p : p + tile])]
                pair.append(memory.load(b[p : p + tile, j : j + tile]))
                memory.free(*pair)
                sums += pair[0] @ pair[1]
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


TILED = {
    "directly": (lambda a, b, tile, memory: a.astype(float) @ b, "slow memory does"),
    "nothing loaded": (product(load=False), "slow memory does not multiply"),
    "stored at each step": (product(put="each"), "behind the loop over k"),
    "steps first": (steps_first, "behind the loop over k"),
    "nothing freed": (product(frees=""), "free the two tiles"),
    "sums not freed": (product(frees="lr"), "free the two tiles"),
    "b not freed": (product(frees="ls"), "free blocks first"),
    "never stored": (product(put="never"), "are never stored"),
    "stored by hand": (product(put="by hand"), "memory.store"),
    "ragged edges lost": (product(edge=False), "where it is not whole"),
    "int8": (product(made=None), "may be int8"),
    "whole numbers": (product(made=int), "no whole number"),
    "last step": (product(adds=False), "the last step alone"),
    "rows": (loads_rows, "does not fit"),
    "new sums": (new_sums, "changed in place"),
    "freed early": (frees_early, "behind the product"),
    "both freed early": (frees_both_early, "behind the product"),
    "loaded twice": (twice, "loaded once"),
    "number by number": (
        lambda a, b, tile, memory: right.tiled_in_loops(a, b, 1, memory),
        "number by number",
    ),
    "turned": (lambda *given: right.tiled_in_loops(*given).T, "product turned"),
    "the sums": (lambda a, b, tile, memory: memory.zeros(1, 1), "the product"),
    "nothing": (lambda *given: [right.tiled_in_loops(*given), None][1], "return"),
}
