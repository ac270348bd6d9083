"""Right arguments for the journal and for pictures.

Of a picture of a lab what it is drawn from is asked: its first argument.
"""

import inspect
from collections.abc import Callable

import small_things as small

from llmlab import journal, show

LABS = (show.attention_vs_rnn, show.measure, show.pruning, show.quantization)
DRAWN_FROM = {"records", "result", "samples"}


def pictures():
    """Return what draws a picture of a result: function -> its first argument."""
    drawn = {}
    for room in LABS:
        shown = [getattr(room, word) for word in dir(room)]
        for function in filter(inspect.isfunction, shown):
            first, *others = inspect.signature(function).parameters.values()
            has_defaults = all(one.default is not one.empty for one in others)
            if first.name in DRAWN_FROM and has_defaults:
                drawn[function] = lambda name=first.name: {name: None}
    return drawn


DOOR: dict[Callable, Callable[[], dict]] = {
    journal.open: lambda: {"lab": "measure"},
    journal.predict: lambda: {
        "name": "a", "guess": 1, "unit": "s", "choices": None, "lab": "measure",
        "model": "",
    },
    journal.measured: lambda: {
        "name": "a", "value": 1, "unit": "s", "kind": "measured", "lab": "measure",
        "model": "",
    },
    journal.hint_used: lambda: {"exercise": "a", "level": 1, "lab": "measure"},
    journal.scoreboard.add: lambda: {
        "lab": "measure", "name": "a", "model": "m", "quality": small.fact(),
        "latency": small.fact(), "size": small.fact(),
    },
    journal.scoreboard.rows: lambda: {"lab": "measure"},
    show.table: lambda: {"result": [small.fact()]},
    show.figure: lambda: {"result": [small.fact()]},
}  # fmt: skip
DOOR |= pictures()
