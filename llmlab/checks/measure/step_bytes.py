"""Exercise 6: the bytes that a decode step moves."""

import random
from dataclasses import replace

import numpy

from llmlab.checks.exercise import Case, Exercise, Value, case
from llmlab.core.attention_sizes import AttentionShape

# A mistake stands in one line or two, as in a table.
# fmt: off


def step_bytes(parameters, shape, cached, batch, value_bytes):
    """Return the bytes."""
    numbers = 2 * shape.layers * shape.kv_heads * shape.head_width
    return (parameters + batch * (cached + 1) * numbers) * value_bytes


def _cache(shape, cached, batch, *, sides=2, layers=None, heads=None):
    token = sides * (layers or shape.layers) * (heads or shape.kv_heads)
    return batch * (cached + 1) * token * shape.head_width


def _cases():
    dice = random.Random(0)
    small = AttentionShape(3, 6, 3, 8)
    text = "check.shape(layers=3, heads=6, kv_heads=3, head_width=8)"
    yield Case(lambda: (10_000, small, 9, 5, 4), sources={"shape": text})
    yield case(9_441_537, AttentionShape(8, 8, 4, 32), 255, 1, 4)
    yield case(134_515_009, AttentionShape(30, 9, 3, 64), 1001, 7, 2)
    yield case(10_007, AttentionShape(5, 6, 3, 16), 501, 9, 2)  # the cache is larger
    for cached in (0, 1, 77, 1000):
        kv_heads = dice.choice([3, 5, 7])
        layers, width = dice.randint(3, 9), dice.randint(5, 64)
        shape = AttentionShape(layers, 3 * kv_heads, kv_heads, width)
        for batch, size in ((1, 1), (7, 2)):
            yield case(dice.randint(9, 9_999_999), shape, cached, batch, size)


EXERCISE = Exercise(
    name="step_bytes",
    right=step_bytes,
    gives=(Value("the bytes of the step"),),
    cases=lambda: [*_cases()],
    covers="of models up to 134 million parameters, to the byte",
    hints=(
        "Two things are read: every weight, and what attention looks back at.",
        "A token leaves a key and a value in each layer; the new one sees itself too.",
        "2 * layers * kv_heads * head_width numbers for each of cached + 1 tokens.",
    ),
    hint="the weights once, and the keys and values of every token of each sequence.",
    tolerance=0.0,
    mistakes={
        "the new token attends to itself too: cached + 1.":
            lambda n, s, cached, b, size: step_bytes(n, s, cached - 1, b, size),
        "a token leaves a key and a value: twice as much cache.":
            lambda n, s, cached, b, size: (n + _cache(s, cached, b, sides=1)) * size,
        "the cache holds kv_heads, which are fewer than heads.":
            lambda n, s, cached, b, size:
                (n + _cache(s, cached, b, heads=s.heads)) * size,
        "a size is an attribute: shape.layers, not shape['layers'].":
            lambda n, shape, *rest: n + shape["layers"],
        "kv_heads is missing: each of them has a key and a value.":
            lambda n, s, cached, b, size: (n + _cache(s, cached, b, heads=1)) * size,
        "head_width is missing: a key has so many numbers.":
            lambda n, s, *rest: step_bytes(n, replace(s, head_width=1), *rest),
        "every layer has its own keys and values.":
            lambda n, s, cached, b, size: (n + _cache(s, cached, b, layers=1)) * size,
        "the weights are read once for the whole batch.":
            lambda n, s, cached, b, size: b * step_bytes(n, s, cached, 1, size),
        "each sequence of the batch has its own cache.":
            lambda n, s, cached, b, size: step_bytes(n, s, cached, 1, size),
        "a number in the cache takes value_bytes too.":
            lambda n, s, cached, b, size: n * size + _cache(s, cached, b),
        "a number in the cache takes value_bytes, not always 2.":
            lambda n, s, cached, b, size: n * size + 2 * _cache(s, cached, b),
        "a parameter takes value_bytes.":
            lambda n, s, cached, b, size: n + _cache(s, cached, b) * size,
        "these are numbers; each takes value_bytes.":
            lambda n, s, cached, b, size: step_bytes(n, s, cached, b, 1),
        "a number takes value_bytes, not always 4.":
            lambda n, s, cached, b, size: step_bytes(n, s, cached, b, 4),
        "float32 keeps 7 digits: count in whole numbers.":
            lambda *a: float(numpy.float32(step_bytes(*a))),
        "both are read, weights and caches: add them up, do not take the larger.":
            lambda n, s, cached, b, size: max(n, _cache(s, cached, b)) * size,
        "the weights are missing.": lambda n, *rest: step_bytes(0, *rest),
        "the cache is missing.": lambda n, *rest: n * rest[-1],
    },
)
