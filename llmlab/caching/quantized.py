"""A cache in few bits: keys and values as small integers, turned back where read.

A scale for each token and head says what an integer stands for, so a token is rounded
once, when it is written, whatever comes before or after it. At 4 bits the lowest number
stands beside the scale; it says what a zero point says, without a rounding of its own.
A token takes 3.8 times less memory than in fp32, or 6.4 times at 4 bits, for heads of
32 numbers. What it costs is the turning back of all tokens in each step.

Shapes: B rows, K key/value heads, T new tokens, S tokens attended to, H head width.
"""

from typing import Any

import torch
from torch import Tensor

from llmlab.caching.pages import plain_cache
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.kernels import parameters
from llmlab.kernels.format import Format
from llmlab.models.caches import rows
from llmlab.models.caches.attention import KVCache, Mask
from llmlab.models.caches.rows import RaggedCache

BITS = (8, 4)


def _hidden(cache: "QuantizedCache") -> Any:
    raise AttributeError("no plain keys and values lie in a QuantizedCache")


class QuantizedCache(KVCache):
    """Keys and values as integers of `bits` bits, 8 or 4.

    Each layer holds, for keys and then for values, integers (B, K, length, H or H/2),
    scales and, at 4 bits, lowest numbers (B, K, length, 1) in bf16. It is no
    `core.model.AddressedCache`: kernels that read numbers in memory cannot read these.
    """

    memory: Any = property(_hidden)
    places: Any = property(_hidden)
    reserve: Any = property(_hidden)

    def __init__(self, model: LanguageModel, batch: int, length: int, *, bits: int = 8):
        """Start with empty rows of up to `length` tokens.

        Raises ValueError for a model that keeps another kind of cache, for other bits,
        and at 4 bits for heads of an odd width.
        """
        plain = plain_cache(model)
        rows.check_size(batch, length)
        if bits not in BITS or isinstance(bits, bool):
            raise ValueError(
                f"bits={shown(bits)} is neither 8 nor 4; choose 8, or 4 for half of it."
            )
        RaggedCache.__init__(self, batch, length, device=plain.lengths.device)
        self.bits, self.windows = bits, plain.windows
        keys = plain.layers[0][0]
        self.dtype, self.width = keys.dtype, keys.shape[3]
        if bits == 4 and self.width % 2:
            raise ValueError(
                f"bits=4 packs two numbers into a byte, and heads have {self.width}; "
                "choose bits=8."
            )
        self.layers: Any = [
            (*self._empty(heads.shape[1]), *self._empty(heads.shape[1]))
            for heads, _ in plain.layers
        ]
        self.clean, self._masks, self._masked = 0, {}, None

    def extend(
        self, layer: int, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Mask]:
        """Write (B, K, T, H) behind each row's tokens; return all (B, K, S, H).

        Raises ValueError when a row would outgrow the cache, and for keys of another
        model; nothing is written then.
        """
        own, tokens = self.layers[layer], keys.shape[2]
        reach = self.room(tokens)
        heads = own[0].shape[1]
        if keys.shape[1::2] != (heads, self.width) or keys.dtype != self.dtype:
            raise ValueError(
                f"keys have {keys.shape[1]} heads of {keys.shape[3]} in {keys.dtype}, "
                f"and this cache takes {heads} of {self.width} in {self.dtype}; make "
                "it for this model: QuantizedCache(model, batch, length)."
            )
        seen = reach if self.even is not None else self._view(reach)
        new = [*self._rounded(keys), *self._rounded(values)]
        for part, held in zip(new, own, strict=True):
            self._write(held, part)
        # A compiled step has fewer graphs if the shapes of its arithmetic never change.
        most = self.limit if torch.compiler.is_compiling() else seen
        read = [part.narrow(2, 0, most) for part in own]
        half = len(read) // 2
        keys, values = self._turned_back(*read[:half]), self._turned_back(*read[half:])
        mask = self._mask(self.windows[layer], tokens, seen)
        return keys.narrow(2, 0, seen), values.narrow(2, 0, seen), mask

    def _write(self, held: Tensor, new: Tensor) -> None:
        tokens = new.shape[2]
        if self.even is not None:
            held.narrow(2, self.even, tokens).copy_(new)
            return
        places = self.lengths[:, None] + torch.arange(tokens, device=new.device)
        row_indices = torch.arange(len(places), device=new.device)[:, None]
        held[row_indices, :, places] = new.transpose(1, 2)

    def _empty(self, heads: int) -> tuple[Tensor, ...]:
        device, shape = self.lengths.device, (len(self.lengths), heads, self.limit)
        scales = torch.zeros(*shape, 1, dtype=torch.bfloat16, device=device)
        if self.bits == 8:
            codes = torch.zeros(*shape, self.width, dtype=torch.int8, device=device)
            return codes, scales
        size = self.width // 2
        codes = torch.zeros(*shape, size, dtype=torch.uint8, device=device)
        return codes, scales, scales.clone()

    def _rounded(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the parts that stand for numbers (B, K, T, H)."""
        x = x.float()
        low, high = x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)
        if self.bits == 8:
            format, middle = Format(bits=8), torch.zeros_like(low)
            grid = parameters.spanning(
                low.minimum(middle),
                high.maximum(middle),
                format,
                scale_dtype=torch.bfloat16,
            )
            return grid.round(x).to(torch.int8), grid.scales.to(torch.bfloat16)
        low = low.to(torch.bfloat16)
        scales = parameters.round_up((high - low.float()) / 15, torch.bfloat16)
        codes = ((x - low.float()) / scales).round().clamp(0, 15).to(torch.uint8)
        pairs = codes.unflatten(-1, (-1, 2))
        packed = pairs[..., 0] | pairs[..., 1] << 4  # as kernels.packing.pack has them
        return packed, scales.to(torch.bfloat16), low

    def _turned_back(
        self, codes: Tensor, scales: Tensor, lowest: Tensor | None = None
    ) -> Tensor:
        """Return the numbers (B, K, S, H) that integers stand for."""
        scales = scales.to(self.dtype)
        if lowest is None:
            return codes.to(self.dtype) * scales
        pairs = torch.stack((codes & 15, codes >> 4), -1).flatten(3)
        return torch.addcmul(lowest.to(self.dtype), pairs.to(self.dtype), scales)

    def _form(self) -> tuple:
        heads = tuple(layer[0].shape[1] for layer in self.layers)
        form = "keys and values", f"in {self.bits} bits", heads, self.width
        return *form, self.windows, self.dtype
