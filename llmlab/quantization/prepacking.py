"""bf16 weights in the order that oneDNN wants them, arranged once instead of each time.

A plain bf16 product rearranges the weight's tiles in every call. Arranged beforehand,
the same product of the same numbers is faster, most of all for a batch of tokens.
"""

from llmlab.core import machine
from llmlab.kernels.prepacked_linear import PrepackedLinear, pays
from llmlab.models import surgery
from llmlab.models.surgery import Model


def prepack(model: Model, *, rows: int = 1) -> Model:
    """Return a new model with the same weights, in oneDNN's order where that is faster.

    rows: tokens that come at a time when it matters. The numbers stay what they are:
    for bf16, convert the model first, `models.load(name, dtype="bf16")`.
    """
    layers = surgery.linear_layers(model)
    dtype = next(iter(layers.values())).weight.dtype
    device = next(model.parameters()).device
    if device.type != "cpu" or not pays(dtype, rows):
        return surgery.share(model)
    packed = {
        name: PrepackedLinear(surgery.weight_of(layer))
        for name, layer in layers.items()
    }
    new = surgery.replace(model, packed)
    new.format = f"{machine.dtype_name(dtype)} prepacked"
    return new
