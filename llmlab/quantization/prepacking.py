"""bf16 weights in the order that oneDNN wants them, arranged once instead of each time.

A plain bf16 product rearranges the weight's tiles in every call. Arranged beforehand,
the same product of the same numbers is faster, most of all for a batch of tokens.
Whether it is here, `kernels.autotune` finds out.
"""

from llmlab.core import machine
from llmlab.core.model import Model
from llmlab.kernels import abilities
from llmlab.kernels.prepacked_linear import PrepackedLinear
from llmlab.models import experts, surgery


def prepack(model: Model) -> Model:
    """Return a new model with the same weights, in oneDNN's order where it keeps them.

    Where this processor cannot, layers stay plain. The numbers stay what they are: for
    bf16, convert the model first, `models.load(name, dtype="bf16")`. Raises ValueError
    for a model without linear layers.
    """
    apart = experts.separate(model)
    layers = surgery.linear_layers(apart)
    dtype = next(iter(layers.values())).weight.dtype
    device = next(model.parameters()).device
    if device.type != "cpu" or not abilities.prepacked(dtype):
        return surgery.share(model)
    packed = {
        name: PrepackedLinear(surgery.weight_of(layer))
        for name, layer in layers.items()
    }
    new = surgery.replace(apart, packed)
    new.format = f"{machine.dtype_name(dtype)}-prepacked"
    return new
