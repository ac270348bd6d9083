"""A layer in fixed point: what is lost where results, or sums, have few bits.

Shapes: M tokens, O outputs, I inputs of a layer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmlab.core import arguments, records
from llmlab.core.arguments import shown
from llmlab.core.records import Record
from llmlab.hardware import fixed_point
from llmlab.hardware.experiments import layers
from llmlab.hardware.quantities import ACCUMULATOR_BITS, FIXED_ERROR

FixedDot = Callable[[list[int], list[int], int, int], int]
OWN = "wide sum, narrow result (yours)"
SATURATES, WRAPS = "narrow sum, saturates", "narrow sum, wraps around"
WORDS = {"wide": OWN, "saturates": SATURATES, "wraps": WRAPS}
BITS = (12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32)
FRACTION = 10
INPUT_BITS = 32  # so that nothing is lost but by rounding before the sum
TOKENS, OUTPUTS = 4, 64
LIKE_BEST = 1.1  # times the error of the most bits


@dataclass(frozen=True)
class Narrow:
    """Errors of a layer's outputs by bits, for three ways to keep the sum."""

    facts: tuple[Record, ...]
    layer: str

    def error(self, bits: int, *, sum: str = "wide") -> Record:
        """Return the error with so many bits; ValueError for others.

        sum: "wide" (the learner's), "saturates" or "wraps", both kept in these bits.
        """
        if sum not in WORDS:
            raise ValueError(f"sum={sum!r} is no way; choose of {', '.join(WORDS)}.")
        curve = self._curve(WORDS[sum])
        if bits not in curve:
            raise ValueError(
                f"bits={shown(bits)} was not computed; choose of "
                f"{', '.join(map(str, curve))}."
            )
        return curve[bits]

    def enough(self, *, sum: str = "wide") -> int:
        """Return the fewest bits that lose no more than the most bits do."""
        curve = self._curve(WORDS[sum])
        most = curve[max(curve)].value
        return min(bits for bits, f in curve.items() if f.value <= LIKE_BEST * most)

    @property
    def needed(self) -> Record:
        """The bits of an accumulator that saturates and loses nothing."""
        bits = self.enough(sum="saturates")
        return records.make(
            ACCUMULATOR_BITS, bits, kind="simulated", subject=self.layer
        )

    @property
    def said(self) -> str:
        """Say how many bits results and sums need, and what is lost below."""
        curve = self._curve(OWN)
        least, most = min(curve), max(curve)
        return (
            f"{self.layer}: results need {self.enough()} bits if the sum is wide, and "
            f"a sum that is kept narrow needs {self.enough(sum='saturates')}. Results "
            f"of {least} bits are off by {curve[least].value_text()}; what stays, "
            f"{curve[most].value_text()}, is the rounding to "
            f"{curve[most].details['fraction']} fraction bits."
        )

    def records(self) -> list[Record]:
        """Return the errors, the way to keep the sum as subject."""
        return list(self.facts)

    def _curve(self, subject: str) -> dict[int, Record]:
        return {f.details["bits"]: f for f in self.facts if f.subject == subject}


def narrow(
    model: Any, fixed_dot: FixedDot, *, bits: Sequence[int] = BITS,
    fraction: int = FRACTION, tokens: int = TOKENS, outputs: int = OUTPUTS,
    layer: str | None = None,
) -> Narrow:  # fmt: skip
    """Compute outputs of a layer in fixed point, with fewer and more bits.

    fixed_dot: the learner's (a, b, fraction, bits) -> int, called once for an output.
    layer: a linear layer's name, else the last one before the head. Errors are the norm
    of all differences over the norm of what float64 gives. ValueError says where
    fixed_dot goes wrong first.
    """
    bits = arguments.wholes("bits", bits, least=2, way="such as (12, 16, 32)")
    fixed_point.ends(min(bits), fraction)
    arguments.function("fixed_dot", fixed_dot, way="hand in that of the exercise")
    name, weight, inputs = layers.seen(
        model, layer, tokens=arguments.whole("tokens", tokens, least=1)
    )
    weight = weight[: arguments.whole("outputs", outputs, least=1)]
    exact = inputs.double().numpy() @ weight.double().numpy().T  # (M, O)
    a, b = (
        fixed_point.encode(part.numpy(), bits=INPUT_BITS, fraction=fraction)
        for part in (inputs, weight)
    )
    facts = []
    for width in bits:
        sums = {
            OWN: _learned(fixed_dot, a, b, fraction, width),
            SATURATES: _kept(a, b, fraction, width, saturate=True),
            WRAPS: _kept(a, b, fraction, width, saturate=False),
        }
        details = {"bits": width, "fraction": fraction}
        for subject, whole in sums.items():
            off = np.linalg.norm(whole / 2.0**fraction - exact)
            error = float(off / np.linalg.norm(exact))
            facts.append(
                records.make(
                    FIXED_ERROR, error, kind="simulated", subject=subject,
                    details=details,
                )
            )  # fmt: skip
    return Narrow(tuple(facts), name)


def _kept(a: Any, b: Any, fraction: int, bits: int, *, saturate: bool) -> Any:
    """Return the sums (M, O) of an accumulator of so many bits."""
    return fixed_point.dot(
        a[:, None], b[None], fraction=fraction, bits=INPUT_BITS,
        accumulator_bits=bits, saturate=saturate,
    )  # fmt: skip


def _learned(
    part: FixedDot, a: NDArray[np.int64], b: NDArray[np.int64], fraction: int, bits: int
) -> NDArray[np.int64]:
    """Return the learner's sums (M, O); ValueError for the first that is wrong."""
    right = fixed_point.dot(a[:, None], b[None], fraction=fraction, bits=bits)
    rows, columns = a.tolist(), b.tolist()
    for token, row in enumerate(rows):
        for output, column in enumerate(columns):
            answer = part(list(row), list(column), fraction, bits)
            if not arguments.is_number(answer) or answer != right[token, output]:
                raise ValueError(
                    f"fixed_dot gave {shown(answer)} for output {output} of token "
                    f"{token} with bits={bits}, fraction={fraction}, and "
                    f"{right[token, output]} is right; add up first, round once, then "
                    "stay within the bits."
                )
    return right
