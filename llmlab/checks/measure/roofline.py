"""Exercise 7: the bound of a step on the roofline."""

import random

from llmlab.checks.exercise import Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off


def roofline(flops, moved, peak, bandwidth):
    """Return the longer time and its name."""
    return max((flops / peak, "compute"), (moved / bandwidth, "bandwidth"))


def _named(seconds, *work):
    return seconds, roofline(*work)[1]


OTHER = {"compute": "bandwidth", "bandwidth": "compute"}


def _cases():
    dice = random.Random(0)
    yield case(8e9, 4e9, 2e11, 4e10)
    yield case(0.0, 3e9, 2e11, 4e10)  # a copy: nothing is computed
    for lean in (1e-3, 0.2, 0.9, 1.1, 5.0, 1e3):  # below 1 the arithmetic is short
        peak, bandwidth = dice.uniform(1e10, 1e13), dice.uniform(1e9, 4e11)
        moved = dice.uniform(1e6, 1e12)
        yield case(lean * moved * peak / bandwidth, moved, peak, bandwidth)


EXERCISE = Exercise(
    name="roofline",
    right=roofline,
    gives=(Value("the least time of the step"), Value("the name of its bound")),
    cases=lambda: [*_cases()],
    covers="the time and the name of what bounds it",
    hints=(
        "How long would the arithmetic take alone, and how long the reading alone?",
        "flops / peak and moved / bandwidth, both in seconds. They overlap.",
        'Return the longer of the two, with its name: "compute" or "bandwidth".',
    ),
    hint='the longer of flops / peak ("compute") and moved / bandwidth ("bandwidth").',
    mistakes={
        "the two overlap: take the longer one, not the sum.":
            lambda f, m, peak, width: _named(f / peak + m / width, f, m, peak, width),
        "the step is not done before both are: take the longer one, with its name.":
            lambda f, m, peak, width:
                min((f / peak, "compute"), (m / width, "bandwidth")),
        "the step is not done before both are: take the longer one.":
            lambda f, m, peak, width:
                _named(min(f / peak, m / width), f, m, peak, width),
        "`//` cuts a time down to whole seconds: divide with `/`.":
            lambda f, m, peak, width:
                _named(max(f // peak, m // width), f, m, peak, width),
        "`//` cuts a time down to whole seconds before the two are compared.":
            lambda f, m, peak, width:
                max((f // peak, "compute"), (m // width, "bandwidth")),
        "upside down: work divided by speed gives seconds.":
            lambda f, m, peak, width:
                max((peak / f, "compute"), (width / m, "bandwidth")),
        "crossed: FLOPs belong to the peak, bytes to the bandwidth.":
            lambda f, m, peak, width:
                max((f / width, "compute"), (m / peak, "bandwidth")),
        "the name belongs to the longer time.":
            lambda *work: (roofline(*work)[0], OTHER[roofline(*work)[1]]),
        "a step may be bound by its arithmetic as well: compare the two.":
            lambda f, m, peak, width: (m / width, "bandwidth"),
        "a step may be bound by the memory as well: compare the two.":
            lambda f, m, peak, width: (f / peak, "compute"),
    },
)
