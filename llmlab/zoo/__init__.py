"""The recipes that made the bundled weights: `python -m llmlab.zoo NAME` runs one."""

from llmlab.core import faces

__all__ = [
    "baselines",
    "classifier",
    "coder",
    "coder_card",
    "recipe",
    "translator",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
