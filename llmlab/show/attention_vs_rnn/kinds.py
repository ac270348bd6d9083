"""The results of lab 2 and the picture that each gets from `show.figure`."""

from typing import Any

from matplotlib.figure import Figure

from llmlab.attention_vs_rnn import quantities as names
from llmlab.core import records
from llmlab.core.quantities import BITS_PER_TOKEN, DECODE_LATENCY, PREFILL_LATENCY
from llmlab.show import registry
from llmlab.show.attention_vs_rnn import (
    attended,
    by_length,
    contexts,
    maps,
    norms,
    score_times,
)


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(names.ATTEND_LATENCY, names.SCORE_TIME, draw=score_times.scores,
        alt=score_times.scores_alt)  # fmt: skip
    add(names.ATTENTION_WEIGHT, key="head", draw=_map, alt=_sentence)
    add(names.ATTENTION_WEIGHT, names.EFFECT_OF_REMOVAL, draw=attended.readings,
        alt=attended.readings_alt)  # fmt: skip
    add(names.GRADIENT_NORM, draw=norms.gradients, alt=norms.gradients_alt)
    add(names.SCAN_LATENCY, draw=by_length.scans, alt=by_length.scans_alt)
    add(PREFILL_LATENCY, DECODE_LATENCY, names.STATE,
        draw=by_length.costs, alt=by_length.costs_alt)  # fmt: skip
    add(BITS_PER_TOKEN, names.GAIN_FROM_CONTEXT, draw=contexts.positions,
        alt=contexts.positions_alt)  # fmt: skip


def _map(result: Any, *, title: str | None = None) -> Figure:
    return maps.attention_map(records.collect(result), title=title)


def _sentence(facts: Any) -> str:
    return f"Attention map: {maps.sentence(maps.one_head(facts))}."
