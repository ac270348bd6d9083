"""Pictures of lab 1: times, bounds, and this machine.

latencies      every single timing, with median, mean and 95th percentile
ratios         a forest of pairwise ratios with their intervals
roofline       attainable FLOP/s by arithmetic intensity, with measured points
bandwidth      read bandwidth by working set
bounds         three bounds beside the measured time of prefill and decode
regimes        three bounds along the batch, with the measured points
batches        throughput and time per token by batch
model_card     one model on this machine in one picture
bounds_widget  which bound rules a step, by model, format, batch, context

They take records and draw; nothing here runs a model.
"""

from llmlab.core import faces
from llmlab.show.measure.along_batch import regimes
from llmlab.show.measure.bandwidths import bandwidth
from llmlab.show.measure.card import model_card
from llmlab.show.measure.distributions import latencies, ratios
from llmlab.show.measure.load import batches
from llmlab.show.measure.phases import BOUNDS, bounds
from llmlab.show.measure.rooflines import roofline
from llmlab.show.measure.widget import bounds_widget

__all__ = [
    "BOUNDS",
    "bandwidth",
    "batches",
    "bounds",
    "bounds_widget",
    "latencies",
    "model_card",
    "ratios",
    "regimes",
    "roofline",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
