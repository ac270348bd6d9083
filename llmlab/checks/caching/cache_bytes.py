"""Exercise 2: what the keys and values of all tokens take."""

import random
from functools import partial

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

UNITS = 1e3, 2**10, 1e6, 2**20, 1e9, 2**30


def cache_bytes(layers, kv_heads, head_width, tokens, batch, value_bytes):
    """Return the bytes of the cache: keys and values of every layer and token."""
    return 2 * layers * kv_heads * head_width * tokens * batch * value_bytes


def _changed(others=(), value=int):
    """Return the mistake of taking other sizes, or of changing the result."""
    def mistake(layers, kv_heads, head_width, tokens, batch, value_bytes):
        sizes = {"layers": layers, "kv_heads": kv_heads, "head_width": head_width,
                 "tokens": tokens, "batch": batch, "value_bytes": value_bytes}
        return value(cache_bytes(**(sizes | dict(others))))
    return mistake


def _in_units(unit, value):
    return value / unit


def _cases():
    yield case(5, 4, 32, 1024, 1, 4)
    dice = random.Random(0)
    for _ in range(6):
        yield case(dice.randint(3, 96), dice.randint(3, 13), dice.choice([48, 80, 96]),
                   dice.randint(5, 4000), dice.randint(3, 70), dice.choice([1, 2, 4]))
    yield case(30, 3, 64, 700, 6, 2)
    yield case(80, 8, 128, 4096, 5, 1)


EXERCISE = Exercise(
    name="cache_bytes",
    right=cache_bytes,
    gives=(Value("the bytes"),),
    cases=lambda: [*_cases()],
    covers="of several sizes, to gigabytes",
    hints=(
        "For each token every layer keeps a key and a value.",
        "A key is kv_heads * head_width numbers, and a value as many.",
        "return 2 * layers * kv_heads * head_width * tokens * batch * value_bytes.",
    ),
    hint="two (a key and a value) times layers, heads, width, tokens, rows and bytes.",
    tolerance=0.0,
    mistakes={
        "a token leaves a key and a value in each layer: twice as much.":
            _changed(value=lambda value: value // 2),
        "the batch is missing: each of its rows keeps its own keys and values.":
            _changed({"batch": 1}),
        "every layer keeps its own keys and values.": _changed({"layers": 1}),
        "the heads are missing: each keeps head_width numbers.":
            _changed({"kv_heads": 1}),
        "each head keeps head_width numbers a token, not one.":
            _changed({"head_width": 1}),
        "head_width is the width of one head already: nothing is divided by heads.":
            lambda *a: _changed({"kv_heads": 1})(*a) // a[1],
        "this is for one token; all tokens stay.": _changed({"tokens": 1}),
        "keys and values grow with the tokens, not with their square.":
            lambda *a: _changed()(*a) * a[3],
        "these are numbers; times value_bytes they are bytes.":
            _changed({"value_bytes": 1}),
        "value_bytes counts bytes, not bits: nothing is divided by 8.":
            _changed(value=lambda value: value / 8),
        "these are bits; the answer is in bytes.":
            _changed(value=lambda value: value * 8),
        "a number takes value_bytes; here it takes as many whatever these are.":
            (_changed({"value_bytes": 4}), _changed({"value_bytes": 2})),
        "the answer is in bytes, not in larger units.": tuple(
            _changed(value=partial(_in_units, unit)) for unit in UNITS
        ),
        "the 2 stands for a key and a value, once; this is twice as much.":
            _changed(value=lambda value: value * 2),
    },
)
