"""What `llmlab chat` and `llmlab complete` share: the model, and how it chooses."""

import argparse
from typing import Any

from llmlab.core import machine


def model_and_sampling(options: argparse.Namespace) -> tuple[Any, Any]:
    """Return the model that the options name, and how its tokens are chosen.

    Raises ValueError for options out of range and for a model that writes no text.
    """
    import torch

    from llmlab import models

    machine.set_threads()
    dtype = options.dtype and machine.dtype(options.dtype)
    device = machine.device(options.device)
    generator = torch.Generator(device).manual_seed(options.seed)
    sampling = models.Sampling(
        temperature=options.temperature, top_p=options.top_p, generator=generator
    )
    model = models.load(options.model, dtype=dtype, device=device)
    if not hasattr(model, "new_cache") or model.tokenizer is None:
        raise ValueError(
            f"{options.model} is a {type(model).__name__}"
            f"{'' if model.tokenizer else ' without tokenizer'}, which writes no text "
            "on; take a causal model with its tokenizer, such as coder."
        )
    return model, sampling
