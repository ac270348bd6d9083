"""Which operator runs quantized layers here, by the number of tokens at a time.

They are tried on a weight of the form that the labs use and compared with float64; what
is chosen here is what a quantized model will use.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import torch

from llmlab.command.doctor.finding import Finding, attempt

FORMS = {  # what it is called -> how a weight is rounded, whether activations are
    "int8": ({"bits": 8}, False),
    "int8 dynamic": ({"bits": 8}, True),
    "int4 in groups of 32": ({"bits": 4, "group_size": 32, "symmetric": False}, False),
}
SIZE = 1024


def probes() -> Iterator[Finding]:
    """Yield one finding for each form and device, for bf16 activations."""
    again = "install torch again: pip install --force-reinstall torch"
    yield attempt("bf16 prepacked", _prepacked, remedy=again)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for device, what in product(devices, FORMS):
        name = what if device == "cpu" else f"{what}, CUDA"
        yield attempt(name, partial(_chosen, what, name, device), remedy=again)


def _prepacked() -> Finding:
    from llmlab.kernels import abilities, choice
    from llmlab.kernels.prepacked_linear import pays

    if not abilities.prepacked(torch.bfloat16):
        remedy = "bf16 models stay as they are; nothing to do"
        return Finding("bf16 prepacked", "slow", "not on this processor", remedy)
    paying = [n for n in choice.ROWS if pays(torch.bfloat16, n)]
    if not paying:
        remedy = "bf16 models stay as they are; nothing to do"
        return Finding("bf16 prepacked", "slow", "the plain product", remedy)
    counts = ", ".join(f"{n} row{'s' * (n > 1)}" for n in paying)
    said = f"oneDNN's own order ({counts})"
    return Finding("bf16 prepacked", "works", said)


def _chosen(what: str, name: str, device: str) -> Finding:
    from llmlab.kernels import choice
    from llmlab.kernels.spec import Spec
    from llmlab.quantization import formats

    how, activations = FORMS[what]
    weight = formats.quantize_weight(torch.eye(SIZE), scale_dtype=torch.bfloat16, **how)
    spec = Spec.of(weight, activations=activations)
    there = {"device": torch.device(device), "dtype": torch.bfloat16}
    found = choice.fastest(spec, **there)
    said = ", ".join(
        f"{operator} ({rows} row{'s' * (rows > 1)})"
        for rows, operator in zip(choice.ROWS, found.operators, strict=True)
    )
    if wrong := choice.wrong(spec, **there):
        said += f"; wrong sums here, so not used: {', '.join(wrong)}"
    if found.operators[0].startswith("plain"):
        remedy = "quantized models are small here, and not faster; nothing to do"
        return Finding(name, "slow", said, remedy)
    return Finding(name, "works", said)
