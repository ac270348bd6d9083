"""Sentences of tutorials on quantization, and whether they hold on this machine.

Each is quoted as it was written. Here stands what was measured, and the bar that a
word like "similar" was given beforehand.
"""

from llmlab.core.records import Record
from llmlab.measure.claims import FAILS, HOLDS, Claim, Claims, high_end, of_speed
from llmlab.quantization.experiments.files import FileSizes
from llmlab.quantization.experiments.formats import FormatsRace
from llmlab.quantization.experiments.qualities import QualityGrid

SIMILAR = 0.01  # more bits per byte, as a share of what they were
FOUR = 3.9  # times smaller: a tokenizer's file stands beside the weights
INTEGERS = "int8-dynamic"  # the format that multiplies integers


def claims(race: FormatsRace, grid: QualityGrid, files: FileSizes) -> Claims:
    """Hold what tutorials say of 8 and 16 bits against three experiments.

    race: with fp32 and int8. grid: with int8 and int16. files: with int8, the first of
    them fp32. Raises ValueError where one of them lacks it.
    """
    size = files.ratio("int8")
    made: list[Claim] = [
        Claim(
            "8-bit integers take up 4 times less memory",
            f"the file is {size.value:.2f} times smaller",
            HOLDS if size.value >= FOUR else FAILS,
        )
    ]  # fmt: skip
    for bits in (16, 8):
        added = grid.added(f"int{bits}")
        made.append(
            Claim(
                f"{bits}-bit integers: similar performance",
                f"{added.value:+.2%} bits per byte{_ends(added)}",
                HOLDS if high_end(added) <= SIMILAR else FAILS,
            )
        )  # fmt: skip
    for phase, doing in (("prefill", "reading a prompt"), ("decode", "writing")):
        made.append(_speed(race, phase, doing))
    return Claims(tuple(made))


def _ends(added: Record) -> str:
    if added.low is None or added.high is None:
        return ""
    return f" ({100 * added.low:+.2f} to {100 * added.high:+.2f} %)"


def _speed(race: FormatsRace, phase: str, doing: str) -> Claim:
    fact = race.ratio(INTEGERS, of=phase)
    return Claim(
        f"8-bit integers: less computation, {doing}",
        f"{INTEGERS} is {fact.value:.2f} times as fast as fp32", of_speed(fact),
    )  # fmt: skip
