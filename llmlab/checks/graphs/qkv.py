"""Exercise 4: queries, keys and values by one product."""

from functools import partial
from itertools import permutations

import torch
import torch.nn.functional as F

from llmlab.checks import values
from llmlab.checks.exercise import TENSOR, Case, Exercise, Value
from llmlab.checks.graphs import products
from llmlab.checks.graphs.products import Ran
from llmlab.graphs import fusing

# A mistake stands in one line or two, as in a table.
# fmt: off

THREE = tuple(Value(what, tensor=TENSOR) for what in
              ("the queries", "the keys", "the values"))
SINGLE = "join the rows of the three weights first, torch.cat((query, key, value)), " \
         "then multiply once and cut the answer."
UNEQUAL = "with grouped heads there are fewer keys and values than queries: cut at " \
          "the heights of the three weights, .split([len(query), len(key), " \
          "len(value)], -1)."
ORDER = "cut in the order in which you joined, and return q, k, v."
ROWS = "a weight is (outputs, D): join along the rows, dim=0."
LESS = "zeros are multiplied here, too: join the three as high as they are, without " \
       "filling them up."


def observed(answer, x, query, key, value):
    """Return q, k and v, how many products were made, and how large they were."""
    ran = answer if isinstance(answer, Ran) else Ran(answer, 0, 0)
    return *values.unpack(ran.answer, THREE, "qkv"), ran.products, ran.multiplied


def _right(x, query, key, value):
    return fusing.qkv(x, query, key, value)


def _product(x, weights):
    return x @ torch.cat(weights).T


def one(x, query, key, value, *, order=(0, 1, 2), cut=None, given=None):
    """Return q, k and v. The knobs each make a typical mistake.

    order: in which the weights are joined; cut: their product, by the weights; given:
    the order of the answer.
    """
    weights = [(query, key, value)[place] for place in order]
    parts = (cut or _heights)(_product(x, weights), weights)
    return tuple(parts[place] for place in given) if given else parts


def _heights(every, weights):
    return every.split([len(each) for each in weights], -1)


def _thirds(every, weights):
    return every.chunk(3, -1)


def _equal(every, weights):
    """Cut at the height of the first one over and over."""
    first, *rest = every.split(len(weights[0]), -1)
    both = torch.cat(rest, -1)
    return first, *both.chunk(2, -1)


def _misplaced(order, every, weights):
    """Cut at the heights of q, k and v, whatever the order is."""
    heights = [len(weights[order.index(place)]) for place in range(3)]
    return every.split(heights, -1)


_with = partial(partial, one)  # the mistake of some knobs


def _apart(x, query, key, value):
    return x @ query.T, x @ key.T, x @ value.T


def _two(x, query, key, value):
    return x @ query.T, *(x @ torch.cat((key, value)).T).split(
        [len(key), len(value)], -1)


def _filled(x, *weights, stacked=False):
    """Fill all weights up to the highest one."""
    most = max(map(len, weights))
    full = [F.pad(each, (0, 0, 0, most - len(each))) for each in weights]
    if stacked:
        every = torch.bmm(x.expand(3, *x.shape), torch.stack(full).mT)
    else:
        every = (x @ torch.cat(full).T).unflatten(-1, (3, most)).movedim(1, 0)
    return tuple(part[:, : len(each)]
                 for part, each in zip(every, weights, strict=True))


def _diagonal(x, *weights):
    """Make one product of three inputs and three weights along a diagonal."""
    every = torch.cat((x, x, x), -1) @ torch.block_diag(*weights).T
    return every.split([len(each) for each in weights], -1)


def _summed(x, *weights):
    return tuple((x[:, None] * each).sum(-1) for each in weights)


