"""How a weight lies in memory, and which product reads it there.

Format      how many bits, what shares a scale; a word for it: Format.parse("int4-g32")
autotune    a new model on the operators that are fastest on this machine
plan        what autotune measures: a Plan, which can be shown, saved and handed in
abilities   what this processor cannot do, asked once
modules     other layers put into a model, in a copy that shares the rest
native      plain C, compiled at first use: all layers of a decoder in one call
operators, correctness, dispatch, plans, parameters: what may run a layer, and what is
                right or fast

Only `plan` measures, and `autotune` where no plan is handed in. A quantized layer runs
on the operators that it was given, or else on plain ones, the same on every machine.
"""

from llmlab.core import faces
from llmlab.kernels.format import Format
from llmlab.kernels.plans import Plan
from llmlab.kernels.tuning import autotune
from llmlab.kernels.tuning import measure as plan

__all__ = [
    "Format",
    "Plan",
    "abilities",
    "autotune",
    "correctness",
    "dispatch",
    "modules",
    "native",
    "operators",
    "parameters",
    "plan",
    "plans",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
