"""Operators: the ways that torch has to multiply activations with integer weights.

plain     integers as they are; right everywhere, and torch's operators for int8
nibbles   half a byte per weight, CPU and CUDA
onednn    int8 times int8 by the processor's own instructions

Each is right for what its `fits` says, where `kernels.correctness` finds it so here;
which is fast depends on the machine and on the number of rows: `kernels.autotune`.
"""

from llmlab.core import faces
from llmlab.kernels.operators import nibbles, onednn, plain
from llmlab.kernels.operators.kinds import Layout, Operator, Packed, per_token

LAYOUTS: dict[str, Layout] = {
    **nibbles.LAYOUTS,
    "onednn": onednn.LAYOUT,
    "plain": plain.LAYOUT,
}
OPERATORS: dict[str, Operator] = {
    **nibbles.OPERATORS,
    **onednn.OPERATORS,
    **plain.OPERATORS,
}

__all__ = ["LAYOUTS", "OPERATORS", "Layout", "Operator", "Packed", "per_token"]

__getattr__, __dir__ = faces.of(__name__, __all__)
