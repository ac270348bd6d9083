"""The tensors of a decoder as C takes them, checked against each other.

Shapes: D model width, F hidden width, N query heads, K key/value heads, H head width, V
vocabulary.
"""

from dataclasses import dataclass

from torch import Tensor

from llmlab.kernels.native import structures
from llmlab.kernels.native.matrices import Laid, Matrix, check
from llmlab.kernels.native.structures import address

PARTS = ("query", "key", "value", "output", "gate", "up", "down")


@dataclass(frozen=True, eq=False)
class Layer:
    """The matrices and norms of a layer, and how far back its attention may look."""

    query: Matrix | Laid  # (N H, D)
    key: Matrix | Laid  # (K H, D)
    value: Matrix | Laid
    output: Matrix | Laid  # (D, N H)
    gate: Matrix | Laid  # (F, D)
    up: Matrix | Laid
    down: Matrix | Laid  # (D, F)
    attention_norm: Tensor  # (D,)
    mlp_norm: Tensor
    query_norm: Tensor | None  # (H,)
    key_norm: Tensor | None
    window: int | None

    def structure(self, head_width: int) -> structures.Layer:
        """Return what C takes."""
        matrices = [getattr(self, part) for part in PARTS]
        norms = (self.attention_norm, self.mlp_norm, self.query_norm, self.key_norm)
        heads = self.query.shape[0] // head_width, self.key.shape[0] // head_width
        return structures.Layer(
            *(matrix.structure() for matrix in matrices),
            *map(address, norms), *heads, self.window or 0,
        )  # fmt: skip

    def check(self, width: int, head_width: int) -> None:
        """Raise ValueError for parts that do not fit each other."""
        queries, keys, hidden = (
            part.shape[0] for part in (self.query, self.key, self.gate)
        )
        wanted = {
            "query": (queries, width), "key": (keys, width), "value": (keys, width),
            "output": (width, queries), "gate": (hidden, width), "up": (hidden, width),
            "down": (width, hidden),
        }  # fmt: skip
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} is {getattr(self, name).shape} where the other matrices "
                    f"of its layer ask for {shape}."
                )
        if head_width % 2 or keys % head_width or not keys or queries % keys:
            raise ValueError(
                f"{queries} queries and {keys} keys are no heads of {head_width}, or "
                "no whole number of queries shares a key."
            )
        check("attention_norm", self.attention_norm, (width,))
        check("mlp_norm", self.mlp_norm, (width,))
        for name in ("query_norm", "key_norm"):
            if getattr(self, name) is not None:
                check(name, getattr(self, name), (head_width,))


@dataclass(frozen=True, eq=False)
class Weights:
    """All tensors of a decoder."""

    embedding: Tensor  # (V, D)
    layers: tuple[Layer, ...]
    norm: Tensor  # (D,)
    head: Matrix | Laid  # (V, D)
    head_width: int
    epsilon: float

    def __post_init__(self) -> None:
        width = self.embedding.shape[-1]
        check("embedding", self.embedding, (len(self.embedding), width))
        check("norm", self.norm, (width,))
        if self.head.shape[1] != width:
            raise ValueError(f"head is {self.head.shape} beside a width of {width}.")
        for layer in self.layers:
            layer.check(width, self.head_width)
