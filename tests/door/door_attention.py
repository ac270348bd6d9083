"""Right arguments for layers with and without attention, and what is read off them."""

from collections.abc import Callable

import small_things as small

from llmlab import attention_vs_rnn as lab
from llmlab.attention_vs_rnn import importance, maps, recall

DOOR: dict[Callable, Callable[[], dict]] = {
    lab.build: lambda: {
        "kind": "attention", "width": 32, "heads": 4, "matrices": 8, "attend": None,
        "scan": None,
    },
    recall.reader: lambda: {"kind": "lstm", "width": 32},
    recall.examples: lambda: {"distance": 3, "rows": 2},
    maps.tokenize: lambda: {"model": small.reader(), "text": "abc"},
    maps.of_text: lambda: {"model": small.reader(), "text": "abc"},
    importance.joined: lambda: {"words": ["a", " b"]},
}  # fmt: skip
