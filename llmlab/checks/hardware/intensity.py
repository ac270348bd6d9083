"""Exercise 1: how much arithmetic a linear layer does for a byte that it moves."""

import random
from functools import partial

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

ONCE = "weights are read once, however many tokens share them."
WIDTHS = "weights have a width of their own, and so have activations."


def intensity(tokens, inputs, outputs, weight_bytes, activation_bytes, *, flops=2,
              once=True, rows=1, sides=("in", "out"), layer=True, work=1):
    """Return FLOPs per byte. The knobs each make a typical mistake.

    once: whether all tokens share the weights; rows: how many tokens' activations
    move, 1 for all; sides: which of them move; layer: whether the weights do. work:
    how many tokens the arithmetic is for, 1 for all.
    """
    tokens_moved = tokens if rows == 1 else 1
    each = {"in": inputs, "out": outputs}
    moved = tokens_moved * sum(each[side] for side in sides) * activation_bytes
    if layer:
        moved += inputs * outputs * weight_bytes * (1 if once else tokens)
    return flops * (tokens if work == 1 else 1) * inputs * outputs / moved


def _right(tokens, inputs, outputs, weight_bytes, activation_bytes):
    return intensity(tokens, inputs, outputs, weight_bytes, activation_bytes)


_with = partial(partial, intensity)  # the mistake of some knobs


def _widths(change):
    """Change the widths: change(weight_bytes, activation_bytes) -> both."""
    return lambda t, i, o, w, a: _right(t, i, o, *change(w, a))


def _bytes(t, i, o, w, a):
    return i * o * w + t * (i + o) * a


def _moved(change):
    """Divide the arithmetic by other bytes."""
    return lambda t, i, o, w, a: 2 * t * i * o / change(t, i, o, w, a)


def _cases():
    yield case(1, 1024, 1024, 4, 4)
    yield case(64, 1024, 1024, 4, 4)
    yield case(3, 576, 1536, 1, 4)
    yield case(16, 2048, 512, 2, 4, about=WIDTHS)
    yield case(5, 96, 288, 0.5, 2, about="four bits are half a byte: weight_bytes=0.5.")
    yield case(512, 64, 256, 4, 2)
    yield case(1, 4096, 11008, 0.5, 2)
    dice = random.Random(0)
    for _ in range(6):
        yield case(dice.randint(2, 300), dice.randint(20, 900), dice.randint(20, 900),
                   dice.choice([0.5, 1, 2, 8]), dice.choice([1.5, 3, 4]))


EXERCISE = Exercise(
    name="intensity",
    right=_right,
    gives=(Value("the FLOPs per byte"),),
    cases=lambda: [*_cases()],
    covers="of one token and many, in formats of half a byte to eight",
    hints=(
        "Count two things apart, the arithmetic and the bytes, and divide at the end.",
        "Each weight is multiplied and added once for each token, which is two FLOPs. "
        "It moves once; tokens * inputs numbers come in, tokens * outputs go out.",
        "flops = 2 * tokens * inputs * outputs; moved = inputs * outputs * "
        "weight_bytes + tokens * (inputs + outputs) * activation_bytes; return flops / "
        "moved.",
    ),
    hint="2 FLOPs for each token and weight, over the bytes of the weights and of the "
         "activations that come in and go out.",
    mistakes={
        "a multiply-add is two FLOPs.": _with(flops=1),
        "bytes are missing: activations come in and go out, for each token.":
            _with(sides=()),
        "what goes out moves, too: outputs numbers a token.": _with(sides=("in",)),
        "what comes in moves, too: inputs numbers a token.": _with(sides=("out",)),
        "bytes are missing: the weights move as well, once.": _with(layer=False),
        ONCE: (
            _with(once=False), _with(once=False, sides=()), _with(once=False, rows=0),
        ),
        "each token has activations of its own: tokens * (inputs + outputs).":
            _with(rows=0),
        "each token multiplies all weights: 2 * tokens * inputs * outputs FLOPs.":
            _with(work=0),
        "activations have activation_bytes; here they are as wide as weights.":
            _widths(lambda w, a: (w, w)),
        "weights have weight_bytes; here they are as wide as activations.":
            _widths(lambda w, a: (a, a)),
        "the two widths have changed places.": _widths(lambda w, a: (a, w)),
        "numbers are counted here; each has its bytes.": _widths(lambda w, a: (1, 1)),
        "these are FLOPs per bit: a width is in bytes already.":
            _widths(lambda w, a: (8 * w, 8 * a)),
        "a width is in bytes already, not in bits.":
            _widths(lambda w, a: (w / 8, a / 8)),
        "these are bytes per FLOP: divide the other way.":
            lambda *given: 1 / _right(*given),
        "these are the FLOPs; divide by the bytes that move.":
            lambda t, i, o, w, a: 2 * t * i * o,
        "these are the bytes; the FLOPs belong above them.": _bytes,
        "what comes in and what goes out are added, not multiplied.":
            _moved(lambda t, i, o, w, a: i * o * w + t * i * o * a),
        "outputs numbers go out for a token; these are inputs twice.":
            _moved(lambda t, i, o, w, a: i * o * w + 2 * t * i * a),
        "inputs numbers come in for a token; these are outputs twice.":
            _moved(lambda t, i, o, w, a: i * o * w + 2 * t * o * a),
        "a linear layer has inputs * outputs weights.":
            _moved(lambda t, i, o, w, a: (i + o) * w + t * (i + o) * a),
        "activations move once each; here they do twice.":
            _moved(lambda t, i, o, w, a: i * o * w + 2 * t * (i + o) * a),
        "one of the two goes out for a token, once: tokens * outputs.": (
            _moved(lambda t, i, o, w, a: i * o * w + (t * i + o) * a),
        ),
        "inputs come in for each token: tokens * inputs.":
            _moved(lambda t, i, o, w, a: i * o * w + (i + t * o) * a),
        "all the bytes stand below the line: put them in parentheses.": (
            lambda t, i, o, w, a: 2 * t * i * o / (i * o * w) + t * (i + o) * a,
        ),
        "`//` cuts off what is behind the point: divide by `/`.":
            lambda *given: 2 * given[0] * given[1] * given[2] // _bytes(*given),
        "no rounding is asked for: return the quotient as it is.": tuple(
            partial(lambda digits, *given: round(_right(*given), digits), digits)
            for digits in (0, 1, 2, 3, 4)
        ),
    },
)
