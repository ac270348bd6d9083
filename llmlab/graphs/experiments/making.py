"""Every way to run a call, built for its sizes, or one sentence why it is not here."""

from collections.abc import Sequence
from dataclasses import dataclass

from llmlab.core import arguments, clock, machine
from llmlab.graphs import engines, folding, fusing, runners
from llmlab.graphs.experiments.inputs import Model
from llmlab.graphs.experiments.rungs import CALLS, EAGER, Rung
from llmlab.kernels.format import Format
from llmlab.measure import operators
from llmlab.quantization import quantize

FUSED = "fused"
RARE = ("aot", "cuda graph")  # the same kernels in a file; a GPU's
BUILT = {
    name: way
    for way, name in runners.WAYS.items()
    if way not in (runners.NATIVE, *RARE)
}
NATIVE = runners.WAYS[runners.NATIVE]
WAYS = (EAGER, FUSED, *BUILT, NATIVE)


@dataclass(frozen=True)
class Sizes:
    """What a call brings: tokens in the cache before it, its rows, new ones of each."""

    cached: int
    length: int  # places of the caches
    rows: int = 1
    new: int = 1


def chosen(ways: Sequence[str]) -> list[str]:
    """Return the ways in the order of WAYS; ValueError for others."""
    wrong = [way for way in ways if way not in WAYS]
    if wrong or isinstance(ways, str):
        raise ValueError(
            f"ways={arguments.shown(ways)} must be some of {', '.join(WAYS)}."
        )
    return [way for way in WAYS if way in ways]


def made(
    model: Model, ways: Sequence[str], sizes: Sizes
) -> tuple[dict[str, Rung], dict[str, str]]:
    """Build the ways, the eager model first; those not here come with a sentence.

    Others' threads are as many as torch will have: those that neighbours leave.
    """
    threads = clock.within(machine.threads())
    rungs = {EAGER: Rung(model, _operators(model, sizes), engines.OPERATORS)}
    absent: dict[str, str] = {}
    for way in ways:
        if way == EAGER:
            continue
        try:
            if way == FUSED:
                rungs[way] = _fused(model, sizes)
            elif way == NATIVE:
                rungs[way] = _native(model)
            else:
                rungs[way] = _program(model, BUILT[way], sizes, threads)
        except ValueError as error:
            absent[way] = f"{way} is not here: {error}"
    return rungs, absent


def _operators(model: Model, sizes: Sizes) -> int:
    return operators.step(
        model, tokens=sizes.new, cached=sizes.cached, batch=sizes.rows
    ).kernels


def _fused(model: Model, sizes: Sizes) -> Rung:
    watch = clock.Host()
    start = watch.look()
    fused = fusing.fuse(folding.fold_norms(model))
    seconds = watch.seconds(start, watch.look())
    return Rung(fused, _operators(fused, sizes), engines.OPERATORS, seconds)


def _native(model: Model) -> Rung:
    """Build the native step of an int8 model, or of the int8 version of another."""
    known = getattr(model, "format", None) or ""
    if known and not known.startswith("int8"):
        raise ValueError(
            f"model is in {known}, and this way is int8; hand in the model in float32, "
            "or in int8."
        )
    model = model if known else quantize(model, Format(bits=8))
    built = runners.compiled(model)
    if built.reason:
        raise ValueError(built.reason)
    return Rung(built, 1, CALLS, built.built.value)


def _program(model: Model, by: str, sizes: Sizes, threads: int) -> Rung:
    built = runners.compiled(
        model, by, length=sizes.length, batch=sizes.rows, tokens=sizes.new,
        threads=threads if by in runners.THREADED else None,
    )  # fmt: skip
    total = sum(built.engine.starts.values())
    return Rung(built, total, built.engine.unit, built.built.value)
