"""A product in tiles, and the ways in which it goes wrong."""

from functools import partial

import numpy

# A mistake stands in one line or two, as in a table.
# fmt: off


def tiled_matmul(a, b, tile, memory, *, left=None, right=None, add=None, store="last",
                 free="all", starts=range, place=None, dtype=float, depth=None,
                 size=min):
    """Return the product (m, n), tile by tile.

    The knobs each make a typical mistake. left, right: the parts that are loaded;
    add: what becomes of sums and two tiles. store: the "last" sums, those of "each"
    step, or "none"; free: "all", the "factors", "none", or the factors too "early".
    starts: of tiles, made as range is; place: where a tile goes; depth: how many steps
    are taken, from how many.
    """
    left, right, place = left or _left, right or _right, place or _place
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n), dtype=dtype)
    for i in starts(0, m, tile):
        for j in starts(0, n, tile):
            sums = memory.zeros(size(tile, m - i), size(tile, n - j))
            steps = [*starts(0, k, tile)]
            for p in steps[: None if depth is None else depth(len(steps))]:
                block = memory.load(left(a, i, j, p, tile))
                other = memory.load(right(b, i, j, p, tile))
                if free == "early":
                    memory.free(block, other)
                (add or _add)(sums, block, other)
                if free in ("all", "factors"):
                    memory.free(block, other)
                if store == "each":
                    memory.store(sums, out, *place(i, j))
            if store == "last":
                memory.store(sums, out, *place(i, j))
            if free in ("all", "early"):
                memory.free(sums)
    return out


def right_answer(a, b, tile, memory):
    return tiled_matmul(a, b, tile, memory)


knobs = partial(partial, tiled_matmul)  # the mistake of some knobs


def _left(a, i, j, p, tile):
    return a[i : i + tile, p : p + tile]


def _right(b, i, j, p, tile):
    return b[p : p + tile, j : j + tile]


def _place(i, j):
    return i, j


def _add(sums, left, right):
    sums += left @ right


def whole_only(start, end, step):
    """Leave the last tile out where it is not whole."""
    return range(start, end - end % step, step)


def overwritten(sums, left, right):
    sums[:] = left @ right


def subtracted(sums, left, right):
    sums -= left @ right


def swapped(i, j):
    return j, i


def origin(i, j):
    return 0, 0


def whole_rows(a, i, j, p, tile):
    return a[i : i + tile]


def whole_columns(b, i, j, p, tile):
    return b[:, j : j + tile]


def everything(x, i, j, p, tile):
    return x


def turned(b, i, j, p, tile):
    """Take the tile at the other side of the diagonal, which may have another shape."""
    return b[j : j + tile, p : p + tile]


def singly(a, b, tile, memory):
    """Go number by number."""
    return tiled_matmul(a, b, 1, memory)


def half_tile(a, b, tile, memory):
    return tiled_matmul(a, b, max(1, tile // 2), memory)


def directly(a, b, tile, memory):
    """Multiply in slow memory."""
    return a.astype(float) @ b


def unloaded(a, b, tile, memory, *, which="ab"):
    """Take tiles of a, of b or of both where they lie, in slow memory."""
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    for i in range(0, m, tile):
        for j in range(0, n, tile):
            sums = memory.zeros(min(tile, m - i), min(tile, n - j))
            for p in range(0, k, tile):
                left, right = _left(a, i, j, p, tile), _right(b, i, j, p, tile)
                pairs = ("a", left), ("b", right)
                loaded = [memory.load(one) for key, one in pairs if key not in which]
                sums += left.astype(float) @ right
                memory.free(*loaded)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out


def stored_by_hand(a, b, tile, memory):
    """Write sums into the result past the memory."""
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    for i in range(0, m, tile):
        for j in range(0, n, tile):
            sums = memory.zeros(min(tile, m - i), min(tile, n - j))
            for p in range(0, k, tile):
                left = memory.load(_left(a, i, j, p, tile))
                right = memory.load(_right(b, i, j, p, tile))
                sums += left @ right
                memory.free(left, right)
            out[i : i + tile, j : j + tile] = sums
            memory.free(sums)
    return out


def partial_sums(a, b, tile, memory):
    """Take steps first: sums go out and come back in at each."""
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    for p in range(0, k, tile):
        for i in range(0, m, tile):
            for j in range(0, n, tile):
                sums = memory.load(out[i : i + tile, j : j + tile])
                left = memory.load(_left(a, i, j, p, tile))
                right = memory.load(_right(b, i, j, p, tile))
                sums += left @ right
                memory.store(sums, out, i, j)
                memory.free(sums, left, right)
    return out


def kept_left(a, b, tile, memory, *, loads=True):
    """Keep a tile of a while those of b change; sums go out, and back in or not."""
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    for i in range(0, m, tile):
        for p in range(0, k, tile):
            left = memory.load(_left(a, i, 0, p, tile))
            for j in range(0, n, tile):
                part = out[i : i + tile, j : j + tile]
                sums = memory.load(part) if loads else memory.zeros(*part.shape)
                right = memory.load(_right(b, i, j, p, tile))
                sums += left @ right + (0 if loads else part)
                memory.store(sums, out, i, j)
                memory.free(sums, right)
            memory.free(left)
    return out


def loaded_twice(a, b, tile, memory, *, which="ab"):
    """Load tiles a second time."""
    def left(a, i, j, p, tile):
        if "a" in which:
            memory.free(memory.load(_left(a, i, j, p, tile)))
        return _left(a, i, j, p, tile)

    def right(b, i, j, p, tile):
        if "b" in which:
            memory.free(memory.load(_right(b, i, j, p, tile)))
        return _right(b, i, j, p, tile)

    return tiled_matmul(a, b, tile, memory, left=left, right=right)


def freed_early(a, b, tile, memory):
    """Free tiles before they are multiplied."""
    (m, k), n = a.shape, b.shape[1]
    out = numpy.zeros((m, n))
    for i in range(0, m, tile):
        for j in range(0, n, tile):
            sums = memory.zeros(min(tile, m - i), min(tile, n - j))
            for p in range(0, k, tile):
                left = memory.load(_left(a, i, j, p, tile))
                memory.free(left)
                right = memory.load(_right(b, i, j, p, tile))
                sums += left @ right
                memory.free(right)
            memory.store(sums, out, i, j)
            memory.free(sums)
    return out
