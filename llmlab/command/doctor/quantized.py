"""Which operator runs quantized layers here, by the number of tokens at a time.

They are tried on a weight of the form that the labs use and compared with float64; what
is chosen here is what a quantized model will use.
"""

from collections.abc import Iterator
from functools import partial

import torch

from llmlab.command.doctor.finding import Finding, attempt

FORMS = {  # what it is called -> how a weight is rounded, whether activations are
    "int8": ({"bits": 8}, False),
    "int8 dynamic": ({"bits": 8}, True),
    "int4 in groups of 32": ({"bits": 4, "group_size": 32, "symmetric": False}, False),
}
SIZE = 1024


def probes() -> Iterator[Finding]:
    """Yield one finding for each form, for bf16 activations on the CPU."""
    again = "install torch again: pip install --force-reinstall torch"
    for what in FORMS:
        yield attempt(what, partial(_chosen, what), remedy=again)


def _chosen(what: str) -> Finding:
    from llmlab.quantization import choice, formats
    from llmlab.quantization.spec import Spec

    how, activations = FORMS[what]
    weight = formats.quantize_weight(torch.eye(SIZE), scale_dtype=torch.bfloat16, **how)
    spec = Spec.of(weight, activations=activations)
    found = choice.fastest(spec, device=torch.device("cpu"), dtype=torch.bfloat16)
    said = ", ".join(
        f"{name} ({rows} row{'s' * (rows > 1)})"
        for rows, name in zip(choice.ROWS, found.operators, strict=True)
    )
    if found.operators[0].startswith("plain"):
        remedy = "quantized models are small here, and not faster; nothing to do"
        return Finding(what, "slow", said, remedy)
    return Finding(what, "works", said)
