"""Experiments: one line measures, and what comes back has `records()`.

by_position     loops that write from one prompt: the wait for every token
many_requests   one request again and again: the waits of first and later tokens
speed_ups       models against one, by the learner's comparison and by the package's
single_timings  how often a single timing misleads
step_parts      one token taken apart: reading, arithmetic, attention, operators, rest
at_size         a model too large for this machine, from its configuration alone
bounds_grid     three bounds of models, formats, batches and contexts, for the widget

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.measure.experiments.grids import BoundsGrid, bounds_grid
from llmlab.measure.experiments.pairs import SpeedUps, speed_ups
from llmlab.measure.experiments.parts import StepParts, step_parts
from llmlab.measure.experiments.positions import ByPosition, by_position
from llmlab.measure.experiments.requests import ManyRequests, many_requests
from llmlab.measure.experiments.singles import SingleTimings, single_timings
from llmlab.measure.experiments.sizes import AtSize, at_size

__all__ = ["AtSize", "BoundsGrid", "ByPosition", "ManyRequests", "SingleTimings"]
__all__ += ["StepParts", "at_size", "bounds_grid", "by_position", "many_requests"]
__all__ += ["SpeedUps", "single_timings", "speed_ups", "step_parts"]

__getattr__, __dir__ = faces.of(__name__, __all__)