def _repeated(x, query, key, value):
    """Repeat keys and values for every query head."""
    q, k, v = _right(x, query, key, value)
    return q, *(part.repeat(1, len(query) // part.shape[1]) for part in (k, v))


def _by_columns(x, query, key, value):
    """Join the weights side by side."""
    every = x @ torch.cat((query, key, value), 1).T
    return every.split([len(query), len(key), len(value)], -1)


def _by_tokens(x, query, key, value):
    """Cut the tokens and not the outputs."""
    return _product(x, [query, key, value]).split(
        [len(query), len(key), len(value)])


def _drawn(seed, tokens, width, *heights, dtype=torch.float32, about=""):
    """Draw whole numbers, whose products are exact however they are added up."""
    def build():
        dice = torch.Generator().manual_seed(seed)
        sizes = (tokens, width), *((height, width) for height in heights)
        return tuple(torch.randint(-4, 5, size, generator=dice).to(dtype)
                     for size in sizes)

    return Case(build, about=about, through=products.counted)


def _opening():
    def build():
        return (torch.tensor([[1.0, 2.0], [3.0, 4.0]]),
                torch.tensor([[1.0, 0.0], [0.0, 1.0]]),
                torch.tensor([[1.0, 1.0]]), torch.tensor([[2.0, -1.0]]))

    lines = (
        "x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])",
        "query = torch.tensor([[1.0, 0.0], [0.0, 1.0]])",
        "key, value = torch.tensor([[1.0, 1.0]]), torch.tensor([[2.0, -1.0]])",
    )
    names = {name: name for name in ("x", "query", "key", "value")}
    return Case(build, setup="\n".join(lines), sources=names, through=products.counted)


def _cases():
    yield _opening()
    yield _drawn(1, 2, 4, 8, 4, 4, about=UNEQUAL)
    yield _drawn(2, 5, 6, 6, 6, 6)  # as in GPT-2: all as high, and as wide
    yield _drawn(3, 4, 16, 12, 3, 3, about=UNEQUAL)
    yield _drawn(4, 1, 8, 8, 2, 2, about=UNEQUAL)
    yield _drawn(5, 3, 5, 4, 2, 6)
    yield _drawn(6, 7, 12, 12, 12, 12)
    yield _drawn(7, 6, 3, 2, 5, 1, dtype=torch.float64)


EXERCISE = Exercise(
    name="qkv",
    right=_right,
    gives=(
        *THREE,
        Value("the products", promise="qkv multiplies once"),
        Value("what is multiplied",
              promise="qkv multiplies no more numbers than the three weights hold"),
    ),
    cases=lambda: [*_cases()],
    covers="heads that share keys and heads that do not, by one product each",
    hints=(
        "Three products read the same x. What would a single weight look like whose "
        "product with x holds all three answers side by side?",
        "torch.cat joins the rows of the weights, which are the outputs. The product "
        "has that many columns, and split takes a list of widths.",
        "rows = torch.cat((query, key, value)); return (x @ rows.T).split([len(query), "
        "len(key), len(value)], -1).",
    ),
    hint="x @ torch.cat((query, key, value)).T, cut into as many columns as each "
         "weight has rows.",
    observe=observed,
    mistakes={
        "these are three products; " + SINGLE: _apart,
        "these are two products; " + SINGLE: _two,
        UNEQUAL: (
            _with(cut=_thirds), _with(cut=_equal),
            _with(cut=lambda every, weights: every.tensor_split(3, -1)),
            lambda x, q, k, v: _product(x, [q, k, v]).split(len(q), -1),
            lambda x, q, k, v: _product(x, [q, k, v]).split(len(k), -1),
            lambda x, q, k, v: _product(x, [q, k, v]).unflatten(-1, (3, -1)).unbind(1),
        ),
        ORDER: tuple(
            way for order in [*permutations(range(3))][1:] for way in (
                _with(given=order), _with(order=order),
                _with(order=order, cut=partial(_misplaced, order)))
        ),
        ROWS: _by_columns,
        "the product has outputs as columns: split along the last dimension, -1.":
            _by_tokens,
        "a weight is (outputs, D): multiply by its transpose, x @ rows.T.": (
            lambda x, *weights: _heights(x @ torch.cat(weights), weights),
            lambda x, *weights: _heights(x @ torch.cat(weights, 1), weights),
        ),
        "a row of the answer is a token, (tokens, outputs): x @ rows.T.": (
            lambda x, *weights: tuple(part.T for part in _right(x, *weights)),
            lambda x, *weights: (torch.cat(weights) @ x.T).split(
                [len(each) for each in weights]),
        ),
        LESS: (_filled, partial(_filled, stacked=True), _diagonal),
        "this multiplies and adds up number by number; `@` does it in one product.": (
            _summed,
            lambda x, *weights: _heights(
                (x[:, None] * torch.cat(weights)).sum(-1), weights),
        ),
        "keys and values are returned as few as they are; attention shares them "
        "later.": _repeated,
        "the product is not cut: three parts, as many columns as each weight has "
        "rows.": lambda x, *weights: _product(x, weights),
    },
)
