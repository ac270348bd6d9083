"""Lab 11. Hardware: what does the chip want?

tiling       products and chains in parts that fit into a fast memory, which counts
systolic     an array of cells that multiplies int8 matrices, clock by clock
fpga         the same array as a circuit in Amaranth, simulated or written as Verilog
fixed_point  numbers whose last bits stand behind the point: sums, rounding, ends
libraries    the logs of oneDNN and MKL: who computed what
threads      as many as there are cores, and beyond
precision    one linear in four formats, and what the processor has for each
tpu          JAX's way to a TPU: tiles by Pallas, StableHLO, lowering, XLA's cost
energy       joules of a meter, or none; price of a million tokens
quantities   name and unit of the facts of this lab
"""

from llmlab.core import faces

__all__ = ["energy", "fixed_point", "fpga", "libraries", "precision", "quantities"]
__all__ += ["systolic", "threads", "tiling", "tpu"]

__getattr__, __dir__ = faces.of(__name__, __all__)
