"""Any other causal model of transformers, with the face of our own.

The class of transformers does the work; this wrapper hands it a cache, positions and a
mask, and counts the cost. Rows of a ragged batch stand right-aligned in the cache, so
that neighbours stay neighbours: sliding windows, ALiBi and rotary distances are exact.
A model that cannot take back or align what it remembers (state spaces, GPT-1) gets a
cache of tokens instead, and reads the whole text again at each step: slow but exact. So
does one whose rotary angles are others in a long text (longrope), where the text may
grow so long: each row then turns by its own length, whatever stands beside it.

Shapes: B sequences, T new tokens, S tokens attended to, K key/value heads, H head
width, V vocabulary, C columns of the cache.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.pytorch_utils import Conv1D

from llmlab.core import attention_sizes, wanted
from llmlab.core.model import Cost
from llmlab.models import experts
from llmlab.models.caches.rows import Counts, RaggedCache, counts_of
from llmlab.models.caches.transformers import AlignedCache, TokenCache
from llmlab.models.generation import Streaming
from llmlab.models.layers import last_tokens

ALIBI = ("bloom", "mpt")  # no positions to hand in: distances alone count


class TransformersModel(Streaming, nn.Module):
    """A transformers causal model that offers what `core.model` describes."""

    def __init__(self, model: PreTrainedModel):
        super().__init__()
        self.model = model
        self.config = model.config
        self.name: str = model.config.model_type
        self.weights_version: str | None = None
        self.tokenizer: Any = None
        self._text = model.config.get_text_config()
        self._takes = set(inspect.signature(model.forward).parameters)
        self.remembers = _remembers(model, self._takes)
        self.turning = _turning(self._text)  # tokens; longer texts turn otherwise

    @property
    def vocabulary(self) -> int:
        return self._text.vocab_size

    @property
    def context(self) -> int:
        """Positions the model has; 2,048 where its configuration names no limit."""
        for field in ("max_position_embeddings", "max_seq_len", "seq_length"):
            limit = getattr(self._text, field, None)
            if limit and limit > 0:
                return limit
        return 2048

    @property
    def layers(self) -> nn.ModuleList:
        lists = [m for m in self.modules() if isinstance(m, nn.ModuleList)]
        count = self._text.num_hidden_layers
        return next(found for found in lists if len(found) == count)

    def forward(
        self,
        tokens: Tensor,
        cache: AlignedCache | TokenCache | None = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V); padding stands at the end of each row.

        `last` asks only for what follows each row's last real token, (B, 1, V).
        Raises ValueError when a row would outgrow its cache or the model's context.
        """
        new = tokens.shape[1]
        real = counts_of(counts, tokens, cache, verb="open")
        self._check_context(cache, real)
        if cache is not None and cache.made_for != self._sizes():
            raise ValueError(
                f"cache is made for {cache.made_for}, and this is {self._sizes()}; "
                "make it with this model's new_cache(batch, length)."
            )
        if not torch.compiler.is_compiling() and (new > 1 or tokens.is_cpu):
            wanted.within("tokens", tokens, self.vocabulary)
        if isinstance(cache, TokenCache):
            texts, places = cache.open(tokens, real)
            more = torch.as_tensor(real, device=cache.lengths.device)
            logits = self._read(texts, cache.lengths + more)
            cache.advance(real)
            logits = logits.gather(
                1, places[..., None].expand(-1, -1, logits.shape[-1])
            )
        elif cache is None:  # what stands behind a token is hidden from it
            lengths = torch.as_tensor(real).expand(len(tokens))
            logits = self._read(tokens, lengths)
        else:
            past = cache.open(real)
            where = self._where(cache, tokens)
            if last and isinstance(real, int) and "logits_to_keep" in self._takes:
                where["logits_to_keep"] = 1
            logits = self.model(
                input_ids=tokens, past_key_values=past, use_cache=True, **where
            ).logits
            cache.close(real, new)
        if last and logits.shape[1] > 1:
            return last_tokens(logits, real)
        return logits

    def _read(self, texts: Tensor, lengths: Tensor) -> Tensor:
        """Return the logits (B, C, V) of whole texts, padded at the end of each row.

        The class turns all rows by the longest, so rows that it should turn otherwise
        are read in a call of their own.
        """
        if self.turning is None or texts.shape[1] <= self.turning:
            return self.model(input_ids=texts, use_cache=False).logits
        is_short = lengths.to(texts.device) <= self.turning
        whole = self.model(input_ids=texts, use_cache=False).logits
        if not is_short.any():
            return whole
        short = self.model(input_ids=texts[is_short, : self.turning], use_cache=False)
        logits = whole.clone()
        logits[is_short, : self.turning] = short.logits
        return logits

    def _check_context(self, cache: RaggedCache | None, counts: Counts) -> None:
        """Raise ValueError for a text that is longer than the model's context."""
        if cache is not None:
            longest = cache.reach(counts)
        else:
            longest = counts if isinstance(counts, int) else int(max(counts))
        if longest > self.context:
            raise ValueError(
                f"tokens make a text of {longest}, and the context of {self.name} is "
                f"{self.context}; keep the last {self.context} tokens or fewer."
            )

    def _where(self, cache: AlignedCache, tokens: Tensor) -> dict[str, Any]:
        """Say where the new tokens of ragged rows stand; equal rows need no word."""
        if cache.even is not None:
            return {}
        device, new = tokens.device, tokens.shape[1]
        columns, held = cache.longest, cache.lengths[:, None]  # C, (B, 1)
        # New padding stays visible: only padding looks at it, and never at nothing.
        mask = torch.arange(columns + new, device=device) >= columns - held
        where = {"attention_mask": mask.long()}  # (B, C + T)
        if "position_ids" in self._takes:
            positions = held + torch.arange(new, device=device)  # (B, T)
            where["position_ids"] = positions.clamp(max=self.context - 1)
        return where

    def new_cache(self, batch: int, length: int) -> AlignedCache | TokenCache:
        """Return an empty cache for `batch` sequences of up to `length` tokens."""
        device = next(self.model.parameters()).device
        turns = self.turning is not None and length > self.turning
        kind = AlignedCache if self.remembers and not turns else TokenCache
        return kind(batch, length, made_for=self._sizes(), device=device)

    def _sizes(self) -> str:
        """Name what a cache of this model depends on."""
        weight = next(self.model.parameters())
        return (
            f"{self._text.model_type}, {self._text.num_hidden_layers} layers of "
            f"{self._text.hidden_size}, {str(weight.dtype).removeprefix('torch.')}"
        )

    def cost(
        self, tokens: int, cached: int = 0, *, batch: int = 1, last: bool = False
    ) -> Cost:
        """Count one forward call of `tokens` new tokens behind `cached` old ones.

        FLOPs: two a multiply-add, in linear layers, the experts that a token visits,
        and full T x S attention. Bytes: every weight once, of embeddings only the rows
        looked up, the old cache read, the new tokens' part written, and the logits.
        """
        seen = tokens + cached
        new = tokens if self.remembers else seen  # without memory all is read again
        attention = 2 * self._attending() * self._heads() * self._head_width()
        spares = last and self.remembers and "logits_to_keep" in self._takes
        answers = 1 if spares else new  # positions that the head answers
        head = self.model.get_output_embeddings().weight.numel()
        work = new * (self._weights_used() + attention * seen) - (new - answers) * head
        flops = 2 * batch * work
        size = next(self.model.parameters()).element_size()
        kept = attention_sizes.kv_heads(self._text, self._heads())
        entry = 2 * self._attending() * kept * self._head_width() * size
        moved = self._weight_bytes(batch * new)
        moved += batch * (
            entry * seen * self.remembers + answers * self.vocabulary * size
        )
        return Cost(flops, moved)

    def _attending(self) -> int:
        """Layers with attention over all S tokens."""
        kinds = getattr(self._text, "layer_types", None)
        if kinds is None:
            recurrent = getattr(self.model, "_is_stateful", False)
            return 0 if recurrent else self._text.num_hidden_layers
        return sum("attention" in kind and "linear" not in kind for kind in kinds)

    def _heads(self) -> int:
        return getattr(self._text, "num_attention_heads", None) or 0

    def _head_width(self) -> int:
        head_width = getattr(self._text, "head_dim", None)
        return head_width or self._text.hidden_size // max(1, self._heads())

    def _weights_used(self) -> int:
        """Multiply-adds of one token in linear layers."""
        visited = getattr(self._text, "num_experts_per_tok", 0)
        apart = [m for m in self.modules() if isinstance(m, experts.Experts)]
        one = sum(p.numel() // len(p) for p in experts.together(self))
        one += sum(_weights(module) // len(module) for module in apart)
        always = _weights(self) - sum(map(_weights, apart))
        return always + one * visited

    def _weight_bytes(self, tokens: int) -> int:
        linear = {id(m.weight) for m in self.modules() if isinstance(m, nn.Linear)}
        total = sum(p.nbytes for p in self.parameters())
        for table in (m.weight for m in self.modules() if isinstance(m, nn.Embedding)):
            if id(table) not in linear:
                total += tokens * table.shape[1] * table.element_size() - table.nbytes
        return total


def _weights(model: nn.Module) -> int:
    """Return how many weights the linear layers of a model have."""
    linear = [m for m in model.modules() if isinstance(m, nn.Linear | Conv1D)]
    return sum(layer.weight.numel() for layer in linear)


def _remembers(model: PreTrainedModel, takes: set[str]) -> bool:
    """Say whether the model's cache can be aligned: keys and values, nothing else."""
    if getattr(model, "_is_stateful", False) or "past_key_values" not in takes:
        return False
    if "position_ids" not in takes and model.config.model_type not in ALIBI:
        return False
    # Some count positions from tokens alone.
    from_tokens = "create_position_ids_from_input_ids"
    if any(hasattr(module, from_tokens) for module in model.modules()):
        return False
    plain = (DynamicLayer, DynamicSlidingWindowLayer)
    layers = DynamicCache(config=model.config.get_text_config()).layers
    return all(type(layer) in plain for layer in layers)


def _turning(config: Any) -> int | None:
    """Return the length beyond which a text's rotary angles are all others, or None."""
    said = getattr(config, "rope_parameters", None) or {}
    kinds = [said] if "rope_type" in said else [k for k in said.values() if k]
    return min(
        (
            kind.get("original_max_position_embeddings")
            or config.max_position_embeddings
            for kind in kinds
            if isinstance(kind, dict) and kind.get("rope_type") == "longrope"
        ),
        default=None,
    )
