"""Exercise 4: the bytes that a decode step moves."""

import random
from collections import namedtuple
from collections.abc import Callable

from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Two things are read: every weight, and what attention looks back at.",
    "A token leaves a key and a value in each layer; the new one sees itself too.",
    "2 * layers * kv_heads * head_width numbers for each of cached + 1 tokens.",
)


_Shape = namedtuple("DecoderConfig", "layers heads kv_heads head_width")


def _step(parameters, shape, cached, batch, value_bytes):
    token = 2 * shape.layers * shape.kv_heads * shape.head_width * value_bytes
    return parameters * value_bytes + batch * (cached + 1) * token


EXERCISE = Exercise(
    right=_step,
    gives=("the bytes of the step",),
    hint="the weights once, and the keys and values of every token of each sequence.",
    tolerance=0.0,
    mistakes={
        "the new token attends to itself too: cached + 1.":
            lambda n, shape, cached, b, size: _step(n, shape, cached - 1, b, size),
        "a token leaves a key and a value: twice as much cache.":
            lambda n, s, *rest: _step(n, s._replace(layers=s.layers / 2), *rest),
        "the cache holds kv_heads, which are fewer than heads.":
            lambda n, s, *rest: _step(n, s._replace(kv_heads=s.heads), *rest),
        "every layer has its own keys and values.":
            lambda n, s, *rest: _step(n, s._replace(layers=1), *rest),
        "the weights are read once for the whole batch.":
            lambda n, shape, cached, b, size: b * _step(n, shape, cached, 1, size),
        "each sequence of the batch has its own cache.":
            lambda n, shape, cached, b, size: _step(n, shape, cached, 1, size),
        "a number in the cache takes value_bytes too.":
            lambda n, *rest: n * rest[-1] + _step(0, *rest[:-1], 1),
        "a parameter takes value_bytes.": lambda n, *rest: n + _step(0, *rest),
        "the weights are missing.": lambda n, *rest: _step(0, *rest),
        "the cache is missing.": lambda n, *rest: n * rest[-1],
    },
)


def step_bytes(learner_function: Callable) -> None:
    """Exercise 4. Bytes that a decode step moves, from sizes alone."""
    dice = random.Random(0)
    EXERCISE.run(learner_function, 10_000, _Shape(3, 6, 2, 8), 9, 5, 4)
    for cached in (0, 1, 77, 1000):
        kv_heads = dice.randint(2, 4)
        shape = _Shape(dice.randint(3, 9), 3 * kv_heads, kv_heads, dice.randint(5, 64))
        for batch, size in ((1, 4), (7, 2)):
            count = dice.randint(9, 9999)
            EXERCISE.run(learner_function, count, shape, cached, batch, size)
    print("✓ step_bytes: 9 steps, to the byte")
