"""Which layers bear more zeros: a scan of every layer at several sparsities.

The choice among what it finds is that of every technique: `models.sensitivity.choose`,
under a budget of bytes as `pack` keeps them. It names a sparsity for each layer, as
`unstructured.prune` takes it.

Source: the scan as in Li et al., ICLR 2017.
"""

from collections.abc import Collection, Iterable, Sequence

from torch import Tensor, nn

from llmlab.core import arguments
from llmlab.kernels.sparse_linear import packed_bytes
from llmlab.models import sensitivity
from llmlab.models.sensitivity import Change, Loss, Option
from llmlab.pruning import masks, targets
from llmlab.pruning.unstructured import Mask

SPARSITIES = (0.0, 0.3, 0.5, 0.7)


def scan(
    model: nn.Module,
    loss: Loss,
    sparsities: Sequence[float] = SPARSITIES,
    *,
    mask: Mask = masks.magnitude,
    skip: Collection[str] | None = None,
) -> list[Option]:
    """Prune one layer at a time; settings of the options are sparsities.

    loss: as in `models.sensitivity.scan`. mask: from a weight (O, I) and a sparsity to
    what stays. skip: None: the head stays dense. Bytes are those of the smaller of a
    packed and a plain layer. Raises ValueError for sparsities that are none, naming
    the layer, and for stored layers.
    """
    targets.check_plain(model)
    arguments.function("mask", mask, way="masks.magnitude is one")
    changes = {share: _change(share, mask) for share in targets.listed(sparsities)}
    skip = targets.heads(model) if skip is None else skip
    return sensitivity.scan(model, loss, changes, skip=skip)


def choose(options: Iterable[Option], *, budget: int) -> dict[str, float]:
    """Return the sparsity of each layer: the least sum of losses within the budget.

    budget: bytes for all of these layers together, see `models.sensitivity.choose`.
    """
    return sensitivity.choose(options, budget=budget)


def _change(share: float, mask: Mask) -> Change:
    def change(weight: Tensor) -> tuple[Tensor, int]:
        kept = masks.checked_mask(mask(weight.clone(), share), weight, mask)
        pruned = targets.without(weight, kept)
        return pruned, min(packed_bytes(pruned), pruned.nbytes)

    return change
