"""Layers that differ in one thing only: how a token learns of those before it.

Each is a mixer, then an MLP, both normed on their way in and added to the stream, as in
any decoder. An LSTM needs 8 matrices of D x D, attention 4, a vanilla RNN 2; the MLP
makes up the difference. So all have the same number of weights in matrices (biases and
norms add less than 2 % from D = 64 on), and do as many multiply-adds per token; what
attention does beyond, its scores, is what the lab measures.

Shapes: B sequences, T new tokens, D model width, F hidden width.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.attention_vs_rnn import attention, scan
from llmlab.attention_vs_rnn.attention import Past, SelfAttention
from llmlab.attention_vs_rnn.recurrence import GatedRecurrence, Recurrent
from llmlab.models.layers import RMSNorm

WHOLE_MATRIX, LOOP = "attention, whole matrix", "gated, in a loop"
EPSILON = 1e-6

Mixer = Callable[[int, int], nn.Module]  # of width and heads
MIXERS: dict[str, tuple[int, Mixer]] = {  # with how many matrices of D x D
    "rnn": (2, lambda width, heads: Recurrent("rnn", width)),
    "lstm": (8, lambda width, heads: Recurrent("lstm", width)),
    "gru": (6, lambda width, heads: Recurrent("gru", width)),
    "attention": (4, SelfAttention),
    "gated": (4, lambda width, heads: GatedRecurrence(width)),
    # The same layers, computed in the plain way.
    WHOLE_MATRIX: (
        4,
        lambda width, heads: SelfAttention(width, heads, attention.whole_matrix),
    ),
    LOOP: (4, lambda width, heads: GatedRecurrence(width, scan.loop)),
}
KINDS = tuple(kind for kind in MIXERS if "," not in kind)


class MixerLayer(nn.Module):
    """A mixer and an MLP. The state is what the mixer needs of the tokens before."""

    def __init__(self, mixer: nn.Module, width: int, hidden: int):
        super().__init__()
        self.width = width
        self.mixer_norm, self.mixer = RMSNorm(width, EPSILON), mixer
        self.mlp_norm = self.mlp = None
        if hidden:
            self.mlp_norm, self.mlp = RMSNorm(width, EPSILON), MLP(width, hidden)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Map (B, T, D) to (B, T, D) and return the state after the last token.

        Without a state, the text begins here: the whole of it is prefill, or training.
        With the one of `new_state` or of an earlier call, it goes on.
        """
        mixed, state = self.mixer(self.mixer_norm(x), state)
        x = x + mixed
        if self.mlp is not None:
            x = x + self.mlp(self.mlp_norm(x))
        return x, state

    def new_state(self, batch: int, length: int) -> Any:
        """Return the state before the first of up to `length` tokens."""
        return self.mixer.new_state(batch, length)


class MLP(nn.Module):
    """Two matrices with a GELU between them."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x)))


def build(
    kind: str, *, width: int = 256, heads: int = 4, matrices: int = 8, seed: int = 0
) -> MixerLayer:
    """Return a layer of one of `MIXERS` with `matrices` x D x D weights in matrices.

    The MLP gets what the mixer leaves; 8, the least, is an LSTM without one, and 12
    attention with the usual F = 4 D. The same seed gives the same weights to a kind and
    to its plain way. Raises ValueError for an unknown kind or sizes that do not fit.
    """
    if kind not in MIXERS:
        raise ValueError(f"kind={kind!r} is unknown; choose one of {[*MIXERS]}.")
    if width < 2 or width % 2:
        raise ValueError(f"width={width} must be even; choose 64 or 256, for example.")
    mixer_matrices, make = MIXERS[kind]
    if matrices < mixer_matrices:
        raise ValueError(
            f"matrices={matrices} is less than the {mixer_matrices} of {kind!r} alone; "
            f"choose {mixer_matrices} or more, and 8 or more for all kinds."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = MixerLayer(
            make(width, heads), width, (matrices - mixer_matrices) * width // 2
        )
    return layer.eval().requires_grad_(False)


def state_bytes(state: Any) -> int:
    """Return the memory that a state takes, in bytes."""
    if isinstance(state, Past):
        return state.bytes
    return sum(part.nbytes for part in state)
