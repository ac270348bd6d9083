"""Experiments: one line measures, and what comes back has `records()`.

crossing   one linear by tokens on the roofline: the knee, measured and expected
precision  one linear in fp32, bf16, fp16 and int8, and the instructions for each
tiles      a product in tiles: elements loaded, and the least time that they allow
chunks     a chain of elementwise operators in chunks: too small, too large, and best
array      an int8 block of a layer on an array of cells, and the circuit beside it
busy       how many cells of an array work, by its size and the rows
tpu        tiles, StableHLO and lowering for a TPU, on a machine that has none
narrow     a layer in fixed point: its error by the bits of results and of sums
libraries  which library computed what, by its log and the learner's parser
threads    decode and prefill on more and more threads, beyond the cores
gpu        what was recorded on a GPU, by stage; and how to record it
energy     joules and price of a token: measured, estimated from watts, or not known
claims     what is said of hardware, and whether it holds here

They take the learner's functions as parts, give way to busy neighbours and say so.
"""

from llmlab.core import faces
from llmlab.hardware.experiments.arrays import Array, Busy, array, busy
from llmlab.hardware.experiments.cards import Gpu, gpu
from llmlab.hardware.experiments.chains import Chunks, chunks
from llmlab.hardware.experiments.cores import Threads, threads
from llmlab.hardware.experiments.formats import Precision, precision
from llmlab.hardware.experiments.joules import Energy, energy
from llmlab.hardware.experiments.linears import Crossing, crossing
from llmlab.hardware.experiments.logs import Libraries, libraries
from llmlab.hardware.experiments.lowering import Tpu, tpu
from llmlab.hardware.experiments.narrowing import Narrow, narrow
from llmlab.hardware.experiments.products import Tiles, tiles
from llmlab.hardware.experiments.sentences import claims

__all__ = ["Array", "Busy", "Chunks", "Crossing", "Energy", "Gpu", "Libraries"]
__all__ += ["Narrow", "Precision", "Threads", "Tiles", "Tpu", "array", "busy"]
__all__ += ["chunks", "claims", "crossing", "energy", "gpu", "libraries", "narrow"]
__all__ += ["precision", "threads", "tiles", "tpu"]

__getattr__, __dir__ = faces.of(__name__, __all__)
