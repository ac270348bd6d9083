"""Where a pass writes what is between two layers."""

import torch
from torch import Tensor

from llmlab.kernels.native import structures, tiles
from llmlab.kernels.native.matrices import Laid, rows_of_integers, width_of
from llmlab.kernels.native.structures import address
from llmlab.kernels.native.weights import PARTS, Weights


class Room:
    """What a pass writes between the layers, made again when it is too small."""

    def __init__(self, weights: Weights, threads: int):
        self.threads, self.width = threads, weights.embedding.shape[1]
        layers = weights.layers
        self.queries = max(layer.query.shape[0] for layer in layers)
        self.keys = max(layer.key.shape[0] for layer in layers)
        self.hidden = max(layer.gate.shape[0] for layer in layers)
        self.columns = width_of(max(self.width, self.queries, self.hidden))
        self.head_width = weights.head_width
        parts = [getattr(layer, part) for layer in layers for part in PARTS]
        parts.append(weights.head)
        self.short = any(part.bits == 4 for part in parts)
        strips = [part.strip for part in parts if isinstance(part, Laid)]
        # One that AMX does not multiply keeps all others from it: what a layer's
        # products share would have to be in parts for some of them alone.
        self.strip = max(strips) if all(strips) else 0
        self.rows = self.reach = 0
        self.tensors: dict[str, Tensor] = {}
        self.structure: structures.Room | None = None

    def of(self, rows: int, places: int) -> structures.Room:
        """Return room for so many rows that look at so many places."""
        if self.structure is None or rows > self.rows or places > self.reach:
            self.rows = max(rows, self.rows)
            self.reach = max(-(-places // 256) * 256, self.reach)
            self._make()
        assert self.structure is not None
        return self.structure

    def _make(self) -> None:
        most = rows_of_integers(self.rows, self.threads, self.strip)
        turns = 2 * (self.reach + self.head_width)  # of two heads
        sizes = {
            "stream": self.rows * self.width, "queries": self.rows * self.queries,
            "keys": self.rows * self.keys, "values": self.rows * self.keys,
            "gate": self.rows * self.hidden, "up": self.rows * self.hidden,
            "factors": most, "scores": self.threads * turns,
        }  # fmt: skip
        self.tensors = {name: torch.empty(size) for name, size in sizes.items()}
        if self.short:
            self.tensors["sums"] = torch.empty(most * self.columns // tiles.SHORT)
        self.tensors["integers"] = torch.empty(most * self.columns, dtype=torch.int16)
        if self.strip:
            size = self.threads * self.strip
            self.tensors["strip"] = torch.empty(size, dtype=torch.int8)
        addresses = {name: address(tensor) for name, tensor in self.tensors.items()}
        self.structure = structures.Room(
            **addresses,
            columns=self.columns, reach=self.reach, strip_bytes=self.strip,
        )  # fmt: skip
