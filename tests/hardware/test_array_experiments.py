"""A real block on the array, busy cells, and a layer in fixed point, with pictures."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from hardware.matrices import looped, padded
from small_models import model

from llmlab import models, show
from llmlab.hardware import experiments, systolic
from llmlab.models import surgery


@pytest.fixture(scope="module")
def coder():
    return models.load("coder")


def fixed_dot(a, b, fraction, bits):
    total = sum(x * y for x, y in zip(a, b, strict=True))
    end = 2 ** (bits - 1)
    return max(-end, min(end - 1, (total + 2**fraction // 2) // 2**fraction))


def test_a_block_of_coder_runs_through_a_learners_parts(coder):
    array = experiments.array(coder, looped, padded)
    assert array.said.startswith("8 × 8 cells, 64 rows: 87 clocks, every sum exact")
    assert (
        array.run.product.tolist() == (rows_of(array.run) @ array.run.weights).tolist()
    )
    assert array.layer == "layers.4.mlp.down" and abs(array.run.weights).max() > 20
    assert [fact.value for fact in array.records()] == [87, 87]
    assert "87 clocks" in show.table(array)._repr_html_()


def rows_of(run):
    """Return the activations, read where they enter the array."""
    entering = run.inflow[run.size :]
    return np.stack([entering[i : i + run.rows, i] for i in range(run.size)], 1)


@pytest.mark.fpga
def test_the_circuit_beside_it_agrees(coder):
    pytest.importorskip("amaranth")
    array = experiments.array(coder, systolic.cycle, systolic.skew, size=4, rows=5)
    assert array.circuit is True
    assert array.said == (
        "4 × 4 cells, 5 rows: 16 clocks, every sum exact; Amaranth's circuit agrees, "
        "clock by clock."
    )
    other = replace(array, circuit=False, equal=False).said
    assert "not every sum exact; Amaranth's circuit does not agree" in other


def test_without_the_extra_it_says_so(coder, monkeypatch):
    monkeypatch.setitem(sys.modules, "amaranth", None)
    array = experiments.array(coder, systolic.cycle, systolic.skew, size=2, rows=3)
    assert array.circuit is None
    assert "2 × 2 cells, 3 rows: 8 clocks, every sum exact. There is no" in array.said
    assert "pip install 'llmlab[fpga]'" in array.said


def test_a_wrong_part_is_one_sentence(coder):
    def stuck(weights, activations, sums, inflow):
        return activations, sums

    with pytest.raises(ValueError, match="cycle has the sum 0 in cell"):
        experiments.array(coder, stuck, systolic.skew)
    with pytest.raises(ValueError, match="skew gave 64 × 8 for 64 rows of 8"):
        experiments.array(coder, systolic.cycle, lambda rows: rows)


def test_another_layer_is_taken_by_its_name(coder):
    name = "layers.0.attention.key"
    array = experiments.array(
        coder, systolic.cycle, systolic.skew, size=2, rows=2, layer=name
    )
    assert array.layer == name
    with pytest.raises(ValueError, match="layer='key' is no linear layer"):
        experiments.array(coder, systolic.cycle, systolic.skew, layer="key")


@pytest.mark.parametrize(
    "wrong, says",
    [({"size": 0}, "size=0"), ({"rows": 0}, "rows=0"), ({"size": 512}, "smaller")],
)
def test_a_block_that_cannot_be_is_refused(coder, wrong, says):
    with pytest.raises(ValueError, match=says):
        experiments.array(coder, systolic.cycle, systolic.skew, **wrong)


def test_a_model_without_texts_is_refused():
    with pytest.raises(ValueError, match="no tokenizer"):
        experiments.array(model("decoder"), systolic.cycle, systolic.skew)
    with pytest.raises(ValueError, match="load it"):
        experiments.narrow("coder", fixed_dot)


def test_busy_cells_are_counted_as_the_formula_says():
    busy = experiments.busy(sizes=(2, 8), rows=(1, 16, 64))
    assert busy.share(8, 64).value_text() == "73.6 %"
    assert busy.share(8, 1).value == pytest.approx(1 / 24)
    by_kind = {}
    for fact in busy.records():
        by_kind.setdefault(fact.kind, []).append(fact.value)
    assert by_kind["simulated"] == pytest.approx(by_kind["estimated"])
    html = show.figure(busy)._repr_html_()
    assert "8 × 8 cells: 1 row: 4.17 %, 16 rows: 41 %, 64 rows: 73.6 %." in html
    with pytest.raises(ValueError, match="choose size among 2, 8 and rows among 1, 16"):
        busy.share(8, 2)
    with pytest.raises(ValueError, match="rows="):
        experiments.busy(rows=())


def test_narrow_sums_lose_and_wide_ones_keep_what_the_result_can_say(coder):
    narrow = experiments.narrow(coder, fixed_dot)
    for way in ("wide", "saturates", "wraps"):
        assert narrow.error(12, sum=way).value > 0.3
        assert narrow.error(32, sum=way).value < 0.01
    assert narrow.enough() < narrow.enough(sum="saturates") <= 30
    assert f"results need {narrow.enough()} bits if the sum is wide" in narrow.said
    html = show.figure(narrow)._repr_html_()
    least = narrow.error(12).value_text()
    assert f"{least} with 12 bits" in html
    with pytest.raises(ValueError, match="bits=13 was not computed; choose of 12, 14"):
        narrow.error(13)
    with pytest.raises(ValueError, match="sum='long' is no way"):
        narrow.error(12, sum="long")


def test_what_rounds_every_product_is_told_where(coder):
    def early(a, b, fraction, bits):
        return sum((x * y) >> fraction for x, y in zip(a, b, strict=True))

    with pytest.raises(ValueError, match=r"fixed_dot gave -?\d+ for output 0 of token"):
        experiments.narrow(coder, early, bits=(32,), tokens=1, outputs=2)
    with pytest.raises(ValueError, match="fixed_dot=8 is no function"):
        experiments.narrow(coder, 8)
    with pytest.raises(ValueError, match="fraction=10 must be less than bits=8"):
        experiments.narrow(coder, fixed_dot, bits=(8, 16))


def test_the_layer_is_the_last_one_before_the_head(coder):
    assert [*surgery.linear_layers(coder)][-2:] == ["layers.4.mlp.down", "head"]
