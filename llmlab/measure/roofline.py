"""The roofline of this machine, and three bounds that no step of a model can beat.

A step does arithmetic, moves bytes and starts operators. Each alone takes a least time
on this machine; a step that did all three perfectly at once would still take the
longest of them. That one names what to attack: fewer FLOPs, fewer bytes, or fewer
operators.

Source: Williams, Waterman, Patterson, Roofline, CACM 52, 2009; the third bound is
PyTorch's own overhead, which rules small models.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from llmlab.core import arguments, machine, quantities, records
from llmlab.core.model import Cost, LanguageModel
from llmlab.core.records import Record
from llmlab.measure import labels
from llmlab.measure import operators as counted
from llmlab.measure.peaks import Peaks, discard
from llmlab.measure.peaks import peaks as measured_peaks

__all__ = ["FastestFormat", "Peaks", "bounds", "fastest_format", "is_contradicted"]
__all__ += ["limits", "model_bounds", "nearest", "operators", "peaks"]

peaks = measured_peaks  # some functions here take peaks under that name
FLOATS = ("fp32", "bf16")
CLEAR = 1.1  # times the rate of fp32: less is no reason for another format
MOST = 2**31  # operators: more does not fit into any machine
BEYOND = 1.1  # times the measured time: a bound that says its peaks are wrong


@dataclass(frozen=True)
class FastestFormat:
    """The float format that this machine computes fastest, in prefill and in decode."""

    prefill: str
    decode: str
    peaks: Peaks

    def records(self) -> list[Record]:
        """Return the rates that say so: of square matrices, and of one token."""
        names = (quantities.PEAK.name, quantities.VECTOR_PRODUCT.name)
        return [fact for fact in self.peaks.records() if fact.name in names]

    def __str__(self) -> str:
        if self.prefill == self.decode:
            return f"{self.prefill} is fastest, in prefill and in decode"
        return f"{self.prefill} is fastest in prefill, {self.decode} in decode"


def fastest_format(*, device: str | torch.device = "cpu") -> FastestFormat:
    """Say which of fp32 and bf16 this machine computes faster; measured once and kept.

    Prefill multiplies matrices, decode a matrix by one token; bf16 moves half the bytes
    and may still be slower where the processor has no instruction for it. It is named
    only where it is clearly faster. Raises ValueError for an unknown device.
    """
    known = measured_peaks(FLOATS, device=device)
    prefill, decode = (
        "bf16" if rates["bf16"] > CLEAR * rates["fp32"] else "fp32"
        for rates in (known.flops, known.vectors)
    )
    return FastestFormat(prefill, decode, known)


def limits(working_set: int, *, dtype: str = "fp32") -> tuple[float, float]:
    """Return what this machine can do at most: its peak and its bandwidth.

    working_set: bytes that are read again and again, which decide how fast they come.
    The peak is in FLOP/s for this format, the bandwidth in B/s. Raises ValueError for
    bytes below 1.
    """
    way = "such as the bytes of a model's weights"
    arguments.whole("working_set", working_set, least=1, way=way)
    here = measured_peaks((dtype,))
    return here.flops[dtype], here.bandwidth_at(working_set)


def bounds(
    cost: Cost,
    *,
    peaks: Peaks,
    dtype: str = "fp32",
    operators: int = 0,
    working_set: int | None = None,
    subject: str = "",
    details: dict[str, Any] | None = None,
) -> list[Record]:
    """Return the least time of some work in seconds, by each of the three bounds.

    working_set: bytes read again in every step, which decides how fast they come; by
    default all that the step moves. Estimated from measured peaks.
    Raises ValueError when the peaks lack the format.
    """
    if not isinstance(cost, Cost):
        raise ValueError(
            f"cost={arguments.shown(cost)} is no work of a call; hand in "
            "model.cost(tokens, cached), or Cost(flops, bytes)."
        )
    _check_peaks(peaks)
    arguments.whole("operators", operators, most=MOST)
    if working_set is not None:
        arguments.whole("working_set", working_set, least=1)
    because_of = _details(details)
    if dtype not in tuple(peaks.flops):
        raise ValueError(
            f"dtype={arguments.shown(dtype)} is not among these peaks "
            f"({', '.join(peaks.flops)}); "
            "measure it: roofline.peaks(('fp32', 'bf16'))."
        )
    bandwidth = peaks.bandwidth_at(cost.bytes if working_set is None else working_set)
    bounds = [  # least seconds, what it follows from
        (cost.flops / peaks.flops[dtype],
         {"flops": cost.flops, "flops_per_second": peaks.flops[dtype]}),
        (cost.bytes / bandwidth,
         {"bytes": cost.bytes, "bytes_per_second": bandwidth}),
        (operators * peaks.operator_seconds,
         {"operators": operators, "operator_seconds": peaks.operator_seconds}),
    ]  # fmt: skip
    return [
        records.make(
            bound,
            seconds,
            kind="estimated",
            subject=subject,
            details=because_of | because,
            machine=peaks.label,
            date=peaks.date,
        )
        for bound, (seconds, because) in zip(quantities.BOUNDS, bounds, strict=True)
    ]


def model_bounds(
    model: LanguageModel,
    *,
    tokens: int,
    cached: int = 0,
    batch: int = 1,
    peaks: Peaks | None = None,
    details: dict[str, Any] | None = None,
) -> list[Record]:
    """Return the three bounds of one forward call: prefill, or with a cache decode.

    Both as generation runs them: the head answers only the last token of a row.

    Work is what the model counts itself; operators are counted in one real call.
    Details say phase, batch, tokens and cached. Raises ValueError beyond the context.
    """
    counted.check_call(model, tokens, cached, batch)
    if peaks is not None:
        _check_peaks(peaks)
    dtype = arithmetic_format(model)
    facts = {"phase": "decode" if cached else "prefill", "batch": batch}
    return bounds(
        model.cost(tokens, cached, batch=batch, last=True),
        peaks=peaks or measured_peaks((dtype,), device=labels.device(model)),
        dtype=dtype,
        operators=operators(model, tokens, cached, batch),
        subject=labels.label(model),
        details=facts | {"tokens": tokens, "cached": cached} | _details(details),
    )


def nearest(measured: Record, bounds: Sequence[Record]) -> Record:
    """Say where a step really is: the largest bound's share of the measured time.

    1 means as fast as this machine allows; details name the bound. It can come out
    above 1 only by as much as the peaks themselves vary from hour to hour: where it is
    clearly more, they were too low, and are measured again when next asked for.
    """
    if not isinstance(measured, Record):
        raise ValueError(
            f"measured={arguments.shown(measured)} is no record of a measured time."
        )
    listed = records.collect(bounds, "bounds")
    if not listed:
        raise ValueError("bounds is empty; roofline.model_bounds gives three.")
    largest = max(listed, key=lambda bound: bound.value)
    low = high = None
    if measured.low and measured.high:
        low, high = largest.value / measured.high, largest.value / measured.low
    share = records.make(
        quantities.SHARE_OF_THE_BOUND,
        largest.value / measured.value,
        kind="estimated",
        subject=measured.subject,
        machine=measured.machine,
        date=measured.date,
        details=dict(measured.details) | {"bound": largest.name},
        low=low,
        high=high,
    )
    if is_contradicted(share) and largest.date is not None:
        discard(largest.date)
    return share


def is_contradicted(share: Record) -> bool:
    """Say whether a "share of the bound" is clearly more than this machine allows.

    Then the peaks below the bound are too low. Other records contradict nothing.
    """
    if not isinstance(share, Record):
        raise ValueError(
            f"share={arguments.shown(share)} is no record; roofline.nearest gives one."
        )
    least = share.value if share.low is None else share.low
    return share.name == quantities.SHARE_OF_THE_BOUND.name and least > BEYOND


def operators(
    model: LanguageModel, tokens: int, cached: int = 0, batch: int = 1
) -> int:
    """Count the operators that Python hands to torch in a forward call, with views."""
    call = {"tokens": tokens, "cached": cached, "batch": batch}
    return counted.step(model, **call, composite=True).total


def _check_peaks(peaks: Peaks) -> None:
    if not isinstance(peaks, Peaks):
        raise ValueError(
            f"peaks={arguments.shown(peaks)} are no peaks of a machine; "
            "roofline.peaks() gives this one's."
        )


def _details(details: Mapping[str, Any] | None) -> dict[str, Any]:
    if details is None or isinstance(details, Mapping):
        return dict(details or {})
    raise ValueError(
        f"details={arguments.shown(details)} is no mapping; give names and values, "
        "such as {'prompt': 128}."
    )


def arithmetic_format(model: LanguageModel) -> str:
    """Return the format that the model computes in: its weights', or fp32.

    Beside integer weights it is that of the floats, such as the embeddings'.
    """
    name = machine.dtype_name(labels.dtype(model, floating=True))
    return name if name in ("fp32", "bf16", "fp16", "fp64") else "fp32"
