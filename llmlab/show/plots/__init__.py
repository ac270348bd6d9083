"""Pictures of records: each function takes records and gives a matplotlib Figure.

latencies   every single timing, with median, mean and 95th percentile
ratios      a forest of pairwise ratios with their intervals
roofline    attainable FLOP/s by arithmetic intensity, with measured points
bandwidth   read bandwidth by working set
bounds      three bounds beside the measured time of prefill and decode
regimes     three bounds along the batch, with the measured points
batches     throughput and time per token by batch
model_card  one model on this machine in one picture

They draw and run nothing else. `show.figure(fig, alt=…)` puts one into a notebook.
"""

from llmlab.show.plots.bandwidths import bandwidth
from llmlab.show.plots.card import model_card
from llmlab.show.plots.distributions import latencies, ratios
from llmlab.show.plots.load import batches
from llmlab.show.plots.phases import BOUNDS, bounds
from llmlab.show.plots.regimes import regimes
from llmlab.show.plots.rooflines import roofline

__all__ = ["BOUNDS", "bandwidth", "batches", "bounds", "latencies", "model_card"]
__all__ += ["ratios", "regimes", "roofline"]
