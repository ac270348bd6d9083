"""What a layer allocates by the length of the text: to read, to go on, to remember."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import torch

from llmlab.attention_vs_rnn import workloads
from llmlab.attention_vs_rnn.layers import MixerLayer, state_bytes
from llmlab.attention_vs_rnn.quantities import DECODE_MEMORY, PREFILL_MEMORY, STATE
from llmlab.attention_vs_rnn.workloads import LENGTHS, Layers
from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.measure import memory

PHASES = {PREFILL_MEMORY: workloads.prefill, DECODE_MEMORY: workloads.decode}


def allocated(
    layers: Layers,
    *,
    lengths: Sequence[int] = LENGTHS,
    longest: Mapping[str, int] = MappingProxyType({}),
) -> list[Record]:
    """Return what is allocated at each length, in bytes, with details["tokens"].

    "prefill memory" and "decode memory" are the most that torch had handed out during
    a call, its result included; "state" is what is kept for the tokens to come.
    layers: name -> layer. Raises ValueError for no layers or no lengths.
    """
    workloads.check(layers, lengths)
    return [
        fact
        for length in progress.track(sorted(lengths), "memory by length")
        for name, layer in workloads.within(layers, length, longest).items()
        for fact in _of_one(name, layer, length)
    ]


@torch.inference_mode()
def _of_one(name: str, layer: MixerLayer, length: int) -> list[Record]:
    details = {"tokens": length}
    facts = []
    for what, call_of in PHASES.items():
        peak, _ = memory.peak(call_of(layer, length))
        facts.append(replace(peak, name=what.name, subject=name, details=details))
    held = state_bytes(layer.new_state(1, length))
    state = records.measured(STATE, held, subject=name, details=details)
    return [*facts, state]
