"""Sentences that are said of graphs, and whether they hold on this machine.

"Cost" is held against three counters, since it may mean any of them: what is started,
what is moved, what is computed.
"""

from collections.abc import Iterable
from typing import Any

from llmlab.graphs.experiments.folds import BF16, BF16_FOLDED, Folded
from llmlab.graphs.experiments.fusions import BOTH, PLAIN, Fused
from llmlab.graphs.experiments.moves import GELU, Moved
from llmlab.graphs.experiments.rungs import EAGER
from llmlab.measure.claims import (
    ABSENT,
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    Claim,
    Claims,
    of_cases,
    of_speed,
)

COMPILED, STATIC = "compiled", "static"  # ways of the ladder

Ladder = Any  # experiments.Ladder, by what it offers


def claims(
    folded: Folded, fused: Fused, moved: Moved, growing: Any, ladder: Ladder
) -> Claims:
    """Hold what is said of graphs against the experiments of the lab."""
    return Claims(
        (
            _starts(fused),
            _bytes(moved),
            _flops(fused),
            _step(fused),
            _bf16(folded),
            _once(growing),
            _static(ladder),
            _same(ladder),
        )
    )


def _starts(fused: Fused) -> Claim:
    before, after = fused.kernels(PLAIN), fused.kernels(BOTH)
    return Claim(
        "node fusion: combine multiple nodes into one to reduce the overhead",
        f"{after} operators instead of {before} compute in a step",
        HOLDS if after < before else FAILS,
    )


def _bytes(moved: Moved) -> Claim:
    saved = moved.saved(GELU)
    return Claim(
        "layer fusion reduces the memory footprint",
        f"GELU in eight kernels moves {saved.value:.3g} times the bytes of one, and "
        f"one is {moved.ratio(GELU).value:.2g} times as fast; weights take what they "
        "took",
        PARTLY if saved.value > 1 else FAILS,
        "estimated",
    )


def _flops(fused: Fused) -> Claim:
    before, after = fused.flops(PLAIN), fused.flops(BOTH)
    return Claim(
        "layer fusion reduces the computational cost",
        f"{after / 1e6:.4g} of {before / 1e6:.4g} MFLOPs of a step are left",
        HOLDS if after < before else FAILS,
    )


def _step(fused: Fused) -> Claim:
    decode, prefill = fused.ratio(BOTH), fused.ratio(BOTH, prefill=True)
    return Claim(
        "a step with fewer operators is faster",
        f"{decode.value:.2f} times as fast folded and fused, and a prefill "
        f"{prefill.value:.2f} times",
        of_speed(decode),
    )


def _bf16(folded: Folded) -> Claim:
    changed = folded.changed(BF16_FOLDED)
    plain, other = folded.error(BF16), folded.error(BF16_FOLDED)
    return Claim(
        "folding a norm changes nothing",
        f"in bf16 a logit changes by {changed.value:.2g}; its error is "
        f"{other.value:.2g}, and {plain.value:.2g} as it is",
        FAILS if changed.value else HOLDS,
    )


def _once(growing: Any) -> Claim:
    return Claim(
        "a static graph is compiled once",
        growing.said.rstrip("."),
        HOLDS if growing.static.value == 1 < growing.compilations.value else FAILS,
    )


def _static(ladder: Ladder) -> Claim:
    """Hold where the compiled step is surely faster than the eager one."""
    text = "compile models into static graphs for faster execution"
    try:
        compiled = ladder.ratio(COMPILED)
    except ValueError:
        return Claim(text, "nothing was compiled here", ABSENT)
    return Claim(
        text,
        f"a step is {compiled.value:.2f} times as fast compiled, and "
        f"{ladder.ratio(STATIC).value:.2f} times static by torch's own operators",
        of_speed(compiled),
    )


def _same(ladder: Ladder) -> Claim:
    ways = [way for way in ladder.ways if way != EAGER]
    exact = [way for way in ways if "int8" not in way]
    shares = [ladder.alike(way).value for way in exact]
    others = "".join(
        f"; {ladder.alike(way).value:.0%} by {way}" for way in ways if way not in exact
    )
    return Claim(
        "optimizing the graph leaves the answers as they are",
        f"{_least(shares):.0%} of the tokens are those of eager, at the least, by "
        f"{len(shares)} {'way' if len(shares) == 1 else 'ways'} in fp32{others}",
        of_cases(share == 1 for share in shares) if shares else OPEN,
    )


def _least(shares: Iterable[float]) -> float:
    return min(shares, default=1.0)
