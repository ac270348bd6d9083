"""A cache of pages for tests: rows hold runs of a few places in no order."""

import torch

from llmlab.models.caches.attention import KVCache


class Pages:
    """Pages (R, K, P, H) for a model's layers; `places` says which are a row's."""

    extend = None  # it is written to by native calls alone

    def __init__(self, plain: KVCache, *, places: int = 4, spare: int = 3):
        rows = len(plain.lengths)
        self.size, self.limit = places, plain.limit
        each = -(-plain.limit // places)
        _, heads, _, width = plain.layers[0][0].shape
        self.pages = [
            tuple(
                torch.full((rows * each + spare, heads, places, width), float("nan"))
                for _ in ("keys", "values")
            )
            for _ in plain.layers
        ]
        order = torch.randperm(rows * each, generator=torch.Generator().manual_seed(0))
        self.free = order.tolist()
        self.held = [[] for _ in range(rows)]
        self.lengths = torch.zeros(rows, dtype=torch.int64)

    def memory(self, layer):
        return self.pages[layer]

    def places(self, row):
        return list(self.held[row])

    def reserve(self, tokens):
        for row, length in enumerate(self.lengths.tolist()):
            while len(self.held[row]) * self.size < length + tokens:
                self.held[row].append(self.free.pop())

    def advance(self, counts, *, most=None):
        self.lengths = self.lengths + torch.as_tensor(counts)
