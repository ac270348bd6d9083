"""Sentences that are said of hardware, and whether they hold on this machine.

Those of tutorials are quoted; a word like "faster" was given a bar before. What speaks
of a chip that is not here stays open, whatever was recorded or simulated of it.
"""

from typing import Any

from llmlab.core.records import Record
from llmlab.hardware.experiments.cores import PHASES, Threads
from llmlab.hardware.experiments.formats import PLAIN, Precision
from llmlab.hardware.experiments.joules import Energy
from llmlab.hardware.experiments.linears import CLOSE
from llmlab.hardware.experiments.logs import Libraries
from llmlab.measure import comparison
from llmlab.measure.claims import (
    ABSENT,
    FAILS,
    HOLDS,
    OPEN,
    PARTLY,
    Claim,
    Claims,
    of_speed,
)

CLEAR = 1.05  # times: less is no difference where there is no interval

Result = Any  # of an experiment of this lab, by what it offers


def claims(
    crossing: Result, precision: Precision, chunks: Result, array: Result,
    libraries: Libraries, threads: Threads, tpu: Result, gpu: Result, energy: Energy,
) -> Claims:  # fmt: skip
    """Hold what is said of hardware against the experiments of the lab."""
    return Claims(
        (
            _knee(crossing),
            _precision(precision),
            _chunks(chunks),
            _parallel(threads),
            _routines(libraries),
            _energy(energy),
            _gpu(gpu),
            _cudnn(),
            _tpu(tpu),
            _fpga(array),
        )
    )


def _knee(crossing: Result) -> Claim:
    ratio = crossing.ratio.value
    return Claim(
        "a layer leaves the slope where its intensity is peak over bandwidth",
        f"the knee came at {crossing.tokens.value:.3g} tokens, "
        f"{crossing.expected.value:.3g} were expected",
        HOLDS if 1 / CLOSE <= ratio <= CLOSE else FAILS,
    )


def _precision(precision: Precision) -> Claim:
    """Hold where formats are faster just if an instruction multiplies them."""
    gains = {
        name: precision.ratio(name, precision.most_tokens)
        for name in precision.formats
        if name != PLAIN
    }
    able = [_faster(g) for name, g in gains.items() if precision.instructions(name)]
    rest = [_faster(g) for name, g in gains.items() if not precision.instructions(name)]
    if able:
        whole = all(able) and not any(rest)
        verdict = HOLDS if whole else PARTLY if any(able) else FAILS
    else:
        verdict = FAILS if any(rest) else OPEN
    return Claim(
        "low precision speeds up computation, especially on hardware that supports "
        "low-precision arithmetic",
        precision.said.rstrip("."),
        verdict,
    )


def _chunks(chunks: Result) -> Claim:
    gain = chunks.gain
    return Claim(
        "work on pieces of the right size pays",
        f"the best chunk is {gain.value:.2g} times as fast as the whole",
        of_speed(gain),
    )


def _parallel(threads: Threads) -> Claim:
    """Hold where every number of threads up to the cores is surely faster than one.

    With busy neighbours no number of threads had its cores, so it stays open.
    """
    gains = [
        gain
        for of in PHASES
        for gain in threads.ratios(of)
        if gain.details["threads"] <= threads.cores
    ]
    words = {gain.details["verdict"] for gain in gains}
    if threads.note or words <= {comparison.SAME}:
        verdict = OPEN
    elif comparison.FASTER in words:
        verdict = HOLDS if words == {comparison.FASTER} else PARTLY
    else:
        verdict = FAILS
    return Claim(
        "faster inference times through parallelism",
        " ".join([threads.said, threads.note]).strip().rstrip("."),
        verdict,
    )


def _routines(libraries: Libraries) -> Claim:
    of = libraries.share
    return Claim(
        "oneDNN offers optimized routines for deep learning workloads",
        f"of the {of.details['products']} products of a decode step "
        f"{of.details['onednn']} ran in oneDNN and {of.details['mkl']} in MKL"
        f"{_elsewhere(libraries)}",
        HOLDS if of.value == 1 else PARTLY if of.value or _others(libraries) else FAILS,
    )


def _others(libraries: Libraries) -> list[str]:
    """Return what else than the products of a step oneDNN computed."""
    return [
        str(fact.details["work"])
        for fact in libraries.records()
        if fact.details.get("library") == "oneDNN"
    ]


def _elsewhere(libraries: Libraries) -> str:
    others = _others(libraries)
    return f"; oneDNN computed {', '.join(others)}" if others else ""


def _energy(energy: Energy) -> Claim:
    """Hold where a token of a batch takes clearly fewer joules."""
    sentence = "a batch saves energy"
    if not energy.is_known:
        return Claim(sentence, energy.said.rstrip("."), ABSENT)
    few, many = energy.batches[0], energy.batches[-1]
    one, other = energy.per_token(few), energy.per_token(many)
    ratio = one.value / other.value
    verdict = HOLDS if ratio > CLEAR else FAILS if ratio < 1 / CLEAR else OPEN
    if one.kind == "estimated":  # stated watts make of any longer time more energy
        verdict = ABSENT
    return Claim(
        sentence,
        f"a token takes {one.value:.3g} J with {few} row{'' if few == 1 else 's'}, "
        f"{other.value:.3g} J with {many}",
        verdict,
        kind=one.kind,
    )


def _gpu(gpu: Result) -> Claim:
    return Claim(
        "GPUs can perform parallel processing effectively",
        gpu.said.rstrip("."),
        ABSENT,
        kind="recorded" if gpu.rows else "measured",
    )


def _cudnn() -> Claim:
    return Claim(
        "cuDNN offers optimized routines for deep learning workloads",
        "it computes on NVIDIA's cards alone, and none was asked",
        ABSENT,
    )


def _tpu(tpu: Result) -> Claim:
    return Claim(
        "TPUs are designed for tensor computations",
        tpu.said.rstrip("."),
        ABSENT,
        kind="recorded" if tpu.is_recorded else "measured",
    )


def _fpga(array: Result) -> Claim:
    return Claim(
        "FPGAs: customizable hardware acceleration",
        f"{array.said.rstrip('.')}; no FPGA ran it, so no time is given",
        ABSENT,
        kind="simulated",
    )


def _faster(gain: Record) -> bool:
    return gain.details["verdict"] == comparison.FASTER
