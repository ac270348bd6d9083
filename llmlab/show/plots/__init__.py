"""Pictures of records: each function takes records and gives a matplotlib Figure.

latencies        every single timing, with median, mean and 95th percentile
ratios           a forest of pairwise ratios with their intervals
roofline         attainable FLOP/s by arithmetic intensity, with measured points
bandwidth        read bandwidth by working set
bounds           three bounds beside the measured time of prefill and decode
regimes          three bounds along the batch, with the measured points
batches          throughput and time per token by batch
model_card       one model on this machine in one picture
lengths          a cost by the length of the text, with the slopes that fit it
gradients        what reaches the last output from some tokens back
positions        quality by the tokens of context
attention_map    how much each token takes of each before it
readings         what a token looks at beside what its answer rests on
levels           a weight's histogram with the levels of its grid
rounding_errors  number formats by what rounding to them costs
quality_by_bits  what each method of quantization loses
format_bounds    prefill and decode by format, with the bounds of each

They draw and run nothing else. `show.figure(fig, alt=…)` puts one into a notebook.
"""

from llmlab.show.plots.bandwidths import bandwidth
from llmlab.show.plots.card import model_card
from llmlab.show.plots.distributions import latencies, ratios
from llmlab.show.plots.formats import format_bounds
from llmlab.show.plots.gradients import gradients
from llmlab.show.plots.lengths import lengths
from llmlab.show.plots.load import batches
from llmlab.show.plots.maps import attention_map
from llmlab.show.plots.phases import BOUNDS, bounds
from llmlab.show.plots.positions import positions
from llmlab.show.plots.qualities import quality_by_bits
from llmlab.show.plots.readings import readings
from llmlab.show.plots.regimes import regimes
from llmlab.show.plots.rooflines import roofline
from llmlab.show.plots.roundings import rounding_errors
from llmlab.show.plots.steps import levels

__all__ = ["BOUNDS", "attention_map", "bandwidth", "batches", "bounds"]
__all__ += ["format_bounds", "gradients", "latencies", "lengths", "levels"]
__all__ += ["model_card", "positions", "quality_by_bits", "ratios", "readings"]
__all__ += ["regimes", "roofline", "rounding_errors"]
