"""Experiments: one line measures, and what comes back has `records()`.

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces

__all__ = []

__getattr__, __dir__ = faces.of(__name__, __all__)
