"""A decoder of the Llama family, in the fewest words: embed, layers, norm, head.

The cache is handed in, so the same forward call is prefill (many tokens, empty cache),
decode (one token, full cache) and training (no cache at all).

Shapes: B sequences, T new tokens, S tokens attended to, D model width, V vocabulary.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from torch import Tensor, nn

from llmlab.core import wanted
from llmlab.core.model import Cost
from llmlab.models.caches.attention import KVCache, causal_mask, uncached
from llmlab.models.caches.rows import counts_of
from llmlab.models.config import DecoderConfig
from llmlab.models.generation import Streaming
from llmlab.models.layers import DecoderLayer, Extend, RMSNorm, Rotary, last_tokens


class Decoder(Streaming, nn.Module):
    """A language model of the Llama family; `config` is transformers' own.

    Weights are drawn afresh, N(0, 0.02); `models.load` fills in trained ones.
    """

    def __init__(self, config: Any):
        super().__init__()
        self.config = config
        self.shape = shape = DecoderConfig.from_transformers(config)
        self.embedding = nn.Embedding(shape.vocabulary, shape.width)
        layers = nn.ModuleList(
            DecoderLayer(shape, window=window) for window in shape.windows
        )
        self.layers = cast(
            "Sequence[DecoderLayer]", layers
        )  # once, for the checker of types
        self.norm = RMSNorm(shape.width, shape.epsilon)
        self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)
        self.rotary = Rotary(shape)
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        if shape.tied:
            self.head.weight = self.embedding.weight
        self.name = config.model_type
        self.weights_version: str | None = None
        self.tokenizer: Any = None

    @property
    def vocabulary(self) -> int:
        return self.shape.vocabulary

    @property
    def context(self) -> int:
        return self.shape.context

    def forward(
        self,
        tokens: Tensor,
        cache: KVCache | None = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V) of what follows each of the tokens (B, T).

        With a cache, the tokens stand behind those it holds and are added to it. In a
        ragged batch `counts` says how many of each row's tokens are real; the rest is
        padding at the end of the row. `last` asks only for what follows each row's last
        real token, (B, 1, V): a prompt needs no more, and the head is a big layer.
        """
        new = tokens.shape[1]
        real = counts_of(counts, tokens, cache, verb="extend")
        x = wanted.looked_up(self.embedding, tokens)  # (B, T, D)
        start, reach = (0, new) if cache is None else (cache.start, cache.room(new))
        rotary = self.rotary(start, new, reach, x)
        for layer, extend in zip(self.layers, self._extends(new, cache), strict=True):
            x = layer(x, rotary, extend)
        if last:
            x = last_tokens(x, real)  # (B, 1, D)
        logits = self.head(self.norm(x))
        if cache is not None:  # at the very end: half a step does not count
            cache.advance(real, most=new)
        return logits

    def _extends(self, new: int, cache: KVCache | None) -> list[Extend]:
        """Return what gives each layer the keys and values that T new tokens see."""
        if cache is not None:
            made_for = len(getattr(cache, "layers", self.layers))
            if made_for != len(self.layers):
                raise ValueError(
                    f"cache is made for {made_for} layers, and {self.name} has "
                    f"{len(self.layers)}; make it with this model's "
                    "new_cache(batch, length)."
                )
            return [partial(cache.extend, index) for index in range(len(self.layers))]
        windows = [layer.window for layer in self.layers]
        device = self.embedding.weight.device
        masks = {
            window: causal_mask(0, new, new, window, device) for window in set(windows)
        }
        return [partial(uncached, masks[window]) for window in windows]

    def new_cache(self, batch: int, length: int) -> KVCache:
        """Return an empty cache for `batch` sequences of up to `length` tokens."""
        weight = self.embedding.weight
        self.rotary.reserve(length, weight)
        return KVCache(
            layers=len(self.layers),
            batch=batch,
            kv_heads=[width // self.shape.head_width for _, width in self._widths()],
            length=length,
            head_width=self.shape.head_width,
            windows=[layer.window for layer in self.layers],
            dtype=weight.dtype,
            device=weight.device,
        )

    def cost(
        self, tokens: int, cached: int = 0, *, batch: int = 1, last: bool = False
    ) -> Cost:
        """Count one forward call of `tokens` new tokens behind `cached` old ones.

        FLOPs: two a multiply-add, in linear layers, head and full T x S attention. A
        layer that stands in several places counts in each. Bytes: every weight once, of
        the embedding only the rows looked up, the old cache read, the new tokens' part
        written, and the logits. `last` as in forward.
        """
        table, widths = self.embedding.weight, self._widths()
        size, answers = table.element_size(), 1 if last else tokens
        seen = cached + tokens
        linear = sum(
            part.weight.numel()
            for layer in self.layers  # not modules(): that would skip what is shared
            for _, part in layer.named_modules(remove_duplicate=False)
            if isinstance(part, nn.Linear)
        )
        attention = 2 * tokens * seen * sum(queries for queries, _ in widths)
        head = self.head.out_features * self.head.in_features
        flops = 2 * batch * (linear * tokens + attention + head * answers)
        read = sum(p.nbytes for p in self.parameters())
        if self.head.weight is not table:
            read += batch * tokens * table.shape[1] * size - table.nbytes
        token_bytes = 2 * size * sum(keys for _, keys in widths)
        moved = read + batch * (seen * token_bytes + answers * self.vocabulary * size)
        return Cost(flops, moved)

    def _widths(self) -> list[tuple[int, int]]:
        """Return what the queries and the keys of each layer are wide, (N H, K H)."""
        attentions = [layer.attention for layer in self.layers]
        return [(one.query.out_features, one.key.out_features) for one in attentions]
