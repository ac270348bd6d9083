"""Which operator runs quantized layers here, by the number of tokens at a time.

They are tried on a weight of a format that the labs use and compared with float64; what
is chosen here is what `kernels.autotune` gives a quantized model.
"""

from collections.abc import Iterator
from functools import partial
from itertools import product

import torch

from llmlab.command.doctor.finding import Finding, attempt

SIZE = 1024


def probes() -> Iterator[Finding]:
    """Yield one finding for each format and device, for bf16 activations."""
    from llmlab.quantization import techniques

    again = "install torch again: pip install --force-reinstall torch"
    yield attempt("bf16-prepacked", _prepacked, remedy=again)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    for device, word in product(devices, techniques.ROUNDED):
        name = word if device == "cpu" else f"{word}, CUDA"
        yield attempt(name, partial(_chosen, word, name, device), remedy=again)


def _prepacked() -> Finding:
    from llmlab import kernels
    from llmlab.kernels import abilities, correctness, plans

    remedy = "bf16 models stay as they are; nothing to do"
    if not abilities.prepacked(torch.bfloat16):
        return Finding("bf16-prepacked", "slow", "not on this processor", remedy)
    layer = torch.nn.Linear(SIZE, SIZE, bias=False, dtype=torch.bfloat16)
    paying = []
    for rows in correctness.ROWS:
        (trial,) = kernels.plan(layer, batch=rows).trials
        if plans.PREPACKED in trial.chosen:
            paying.append(rows)
    if not paying:
        return Finding("bf16-prepacked", "slow", "the plain product", remedy)
    counts = ", ".join(f"{n} row{'s' * (n > 1)}" for n in paying)
    said = f"oneDNN's own order ({counts})"
    return Finding("bf16-prepacked", "works", said)


def _chosen(word: str, name: str, device: str) -> Finding:
    from llmlab import kernels
    from llmlab.kernels import correctness
    from llmlab.kernels.quantized_linear import QuantizedLinear
    from llmlab.quantization import formats

    format = kernels.Format.parse(word)
    weight = torch.eye(SIZE, device=device)
    rounded = formats.quantize_weight(weight, format, scale_dtype=torch.bfloat16)
    layer = QuantizedLinear(
        rounded, activations=format.activations, dtype=torch.bfloat16
    )
    (trial,) = kernels.plan(layer).trials
    said = ", ".join(
        f"{operator} ({rows} row{'s' * (rows > 1)})"
        for rows, operator in zip(correctness.ROWS, trial.chosen, strict=True)
    )
    wrong = [
        operator for operator in trial.form.candidates if operator not in trial.seconds
    ]
    if wrong:
        said += f"; wrong sums here, so not used: {', '.join(wrong)}"
    if trial.chosen[0].startswith("plain"):
        remedy = "quantized models are small here, and not faster; nothing to do"
        return Finding(name, "slow", said, remedy)
    return Finding(name, "works", said)
