"""Which layers bear fewer bits: a scan of every layer in several numbers of bits.

The choice among what it finds is that of every technique: `models.sensitivity.choose`.

Source: as in HAWQ, Dong et al., ICCV 2019, by loss instead of curvature.
"""

from collections.abc import Collection, Sequence

from torch import Tensor, nn

from llmlab.models import sensitivity
from llmlab.models.sensitivity import Change, Loss, Option
from llmlab.quantization import assembly, formats, ranges
from llmlab.quantization.formats import GroupSize


def scan(
    model: nn.Module,
    loss: Loss,
    *,
    bits: Sequence[int] = (2, 4, 8),
    group_size: GroupSize = 32,
    symmetric: bool | None = None,
    within: ranges.Range = ranges.mse,
    skip: Collection[str] = (),
) -> list[Option]:
    """Round one layer at a time; settings of the options are numbers of bits.

    loss: as in `models.sensitivity.scan`. The other arguments and errors are those of
    `rounding.quantize`.
    """

    def change_to(own: int) -> Change:
        def change(weight: Tensor) -> tuple[Tensor, int]:
            rounded = formats.quantize_weight(
                weight, bits=own, group_size=group_size, within=within,
                symmetric=own == 8 if symmetric is None else symmetric,
                scale_dtype=assembly.SCALES,
            )  # fmt: skip
            return rounded.dequantize(), rounded.bytes

        return change

    changes = {own: change_to(own) for own in bits}
    return sensitivity.scan(model, loss, changes, skip=skip)
