"""Exercise 3: one clock of an array of cells that multiply and pass on."""

from functools import partial

import numpy

from llmlab.checks.exercise import Case, Exercise, Value
from llmlab.checks.hardware import arrays

# A mistake stands in one line or two, as in a table.
# fmt: off

GIVES = Value("the activations"), Value("the sums")
WIDE = "a product of two int8 does not fit into int8: weights.astype(int), or sums " \
       "that are wide before anything is multiplied."
NEW_SUMS = "a sum goes down one row in a clock: add to the old sum above, not to the " \
           "new one."
NEW_ACTIVATIONS = "an activation goes right one column in a clock: take the old " \
                  "ones, not those that you just wrote."
LATE = "a cell multiplies what has just come in: the new activations, not the old ones."
CHIP = "weights, activations and inflow may be int8, as on a chip: widen before you " \
       "multiply, weights.astype(int)."


def right_of(activations, inflow):
    """Return the activations one column further right."""
    new = numpy.empty(activations.shape, dtype=numpy.int64)
    new[:, 0], new[:, 1:] = inflow, activations[:, :-1]
    return new


def below(sums):
    """Return the sums one row further down; nothing comes in at the top."""
    new = numpy.zeros(sums.shape, dtype=numpy.int64)
    new[1:] = sums[:-1]
    return new


def cycle(weights, activations, sums, inflow, *, move=right_of, above=below,
          multiply=None, narrow=None):
    """Return the activations and sums (N, N) after a clock.

    The knobs each make a typical mistake. multiply: what is added to what comes from
    above, of the weights and of the activations, new and old. narrow: the dtype that
    products, and sums, are held in.
    """
    new = move(activations, inflow)
    multiply = multiply or _product
    if narrow is None:
        product = multiply(weights.astype(numpy.int64), new, activations)
        return new, above(sums) + product
    kept = narrow(weights, sums)
    product = multiply(weights.astype(kept[0]), new.astype(kept[0]), activations)
    return new, (above(sums).astype(kept[1]) + product.astype(kept[1]))


def _product(weights, new, old):
    return weights * new


def _right(weights, activations, sums, inflow):
    return cycle(weights, activations, sums, inflow)


def observed(answer, weights, activations, sums, inflow):
    """Return the activations and sums as tensors of whole numbers."""
    return arrays.read_all(answer, GIVES, "cycle")


def _narrow(first, then):
    """Return a cycle in dtypes of their own; None for those of weights and sums."""
    return partial(cycle, narrow=lambda weights, sums: (
        first or weights.dtype, then or sums.dtype))


_with = partial(partial, cycle)  # the mistake of some knobs


def _turned(weights, activations, sums, inflow):
    """Move activations down and sums right."""
    new, after = _right(weights.T, activations.T, sums.T, inflow)
    return new.T, after.T


def _through(weights, activations, sums, inflow):
    """Pass new sums down the whole column."""
    new = right_of(activations, inflow)
    return new, (weights * new).cumsum(0)


def _spread(activations, inflow):
    """Fill whole rows with what comes in."""
    return numpy.repeat(inflow[:, None], len(inflow), 1).astype(numpy.int64)


def _down(activations, inflow):
    return right_of(activations.T, inflow).T


def _left(activations, inflow):
    return right_of(activations[:, ::-1], inflow)[:, ::-1]


def _first_row(activations, inflow):
    """Let the inflow come in at the top, and the others move right."""
    new = right_of(activations, 0)
    new[0] = inflow
    return new


def _added(activations, inflow):
    new = right_of(activations, inflow)
    new[:, 0] += activations[:, 0]
    return new


def _stays(activations, inflow):
    new = activations.astype(numpy.int64)
    new[:, 0] = inflow
    return new


def _all_added(activations, inflow):
    new = activations.astype(numpy.int64)
    new[:, 0] += inflow
    return new


def _over(change):
    """Change what comes back: change(new, after, weights, activations, sums)."""
    def mistake(weights, activations, sums, inflow):
        return change(*_right(weights, activations, sums, inflow), weights,
                      activations, sums)
    return mistake


def _no_first(new, after, weights, activations, sums):
    after[0] = 0
    return new, after


def _example():
    weights, first = numpy.array([[1, 2], [3, 4]]), numpy.array([[5, 0], [0, 0]])
    return weights, first, first.copy(), numpy.array([0, 6])


def _drawn(seed, size, kinds=(numpy.int64, numpy.int64), most=9, about=""):
    """Draw an array in the middle of its work."""
    dice = numpy.random.default_rng(seed)
    factor, kind = kinds

    def draw(*sizes):
        return dice.integers(-most - 1, most, sizes, endpoint=True).astype(factor)

    weights, activations, inflow = draw(size, size), draw(size, size), draw(size)
    far = 90 * most
    sums = dice.integers(-far, far, (size, size)).astype(kind)
    return Case(lambda: (weights.copy(), activations.copy(), sums.copy(),
                         inflow.copy()), about=about)


