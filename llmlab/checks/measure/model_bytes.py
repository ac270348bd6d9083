"""Exercise 6: the bytes of a GPT's weights."""

import random
from collections.abc import Callable

from llmlab.checks.compare import Exercise

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Count the numbers in one layer, then in all, then add the two tables.",
    "Attention has four matrices of width², the feed-forward part two of 4 width².",
    "layers * 12 * width**2 + (vocabulary + context) * width; bits / 8 bytes each.",
)


def _gpt(layers, width, vocabulary, context, bits, *, square=12, copies=1):
    tables = copies * (vocabulary + context) * width
    return (layers * square * width**2 + tables) * bits / 8


EXERCISE = Exercise(
    right=_gpt,
    gives=("the bytes of the model",),
    hint="12 × width² numbers in a layer, and two tables for the whole model.",
    tolerance=0.0,
    mistakes={
        "these are parameters; each takes bits / 8 bytes.": lambda *a: _gpt(*a[:4], 8),
        "these are bits; 8 of them make a byte.": lambda *a: 8 * _gpt(*a),
        "the feed-forward part is four times as wide as the model.":
            lambda *a: _gpt(*a, square=6),
        "the feed-forward part has two matrices, there and back.":
            lambda *a: _gpt(*a, square=8),
        "attention has four matrices: query, key, value and output.":
            lambda *a: _gpt(*a, square=11),
        "the two tables are missing.": lambda *a: _gpt(*a, copies=0),
        "the table of positions is missing.": lambda *a: _gpt(*a[:3], 0, a[4]),
        "the table of words is missing.": lambda *a: _gpt(*a[:2], 0, *a[3:]),
        "the tables stand once in the model, not in every layer.":
            lambda *a: _gpt(*a, copies=a[0]),
        "there are `layers` layers, not one.": lambda *a: _gpt(1, *a[1:]),
    },
)


def model_bytes(learner_function: Callable) -> None:
    """Exercise 6. Bytes of a GPT's weights, from its configuration alone."""
    dice = random.Random(0)
    EXERCISE.run(learner_function, 12, 768, 50_257, 1024, 32)  # GPT-2, as in the text
    for bits in (4, 8, 16, 32, 64):
        layers, width = dice.randint(2, 99), 64 * dice.randint(2, 200)
        vocabulary, context = dice.randint(1000, 99_999), dice.randint(100, 9000)
        EXERCISE.run(learner_function, layers, width, vocabulary, context, bits)
    print("✓ model_bytes: 6 configurations, to the byte")
