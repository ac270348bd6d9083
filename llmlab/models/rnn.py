"""A recurrent language model: all of the past in a state of fixed size.

A vanilla RNN (Elman 1990), an LSTM (Hochreiter & Schmidhuber 1997) or a GRU (Cho et
al. 2014) reads token by token. A step costs the same after ten tokens as after ten
thousand, but a prompt cannot be read in parallel, and nothing read can be taken back.

Shapes: B sequences, T new tokens, E embedding width, D model width, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from torch import Tensor, nn

from llmlab.core import wanted
from llmlab.core.model import Cost
from llmlab.models.caches.recurrent import StateCache
from llmlab.models.caches.rows import counts_of
from llmlab.models.generation import Streaming
from llmlab.models.layers import last_tokens
from llmlab.models.recurrence import CELLS, RecurrentLayer

MODEL_TYPE = "llmlab-rnn"


@dataclass(frozen=True, kw_only=True)
class RecurrentConfig:
    """Sizes and choices of a recurrent model, in transformers' words if it has one."""

    cell: str = "lstm"
    vocab_size: int
    embedding_size: int  # E
    hidden_size: int  # D
    num_hidden_layers: int = 2
    residual: bool = True  # where a layer keeps the width
    layer_norm: bool = True
    tie_word_embeddings: bool = True
    max_position_embeddings: int = 1024  # the longest text asked of it; it has no limit
    bos_token_id: int | None = None
    eos_token_id: int | None = None
    pad_token_id: int | None = None
    model_type: str = MODEL_TYPE

    def __post_init__(self) -> None:
        if self.model_type != MODEL_TYPE:
            raise ValueError(
                f"model_type={self.model_type!r} is not {MODEL_TYPE!r}; load this "
                "configuration with models.load, which knows the other families."
            )
        if self.cell not in CELLS:
            raise ValueError(f"cell={self.cell!r} is unknown; choose of {[*CELLS]}.")
        sizes = ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers")
        for field in (*sizes, "max_position_embeddings"):
            if getattr(self, field) < 1:
                raise ValueError(
                    f"{field}={getattr(self, field)} must be at least 1; choose a size."
                )

    def to_dict(self) -> dict[str, Any]:
        """Return what config.json holds."""
        return asdict(self)


class RecurrentModel(Streaming, nn.Module):
    """A recurrent language model with the face that `core.model` describes."""

    def __init__(self, config: RecurrentConfig):
        super().__init__()
        self.config = config
        narrow, width = config.embedding_size, config.hidden_size
        self.embedding = nn.Embedding(config.vocab_size, narrow)
        layers = nn.ModuleList(
            RecurrentLayer(
                config.cell,
                width if layer else narrow,
                width,
                norm=config.layer_norm,
                residual=config.residual,
            )
            for layer in range(config.num_hidden_layers)
        )
        # Cast once, for the checker of types.
        self.layers = cast("Sequence[RecurrentLayer]", layers)
        self.norm = nn.LayerNorm(width) if config.layer_norm else nn.Identity()
        self.projection = nn.Linear(width, narrow, bias=False)
        self.head = nn.Linear(narrow, config.vocab_size, bias=False)
        nn.init.normal_(self.embedding.weight, std=narrow**-0.5)
        if config.tie_word_embeddings:
            self.head.weight = self.embedding.weight
        self.name = config.model_type
        self.weights_version: str | None = None
        self.tokenizer: Any = None

    @property
    def vocabulary(self) -> int:
        return self.config.vocab_size

    @property
    def context(self) -> int:
        """How long a text its configuration allows; the state itself never fills."""
        return self.config.max_position_embeddings

    @property
    def _parts(self) -> int:
        """How many tensors a state is of: an LSTM's is two."""
        return CELLS[self.config.cell][2]

    def forward(
        self,
        tokens: Tensor,
        cache: StateCache | None = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V) of what follows each of the tokens (B, T).

        With a cache, reading goes on from its state, which then stands after the last
        real token of each row. `last` asks only for what follows that one, (B, 1, V).
        """
        real = counts_of(counts, tokens, cache, verb="close_states")
        states = None if cache is None else cache.states
        if cache is not None:
            cache.check(len(self.layers), self._parts, self.config.hidden_size)
        x = wanted.looked_up(self.embedding, tokens)  # (B, T, E)
        after = []
        for index, layer in enumerate(self.layers):
            x, state = layer(x, None if states is None else states[index], real)
            after.append(state)
        if last:
            x = last_tokens(x, real)  # (B, 1, D)
        logits = self.head(self.projection(self.norm(x)))
        if cache is not None:  # at the very end: half a step does not count
            cache.close_states(after, real, most=tokens.shape[1])
        return logits

    def new_cache(self, batch: int, length: int) -> StateCache:
        """Return an empty state for `batch` sequences; `length` changes nothing."""
        weight = self.embedding.weight
        return StateCache(
            layers=len(self.layers),
            parts=self._parts,
            batch=batch,
            length=length,
            width=self.config.hidden_size,
            dtype=weight.dtype,
            device=weight.device,
        )

    def cost(
        self, tokens: int, cached: int = 0, *, batch: int = 1, last: bool = False
    ) -> Cost:
        """Count one forward call; what is cached costs nothing but the state's bytes.

        FLOPs: two a multiply-add, in recurrences, projection and head. Bytes: every
        weight once, of an untied embedding only the rows looked up, the state read if
        there is one and written, and the logits.
        """
        table = self.embedding.weight
        size, config = table.element_size(), self.config
        matrices = [p for p in self.parameters() if p.dim() == 2]
        used = sum(p.numel() for p in matrices)
        answers = 1 if last else tokens  # positions that the head answers
        spared = (tokens - answers) * (table.numel() + self.projection.weight.numel())
        read = sum(p.nbytes for p in self.parameters())
        if not config.tie_word_embeddings:
            used -= table.numel()
            read += batch * tokens * config.embedding_size * size - table.nbytes
        state = len(self.layers) * CELLS[config.cell][2] * config.hidden_size * size
        moved = batch * (
            answers * config.vocab_size * size + state * (1 + (cached > 0))
        )
        return Cost(2 * batch * (tokens * used - spared), read + moved)
