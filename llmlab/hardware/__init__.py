"""Lab 11. Hardware: what does the chip want?

tiling       products and chains in parts that fit into a fast memory, which counts
systolic     an array of cells that multiplies int8 matrices, clock by clock
fpga         the same array as a circuit in Amaranth, simulated or written as Verilog
fixed_point  numbers whose last bits stand behind the point: sums, rounding, ends
quantities   name and unit of the facts of this lab
"""

from llmlab.core import faces
from llmlab.hardware import fixed_point, fpga, quantities, systolic, tiling

__all__ = ["fixed_point", "fpga", "quantities", "systolic", "tiling"]

__getattr__, __dir__ = faces.of(__name__, __all__)