def _cases():
    chip = numpy.int8, numpy.int32
    yield Case(_example)
    yield Case(lambda: (_example()[0], *[numpy.zeros((2, 2), dtype=int)] * 2,
                        numpy.array([5, 0])))
    for seed, size in enumerate((3, 4, 2, 5)):
        yield _drawn(seed, size)
    yield _drawn(7, 1)
    for seed, size in ((8, 3), (9, 4), (10, 8)):
        yield _drawn(seed, size, chip, 127, about=CHIP)
    yield Case(_lowest, about=CHIP)


def _lowest():
    """Return an int8 array in which all is -128, and sums that int16 does not hold."""
    low = numpy.full((3, 3), -128, dtype=numpy.int8)
    return low, low.copy(), numpy.full((3, 3), 30_000, dtype=numpy.int32), low[0].copy()


EXERCISE = Exercise(
    name="cycle",
    right=_right,
    gives=GIVES,
    cases=lambda: [*_cases()],
    covers="arrays of 1 to 8 cells a side, empty and full, of int8 as well",
    hints=(
        "All cells work at once, so everything new is made of the old state alone.",
        "The new activations are inflow as column 0 and the old columns 0 to N - 2 "
        "behind it. The new sums are the old ones one row further down, zeros on top, "
        "plus weights times the new activations, cell by cell.",
        "new = np.column_stack([inflow, activations[:, :-1]]).astype(int); above = "
        "np.vstack([np.zeros_like(sums[:1]), sums[:-1]]).astype(int); return new, "
        "above + weights * new.",
    ),
    hint="activations go right by one column, with inflow in column 0; each sum is the "
         "old one above it plus its weight times its new activation.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        WIDE: (
            _narrow(None, None), _narrow(numpy.int8, numpy.int8),
            _narrow(None, numpy.int64), _narrow(numpy.int8, numpy.int64),
            lambda weights, *state: _over(lambda new, after, *given: (
                new, after.astype(weights.dtype)))(weights, *state),
        ),
        "int16 holds a product of two int8, but not their sums: use int32 or more.": (
            _narrow(numpy.int16, numpy.int16), _narrow(numpy.int64, numpy.int16),
        ),
        f"{NEW_ACTIVATIONS} So it is with the sums.": lambda w, a, s, i: (
            _spread(a, i), (w.astype(int) * _spread(a, i)).cumsum(0)),
        NEW_ACTIVATIONS: _with(move=_spread),
        NEW_SUMS: _through,
        LATE: _with(multiply=lambda weights, new, old: weights * old),
        "activations go right and sums go down; here they have changed places.":
            _turned,
        "cell (i, j) holds weights[i, j]; here the weights are turned.":
            _with(multiply=lambda weights, new, old: weights.T * new),
        "a cell multiplies one weight by one activation: `*`, not `@`.": (
            _with(multiply=lambda weights, new, old: weights @ new),
            _with(multiply=lambda weights, new, old: new @ weights),
        ),
        "sums go down a row in a clock; here they stay where they are.":
            _with(above=lambda sums: sums.astype(int)),
        "the sums from above are missing: add the old ones, one row further down.":
            _with(above=lambda sums: 0),
        "sums go down: row i takes those of row i - 1. Here they go up.":
            _with(above=lambda sums: below(sums[::-1])[::-1]),
        "sums go down, not right.": _with(above=lambda sums: below(sums.T).T),
        "nothing comes in at the top: the last row does not come back there (np.roll "
        "goes round).": _with(above=lambda sums: numpy.roll(sums, 1, 0).astype(int)),
        "this adds nothing: weights times the new activations is missing.":
            _with(multiply=lambda weights, new, old: 0),
        "activations are not added up; each replaces the one before it.": (
            _with(move=_added), _with(move=_all_added),
        ),
        "activations go right, one column in a clock; here they stay.":
            _with(move=_stays),
        "nothing comes in: inflow is the new column 0.": (
            _with(move=lambda a, i: right_of(a, 0)),
            _with(move=lambda a, i: right_of(a, a[:, 0])),
            _with(move=lambda a, i: numpy.roll(a, 1, 1).astype(int)),
        ),
        "activations go right, not down: inflow is the new column 0.":
            _with(move=_down),
        "inflow comes in at the left, as column 0, not on top.":
            _with(move=_first_row),
        "activations go right: inflow comes in at column 0, not at the last one.":
            _with(move=_left),
        "inflow[i] goes to row i; here its order is turned.":
            _with(move=lambda a, i: right_of(a, i[::-1])),
        "the first row works as well: its sums are weight times activation.":
            _over(_no_first),
        "these are the old activations: the array needs the new ones in the next "
        "clock.": _over(lambda new, after, w, a, s: (a, after)),
        "these are the old sums: the array needs the new ones in the next clock.":
            _over(lambda new, after, w, a, s: (new, s)),
        "nothing has moved: this is the old state.":
            _over(lambda new, after, w, a, s: (a, s)),
        "these are the right values in another order: activations, then sums.":
            lambda *given: _right(*given)[::-1],
        "both come back: return activations, sums.": (
            lambda *given: _right(*given)[0], lambda *given: _right(*given)[1],
        ),
    },
)
