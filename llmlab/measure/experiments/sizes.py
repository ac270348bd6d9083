"""A model that does not fit: what follows from its configuration and this machine.

Built on the meta device it has shapes and no memory, so its parameters are counted
exactly; the least time of a token is the roofline at this machine's main memory.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from llmlab.core import arguments, quantities, records
from llmlab.core.attention_sizes import AttentionShape, attention_shape
from llmlab.core.records import Record
from llmlab.measure import peaks as machine_peaks

BITS = (32, 16, 8)

StepBytes = Callable[[int, Any, int, int, float], float]
Roofline = Callable[[float, float, float, float], tuple[float, str]]


@dataclass(frozen=True)
class AtSize:
    """Estimates for one model, by the bits of a weight."""

    name: str
    parameters: int
    shape: AttentionShape
    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return parameters, weights and the least time of a token, by bits."""
        return list(self.facts)

    def seconds(self, bits: int) -> Record:
        """Return the least time of a token in so many bits; ValueError for others."""
        for fact in self.facts:
            if fact.name == str(quantities.LEAST_TIME) and fact.details["bits"] == bits:
                return fact
        raise ValueError(f"bits={bits} was not asked for; name it in bits=(…).")


def at_size(
    config: Any,
    *,
    name: str = "",
    bits: Sequence[int] = BITS,
    cached: int = 0,
    step_bytes: StepBytes | None = None,
    roofline: Roofline | None = None,
    peaks: machine_peaks.Peaks | None = None,
) -> AtSize:
    """Estimate the weights and the least time of a token of a model on this machine.

    config: a configuration of transformers, or a folder or name that has one. name:
    what it is called in the records. cached: tokens behind the step. step_bytes,
    roofline: the learner's functions of lab 1, instead of the package's. Arithmetic is
    at the peak of fp32, reading at the bandwidth of main memory, whatever the bits.
    Raises ValueError for something else than a configuration, and bits below 1.
    """
    config = _config(config)
    arguments.wholes("bits", bits, least=1, way="such as (32, 16, 8)")
    arguments.whole("cached", cached, most=2**40)
    for what, given in {"step_bytes": step_bytes, "roofline": roofline}.items():
        if given is not None:
            arguments.function(what, given, way="hand in that of lab 1, or nothing")
    if peaks is not None and not isinstance(peaks, machine_peaks.Peaks):
        raise ValueError(
            f"peaks={arguments.shown(peaks)} are no peaks; roofline.peaks() gives them."
        )
    peaks = peaks or machine_peaks.peaks(("fp32",))
    parameters, shape = count_parameters(config), attention_shape(config)
    name = name or config.model_type
    facts: list[Record] = []
    for width in bits:
        value_bytes = width // 8 if width % 8 == 0 else width / 8
        moved = (step_bytes or bytes_of_step)(parameters, shape, cached, 1, value_bytes)
        rate = peaks.bandwidth[-1][1]
        seconds, bound = (roofline or least_time)(
            2 * parameters, moved, peaks.flops["fp32"], rate
        )
        place = {"bits": width}
        facts += [
            _fact(quantities.PARAMETERS, parameters, peaks, place),
            _fact(quantities.WEIGHTS, parameters * width / 8, peaks, place),
            _fact(quantities.LEAST_TIME, seconds, peaks, place | {"bound": bound}),
        ]
    facts = [
        replace(each, subject=f"{name}, {each.details['bits']} bits") for each in facts
    ]
    return AtSize(name, parameters, shape, tuple(facts))


def count_parameters(config: Any) -> int:
    """Return the parameters of a configuration, exactly, without making them."""
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return sum(weight.numel() for weight in model.parameters())


def bytes_of_step(
    parameters: int, shape: Any, cached: int, batch: int, value_bytes: float
) -> float:
    """Return what a decode step reads: every weight, and keys and values of a row."""
    token = 2 * shape.layers * shape.kv_heads * shape.head_width * value_bytes
    return parameters * value_bytes + batch * (cached + 1) * token


def least_time(
    flops: float, moved: float, peak: float, bandwidth: float
) -> tuple[float, str]:
    """Return the least seconds of some work, and which bound they follow from."""
    return max((flops / peak, "compute"), (moved / bandwidth, "bandwidth"))


def _fact(
    what: quantities.Quantity, value: float, peaks: Any, details: dict[str, Any]
) -> Record:
    note = {"note": peaks.note} if peaks.note else {}
    return records.make(
        what, value, kind="estimated", details=details | note, machine=peaks.label,
        date=peaks.date,
    )  # fmt: skip


def _config(config: Any) -> Any:
    from transformers import AutoConfig, PreTrainedConfig

    if isinstance(config, PreTrainedConfig):
        return config
    try:
        return AutoConfig.from_pretrained(str(config), trust_remote_code=False)
    except Exception as error:  # transformers' own rules fail in many ways
        raise ValueError(
            f"config={config!r:.60} is no configuration of transformers, and no folder "
            "or name of one; give such as GPT2Config(n_layer=96)."
        ) from error
