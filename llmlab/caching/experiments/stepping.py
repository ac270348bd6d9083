"""One decode step after the other on a cache that is kept about as full as it was.

Shapes: B rows, S tokens in the cache.
"""

from typing import Any

import torch
from torch import Tensor

CALL = 128  # tokens read at once
BEFORE = 32  # steps before the cache is taken back

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


class Steps:
    """A call that decodes one token; after some of them the cache is taken back.

    tokens: (B, S) fill the cache first. A cache that cannot be taken back, such as a
    window, is simply used on.
    """

    @torch.inference_mode()
    def __init__(self, model: Model, cache: Any, tokens: Tensor):
        self.model, self.cache, self.full = model, cache, tokens.shape[1]
        for part in tokens.split(CALL, 1):
            logits = model(part, cache, last=True)  # (B, 1, V)
        self.token, self.done = logits[:, -1].argmax(-1, keepdim=True), 0

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        """Return the logits of a step, (B, 1, V)."""
        if self.done == BEFORE and self.cache.can_rewind:
            self.cache.rewind(self.full)
            self.done = 0
        self.done += 1
        return self.model(self.token, self.cache, last=True)
