"""Pictures of lab 1: times, bounds, and this machine.

by_position    the wait for every token, a curve for each loop
step_parts     where the time of one token goes, a bar for each phase
latencies      every single timing, with median, mean and 95th percentile
ratios         a forest of pairwise ratios with their intervals
roofline       attainable FLOP/s by arithmetic intensity, with measured points
bandwidth      read bandwidth by working set
bounds         three bounds beside the measured time of prefill and decode
regimes        three bounds along the batch, with the measured points
batches        throughput and time per token by batch
model_card     one model on this machine in one picture
drawings       the ideas of the lab, as drawings without data
bounds_widget  which bound rules a step, by model, format, batch, context

They take records and draw; nothing here runs a model. What `show.figure` draws of a
result, and says of it, stands in `kinds`.
"""

from llmlab.core import faces
from llmlab.show.measure import drawings, kinds
from llmlab.show.measure.along_batch import regimes
from llmlab.show.measure.bandwidths import bandwidth
from llmlab.show.measure.card import model_card
from llmlab.show.measure.distributions import latencies, ratios
from llmlab.show.measure.load import batches
from llmlab.show.measure.parts import step_parts
from llmlab.show.measure.phases import BOUNDS, bounds
from llmlab.show.measure.positions import by_position
from llmlab.show.measure.rooflines import roofline
from llmlab.show.measure.widget import bounds_widget

__all__ = [
    "BOUNDS",
    "bandwidth",
    "batches",
    "bounds",
    "bounds_widget",
    "by_position",
    "drawings",
    "latencies",
    "model_card",
    "ratios",
    "regimes",
    "roofline",
    "step_parts",
]

__getattr__, __dir__ = faces.of(__name__, __all__)

kinds.register()
