"""A layer's int8 block on an array of cells, and how busy the cells of arrays are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from llmlab.core import arguments, records
from llmlab.core.records import Record
from llmlab.hardware import fpga, operands, systolic
from llmlab.hardware.experiments import layers
from llmlab.hardware.operands import Whole
from llmlab.hardware.quantities import ARRAY_CLOCKS, BUSY
from llmlab.hardware.systolic import Cycle, Run, Skew
from llmlab.kernels.format import Format
from llmlab.kernels.operators.plain import per_token
from llmlab.quantization import quantize_weight

SIZE, ROWS = 8, 64
SIZES = (4, 8, 16)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)  # rows


@dataclass(frozen=True)
class Array:
    """A product on an array: its states, whether it is exact, what the circuit says."""

    run: Run
    layer: str  # whose weights and inputs these are
    equal: bool  # every sum is that of the plain product
    circuit: bool | None  # the circuit had the same numbers; None: not simulated
    missing: str  # why there is no circuit, "" where there is one

    @property
    def said(self) -> str:
        """Say how many clocks it took, whether all is exact, and what Amaranth says."""
        size, rows = self.run.size, self.run.rows
        sums = "every sum exact" if self.equal else "not every sum exact"
        said = f"{size} × {size} cells, {rows} rows: {self.run.cycles} clocks, {sums}"
        if self.circuit is None:
            return f"{said}. There is no circuit beside it: {self.missing}"
        agrees = "agrees" if self.circuit else "does not agree"
        return f"{said}; Amaranth's circuit {agrees}, clock by clock."

    def records(self) -> list[Record]:
        """Return the clocks: simulated, and as the formula has them."""
        size, rows = self.run.size, self.run.rows
        details = {"size": size, "rows": rows}
        counts = {
            "simulated": self.run.cycles,
            "estimated": systolic.cycles(rows, size),
        }
        return [
            records.make(
                ARRAY_CLOCKS, count, kind=kind, subject=named(size), details=details
            )
            for kind, count in counts.items()
        ]


@dataclass(frozen=True)
class Busy:
    """Busy shares by rows, for arrays of some sizes: counted, and by the formula."""

    facts: tuple[Record, ...]

    def share(self, size: int, rows: int) -> Record:
        """Return the share that was counted; ValueError for others."""
        asked = {"size": size, "rows": rows}
        counted = [f for f in self.facts if f.kind == "simulated"]
        for fact in counted:
            if dict(fact.details) == asked:
                return fact
        sizes, counts = (
            ", ".join(map(str, dict.fromkeys(f.details[key] for f in counted)))
            for key in asked
        )
        raise ValueError(
            f"size={size!r}, rows={rows!r} was not counted; choose size among {sizes} "
            f"and rows among {counts}."
        )

    def records(self) -> list[Record]:
        """Return the shares that were counted, and those of the formula."""
        return list(self.facts)


def array(
    model: Any, cycle: Cycle, skew: Skew, *, size: int = SIZE, rows: int = ROWS,
    layer: str | None = None,
) -> Array:  # fmt: skip
    """Multiply a layer's int8 block with real activations on an array of cells.

    cycle, skew: the learner's. rows: tokens of a program that the model reads. layer:
    a linear layer's name, else the last one before the head. With the extra `fpga`
    Amaranth simulates the circuit beside it. ValueError says where a part goes wrong
    first.
    """
    size, rows = operands.size(size), operands.rows(rows)
    name, activations, weights = _block(model, layer, size, rows)
    run = systolic.run(activations, weights, cycle=cycle, skew=skew)
    equal = np.array_equal(run.product, activations @ weights)
    try:
        circuit = fpga.simulate(fpga.array(size), activations, weights)
    except ImportError as error:
        return Array(run, name, equal, None, str(error))
    return Array(run, name, equal, run.agrees(circuit), "")


def busy(*, sizes: Sequence[int] = SIZES, rows: Sequence[int] = COUNTS) -> Busy:
    """Count the cells that work in each clock, for arrays of some sizes and rows.

    A cell works when a row's activation is in it; all are 1 here. Loading, filling and
    draining count as clocks, too.
    """
    sizes = arguments.wholes("sizes", sizes, least=1, most=64, way="such as (4, 8)")
    rows = arguments.wholes("rows", rows, least=1, most=4096, way="such as (1, 16)")
    facts = []
    for size in sizes:
        weights = np.ones((size, size), np.int64)
        for count in rows:
            run = systolic.run(np.ones((count, size), np.int64), weights)
            counted = run.busy
            formula = count / systolic.cycles(count, size)
            details = {"size": size, "rows": count}
            for kind, share in (("simulated", counted), ("estimated", formula)):
                facts.append(
                    records.make(
                        BUSY, share, kind=kind, subject=named(size), details=details
                    )
                )
    return Busy(tuple(facts))


def named(size: int) -> str:
    """Say how many cells an array has."""
    return f"{size} × {size} cells"


def _block(
    model: Any, layer: str | None, size: int, rows: int
) -> tuple[str, Whole, Whole]:
    """Return the layer's name, activations (M, N) and weights (N, N) as int8."""
    name, weight, inputs = layers.seen(model, layer, tokens=rows)
    whole, _ = per_token(inputs)
    if min(*weight.shape) < size or len(inputs) < rows:
        raise ValueError(
            f"size={size}, rows={rows}: {name} is {weight.shape[0]} × "
            f"{weight.shape[1]}, and the program has {len(inputs)} tokens; ask for a "
            "smaller block or fewer rows."
        )
    integers = quantize_weight(weight, Format()).integers.flatten(1)  # (O, I)
    kept = integers[:size, :size].T.numpy().astype(np.int64)
    return name, whole[:, :size].numpy().astype(np.int64), kept
