"""One look for each method, group size and number of bits, in all pictures of lab 4.

A part that the learner wrote, "GPTQ, yours", has the look of its method. Looks that may
stand in one notebook differ: a number of bits never looks like a method.
"""

from collections.abc import Sequence

from llmlab.show import style

METHODS = ("rounding", "GPTQ", "AWQ", "training", "SmoothQuant", "activations too")
YOURS = ", yours"  # ends the name of a method that the learner wrote a part of
SIZES = {"tensor": 0, "channel": 2}  # 1 is the look of levels; the rest are groups
GROUPS, FLOATS = 3, 4
OTHER = (4, 5, 6, 3, 2, 1, 0)  # what is no method: those of methods come last


def method(name: str) -> str:
    """Return the method that a name stands for: "GPTQ, yours" is GPTQ."""
    return name.removesuffix(YOURS)


def of_method(name: str, others: Sequence[str] = ()) -> style.SeriesStyle:
    """Return the look of a method; one that is not known is one of `others`."""
    known = [*METHODS, *(each for each in others if each not in METHODS)]
    return style.series(known.index(method(name)))


def of_size(size: str, groups: Sequence[str] = ()) -> style.SeriesStyle:
    """Return the look of what shares a scale; groups: the sizes drawn, if several."""
    if size in SIZES:
        return style.series(SIZES[size])
    sizes = [each for each in groups if each not in SIZES]
    place = sizes.index(size) if size in sizes else 0
    return style.series((GROUPS, 5, 6)[place % 3])


def of_bits(bits: int, choices: Sequence[int]) -> style.SeriesStyle:
    """Return the look of a number of bits among those that are drawn."""
    return other(sorted(choices).index(bits))


def other(index: int) -> style.SeriesStyle:
    """Return the look of what is no method, such as a layer. ValueError as series."""
    return style.series(OTHER[index] if index < len(OTHER) else index)


def by_method(names: Sequence[str]) -> list[str]:
    """Order names: a method in its place, what the learner wrote of it behind it."""
    methods = list(dict.fromkeys(map(method, names)))
    known = [each for each in METHODS if each in methods]
    order = [*known, *(each for each in methods if each not in METHODS)]
    return sorted(
        dict.fromkeys(names),
        key=lambda name: (order.index(method(name)), name.endswith(YOURS)),
    )
