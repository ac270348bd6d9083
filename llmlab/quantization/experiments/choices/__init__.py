"""Which integers should the weights be: the experiments of notebook 04b.

layer          one linear layer with its inputs on two texts, what the others work on
weight_costs   what the rounding of single weights costs the answers
solved         the layer rounded by several methods, on text seen and not seen
powers         factors of the inputs: error by the power of their size
integers       one group of its weights by method and bits, for a widget
trained        the layer trained through a rounding, step by step
quality        the whole model by several methods, beside what is recorded
mixture        bits by part within a budget: attention and MLP of each layer
translated     what a translator answers in few bits; claims: what is said of that

The learner's functions are parts of them: the error, the column loop, the choice of
factors, the rounding and the choice of bits.
"""

from llmlab.core import faces
from llmlab.quantization.experiments.choices.answers import claims, translated
from llmlab.quantization.experiments.choices.costs import WeightCosts, weight_costs
from llmlab.quantization.experiments.choices.factors import Powers, powers
from llmlab.quantization.experiments.choices.groups import Integers, integers
from llmlab.quantization.experiments.choices.layers import (
    Layer,
    Solved,
    layer,
    solved,
)
from llmlab.quantization.experiments.choices.mixtures import (
    Mixture,
    Parts,
    mixture,
    scan_parts,
)
from llmlab.quantization.experiments.choices.qualities import Quality, quality
from llmlab.quantization.experiments.choices.trainings import Learning, trained

__all__ = ["Integers", "Layer", "Learning", "Mixture", "Parts", "Powers", "Quality"]
__all__ += ["Solved", "WeightCosts", "claims", "integers"]
__all__ += ["layer", "mixture"]
__all__ += ["powers", "quality", "scan_parts", "solved", "trained", "translated"]
__all__ += ["weight_costs"]

__getattr__, __dir__ = faces.of(__name__, __all__)
