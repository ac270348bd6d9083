"""Experiments: one line measures, and what comes back has `records()`.

rows        a decode step with more and more rows: tokens a second, time of a token
padded      a padded batch in transformers: the tokens of each prompt alone, or not
fixed       static batches of a trace, counted: steps, and rows that ended before
waiting     sentences that wait for company: costs measured, waits simulated
served      one trace one by one, in static batches, and with a learner's plan
small_pool  too few pages: who is put aside, the same tokens, the time it takes
gaps        a long prompt among streams, read whole and in chunks
load        Poisson load on four ways to serve, simulated by measured costs, and live
orders      whose turn it is under a heavy load: mean and worst wait
recorded    what takes longer: 64 requests at shape M, beside transformers and vLLM
claims      what is said of batching, and whether it holds here

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.batching.experiments.company import Waiting, waiting
from llmlab.batching.experiments.counting import Fixed, fixed
from llmlab.batching.experiments.loads import Load, load
from llmlab.batching.experiments.pools import SmallPool, small_pool
from llmlab.batching.experiments.racing import Served, served
from llmlab.batching.experiments.reading import Padded, padded
from llmlab.batching.experiments.recordings import Recorded, recorded
from llmlab.batching.experiments.sentences import claims
from llmlab.batching.experiments.streams import Gaps, gaps
from llmlab.batching.experiments.timelines import Timeline
from llmlab.batching.experiments.turns import Orders, orders
from llmlab.batching.experiments.widths import Rows, rows
from llmlab.core import faces

__all__ = ["Fixed", "Gaps", "Load", "Orders", "Padded", "Recorded", "Rows", "Served"]
__all__ += ["SmallPool", "Timeline", "Waiting", "claims", "fixed", "gaps", "load"]
__all__ += ["orders", "padded", "recorded", "rows", "served", "small_pool", "waiting"]

__getattr__, __dir__ = faces.of(__name__, __all__)
