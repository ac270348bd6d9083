"""Exercise 2: which of the teacher's layers a shallower student begins with."""

import numbers

import numpy
import torch

from llmlab.checks import shown, values
from llmlab.checks.exercise import Exercise, MisfitError, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

ALONE = "a student of one layer takes the last one, L - 1: what is next to the answer."
WHOLE = "an index is a whole number, so that it can pick a layer: int(...)."


def rounded(count, parts):
    """Return count / parts rounded, halves up."""
    return (2 * count + parts) // (2 * parts)


def evenly(total, count, *, by=rounded, alone=lambda total: [total - 1]):
    """Return `count` of `total` layers, evenly spread, the last one among them.

    The knobs each make a typical mistake. alone: what a student of one layer takes.
    """
    if count == 1 and alone:
        return alone(total)
    return [by(place * (total - 1), count - 1) for place in range(count)]


def student_layers(teacher_layers, student_layers):
    """Return i (L - 1) / (n - 1), rounded with halves up, for the n layers i."""
    return evenly(teacher_layers, student_layers)


def observed(answer, teacher_layers, student_layers):
    """Return the indices as a list; MisfitError where one could not pick a layer."""
    given = Value("the indices")
    pulled = values.read(answer, [0.0] * student_layers, given)
    if not all(isinstance(one, numbers.Integral) for one in pulled):
        raise MisfitError("student_layers gives whole numbers", expected="indices",
                          got=shown.value(pulled), hint=WHOLE)
    return pulled


def _ways(by):
    """Return a formula with the ways in which one layer alone is answered."""
    return tuple(
        lambda total, count, alone=alone: evenly(total, count, by=by, alone=alone)
        for alone in (
            lambda total: [total - 1], lambda total: [0], None,
            lambda total: [int(0 * (total - 1) / 0)],
            lambda total: [0 * ((total - 1) / 0)], lambda total: [0.0 / 0],
        ))


def _all(*formulas):
    """Return answers (L, n) and such that take the last of L for n = 1."""
    return tuple(
        answer for one in formulas for answer in (
            one, lambda total, count, one=one:
                [total - 1] if count == 1 else one(total, count)))


def _cut(total, count):
    step = total / count
    return [int((place + 0.5) * step) for place in range(count)]


