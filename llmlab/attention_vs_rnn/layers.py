"""Layers that differ in one thing only: how a token learns of those before it.

Each is a mixer, then an MLP, both normed on their way in and added to the stream, as in
any decoder. An LSTM needs 8 matrices of D x D, attention 4, a vanilla RNN 2; the MLP
makes up the difference. So all have the same number of weights in matrices (biases and
norms add less than 2 % from D = 64 on), and do as many multiply-adds per token; what
attention does beyond, its scores, is what the lab measures.

Shapes: B sequences, T new tokens, D model width, F hidden width.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from llmlab.attention_vs_rnn.attention import Attend, Past, SelfAttention, fused
from llmlab.attention_vs_rnn.recurrence import GatedRecurrence, Recurrent, Scan
from llmlab.attention_vs_rnn.scan import parallel
from llmlab.core import arguments
from llmlab.core.arguments import shown, whole
from llmlab.models.layers import RMSNorm

EPSILON = 1e-6
MATRICES = {"rnn": 2, "lstm": 8, "gru": 6, "attention": 4, "gated": 4}  # of D x D
KINDS = tuple(MATRICES)
WIDEST = 2**20  # channels, beyond which nobody has memory


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
    kind: str,
    *,
    width: int = 256,
    heads: int = 4,
    matrices: int = 8,
    attend: Attend | None = None,
    scan: Scan | None = None,
    seed: int = 0,
) -> MixerLayer:
    """Return a layer of one of `KINDS` with `matrices` x D x D weights in matrices.

    The MLP gets what the mixer leaves; 8, the least, is an LSTM without one, and 12
    attention with the usual F = 4 D. attend: how "attention" mixes values, from queries
    (B, N, T, H), the last T of S tokens, and keys and values (B, N, S, H); PyTorch's
    fused operator if not given. scan: how "gated" gets from decay and new (B, T, D) to
    its states. The same seed gives the same weights, whoever attends or scans. Raises
    ValueError for an unknown kind, sizes that do not fit, a part of another kind.
    """
    _check(kind, width, matrices, attend, scan)
    hidden = (matrices - MATRICES[kind]) * width // 2
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layer = MixerLayer(_mixer(kind, width, heads, attend, scan), width, hidden)
    return layer.eval().requires_grad_(False)


def _mixer(
    kind: str, width: int, heads: int, attend: Attend | None, scan: Scan | None
) -> nn.Module:
    if kind == "attention":
        return SelfAttention(width, heads, attend or fused)
    if kind == "gated":
        return GatedRecurrence(width, scan or parallel)
    return Recurrent(kind, width)


def _check(
    kind: str, width: int, matrices: int, attend: Attend | None, scan: Scan | None
) -> None:
    if not isinstance(kind, str) or kind not in MATRICES:
        raise ValueError(f"kind={shown(kind)} is unknown; choose one of {[*MATRICES]}.")
    whole("width", width, least=2, most=WIDEST, way="choose 64 or 256, for example")
    if width % 2:
        raise ValueError(f"width={width} must be even; choose 64 or 256, for example.")
    whole("matrices", matrices, most=WIDEST, way="8 do for all kinds")
    if matrices < MATRICES[kind]:
        raise ValueError(
            f"matrices={matrices} is less than the {MATRICES[kind]} of {kind!r} alone; "
            f"choose {MATRICES[kind]} or more, and 8 or more for all kinds."
        )
    for part, function, home in (
        ("attend", attend, "attention"),
        ("scan", scan, "gated"),
    ):
        if function is not None:
            arguments.function(part, function, way=f"it is a part of {home!r}")
        if function is not None and kind != home:
            raise ValueError(
                f"{part}={function!r:.60} is a part of {home!r}, not of {kind!r}; "
                f"leave it out, or build({home!r}, {part}=…)."
            )


def state_bytes(state: Any) -> int:
    """Return the memory that a state takes, in bytes."""
    if isinstance(state, Past):
        return state.bytes
    return sum(part.nbytes for part in state)
