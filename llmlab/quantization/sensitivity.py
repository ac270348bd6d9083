"""Which layers bear fewer bits: a scan of every layer in several formats.

The choice among what it finds is that of every technique: `models.sensitivity.choose`.
It names a format for each layer, as `rounding.quantize` takes it.

Source: as in HAWQ, Dong et al., ICCV 2019, by loss instead of curvature.
"""

from collections.abc import Collection, Sequence

from torch import Tensor, nn

from llmlab.kernels.format import Format, checked
from llmlab.models import sensitivity
from llmlab.models.sensitivity import Change, Loss, Option
from llmlab.quantization import clipping, formats
from llmlab.quantization.formats import quantize_weight

FORMATS = tuple(Format(bits=bits, group_size=32) for bits in (2, 4, 8))


def scan(
    model: nn.Module,
    loss: Loss,
    formats: Sequence[Format] = FORMATS,
    *,
    clip: clipping.Clip = clipping.mse,
    skip: Collection[str] = (),
) -> list[Option]:
    """Round one layer at a time; settings of the options are formats.

    loss: as in `models.sensitivity.scan`. The other arguments and errors are those of
    `rounding.quantize`; only weights are rounded here, whatever a format says of
    activations.
    """
    changes = {checked(format): _change_to(format, clip) for format in formats}
    return sensitivity.scan(model, loss, changes, skip=skip)


def _change_to(format: Format, clip: clipping.Clip) -> Change:
    def change(weight: Tensor) -> tuple[Tensor, int]:
        rounded = quantize_weight(
            weight, format, clip=clip, scale_dtype=formats.SCALE_DTYPE
        )
        return rounded.dequantize(), rounded.bytes

    return change