def _behind(total, count):
    """Every L // n-th, the last one of each part."""
    return [(place + 1) * (total // count) - 1 for place in range(count)]


def _by(scale, *, way=rounded):
    """Multiply i by a step of another size."""
    return lambda total, count: [
        way(place * top, under)
        for top, under in [scale(total, count)] for place in range(count)]


def _cases():
    for pair in ((12, 6), (5, 2), (5, 3), (6, 3), (7, 5), (24, 7), (30, 4), (10, 7),
                 (4, 4), (9, 8), (2, 2), (32, 8)):
        yield case(*pair)
    yield case(5, 1, about=ALONE)
    yield case(1, 1, about=ALONE)


EXERCISE = Exercise(
    name="student_layers",
    right=student_layers,
    gives=(Value("the indices"),),
    cases=lambda: [*_cases()],
    covers="from one layer to all of them",
    hints=(
        "The first layer is next to the tokens, the last one next to the answer: both "
        "are taken, and those between lie evenly spread.",
        "For i from 0 to n - 1 take i * (L - 1) / (n - 1), rounded with halves up; "
        "round() rounds 2.5 to 2, int(x + 0.5) to 3. n = 1 takes the last layer.",
        "[int(i * (L - 1) / (n - 1) + 0.5) for i in range(n)], or [L - 1] if n == 1.",
    ),
    hint="i * (L - 1) / (n - 1), rounded with halves up, for i in range(n).",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "round() takes halves to the even neighbour, 2.5 to 2; take them up: "
        "int(x + 0.5).": _ways(lambda a, b: round(a / b)),
        "this rounds down; take the nearest layer, int(x + 0.5).":
            _ways(lambda a, b: a // b),
        "this rounds up; take the nearest layer, int(x + 0.5).":
            _ways(lambda a, b: -(-a // b)),
        ALONE: (
            lambda L, n: evenly(L, n, alone=lambda L: [0]),
            lambda L, n: evenly(L, n, alone=lambda L: [L]),
            lambda L, n: evenly(L, n, alone=lambda L: [L // 2]),
            lambda L, n: evenly(L, n, alone=lambda L: [(L - 1) // 2]),
            lambda L, n: evenly(L, n, alone=lambda L: []),
            lambda L, n: evenly(L, n, alone=lambda L: [0, L - 1]),
            lambda L, n: evenly(L, n, alone=None),
            lambda L, n: evenly(L, n, alone=lambda L: [int(0 * (L - 1) / 0)]),
            lambda L, n: evenly(L, n, alone=lambda L: [0.0 / 0]),
            lambda L, n: evenly(L, n, alone=lambda L: [0 % 0]),
        ),
        "these are the first n layers; spread them over all of the teacher's.":
            _all(lambda L, n: [*range(n)]),
        "these are the last n layers; spread them over all of the teacher's.":
            lambda L, n: [*range(L - n, L)],
        "this takes every L // n-th layer, so that the last one is missing.": _all(
            lambda L, n: [i * (L // n) for i in range(n)],
            lambda L, n: [*range(0, L, L // n)][:n],
            lambda L, n: [*range(0, L, round(L / n))][:n]),
        "every L // n-th layer may be more than n; there are n indices.": _all(
            lambda L, n: [*range(0, L, L // n)],
            lambda L, n: [*range(0, L, round(L / n))]),
        "all but the last are in the first part of the teacher here: spread them "
        "evenly.": _all(
            lambda L, n: [i * (L // n) for i in range(n - 1)] + [L - 1]),
        "this takes the last of every L // n layers, so that the first is missing.": (
            _behind, lambda L, n: [*range(L - 1, -1, -(L // n))][:n][::-1],
            lambda L, n: [rounded((i + 1) * L, n) - 1 for i in range(n)],
            lambda L, n: [(i + 1) * L // n - 1 for i in range(n)]),
        "this is the middle of every part; the first and the last layer are taken.":
            _all(_cut),
        "the step is (L - 1) / (n - 1), so that the last one is L - 1; L / n ends too "
        "early.": _all(
            _by(lambda L, n: (L, n)), _by(lambda L, n: (L, n), way=lambda a, b: a // b),
            _by(lambda L, n: (L, n), way=lambda a, b: round(a / b))),
        "n layers have n - 1 steps between them: divide by n - 1.": _all(
            _by(lambda L, n: (L - 1, n)),
            _by(lambda L, n: (L - 1, n), way=lambda a, b: a // b),
            _by(lambda L, n: (L - 1, n), way=lambda a, b: round(a / b))),
        "the last layer has the index L - 1: multiply by L - 1.": (
            lambda L, n: [L] if n == 1 else [rounded(i * L, n - 1) for i in range(n)],
            lambda L, n: [L - 1] if n == 1 else
                [rounded(i * L, n - 1) for i in range(n)],
            lambda L, n: [rounded(i * L, n - 1) for i in range(n)],
            lambda L, n: [i * L // (n - 1) for i in range(n)]),
        "this is a whole step, (L - 1) // (n - 1), so that the last layer is missing: "
        "divide after you multiplied.": _all(
            lambda L, n: [i * ((L - 1) // max(1, n - 1)) for i in range(n)],
            lambda L, n: [i * ((L - 1) // (n - 1)) for i in range(n)],
            lambda L, n: [i * rounded(L - 1, max(1, n - 1)) for i in range(n)]),
        "layers count from 0 here, as a list does: the last one is L - 1.": (
            lambda L, n: [one + 1 for one in evenly(L, n)],
        ),
        "the first layer comes first: from 0 up to L - 1.":
            lambda L, n: evenly(L, n)[::-1],
        "these are the layers that the student does without.":
            lambda L, n: [one for one in range(L) if one not in evenly(L, n)],
        "this says of every layer whether it is taken; return the indices.": (
            lambda L, n: [int(one in evenly(L, n)) for one in range(L)],
            lambda L, n: [one in evenly(L, n) for one in range(L)]),
        WHOLE: (
            lambda L, n: [float(one) for one in evenly(L, n)],
            lambda L, n: numpy.floor(numpy.linspace(0, L - 1, n) + 0.5),
            lambda L, n: torch.linspace(0, L - 1, n).add(0.5).floor()),
        "these are not rounded; an index is a whole number.": (
            lambda L, n: [L - 1] if n == 1 else
                [i * (L - 1) / (n - 1) for i in range(n)],
            lambda L, n: numpy.linspace(0, L - 1, n),
            lambda L, n: [i * (L - 1) / (n - 1) for i in range(n)]),
    },
)
