"""Right arguments for kernels and for the techniques of the labs."""

from collections.abc import Callable

import small_things as small

from llmlab import quantization

DOOR: dict[Callable, Callable[[], dict]] = {
    quantization.Format: lambda: {
        "bits": 4, "group_size": 8, "symmetric": True, "activations": False,
    },
    quantization.absmax: lambda: {"weight": small.WEIGHT, "bits": 4, "group_size": 8},
    quantization.affine: lambda: {"weight": small.WEIGHT, "bits": 4, "group_size": 8},
    quantization.quantize_weight: lambda: {
        "weight": small.WEIGHT, "format": quantization.Format(),
    },
    quantization.quantize: lambda: {
        "model": small.plain(), "format": quantization.Format(), "skip": (),
    },
    quantization.gptq.quantize: lambda: {
        "model": small.plain(), "data": [small.IDS], "skip": (), "damping": 0.01,
        "format": quantization.Format(),
    },
    quantization.awq.quantize: lambda: {
        "model": small.plain(), "data": [small.IDS], "skip": (),
        "format": quantization.Format(),
    },
    quantization.smoothquant.quantize: lambda: {
        "model": small.plain(), "data": [small.IDS], "strength": 0.5, "skip": (),
        "format": quantization.Format(activations=True),
    },
    quantization.clipping.percentile: lambda: {"share": 0.9},
    quantization.floats.cast: lambda: {"weight": small.WEIGHT, "name": "bf16"},
    quantization.floats.nf4: lambda: {"weight": small.WEIGHT, "group_size": 8},
    quantization.levels.histogram: lambda: {"weight": small.WEIGHT},
    quantization.techniques.read: lambda: {"word": "int8"},
    quantization.prepack: lambda: {"model": small.plain()},
    quantization.qat.prepare: lambda: {"model": small.plain(), "skip": ()},
    quantization.qat.finish: lambda: {"model": small.plain()},
}  # fmt: skip
