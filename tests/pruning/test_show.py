"""The pictures of lab 5 show every record, and say in words what they show."""

from types import SimpleNamespace

import pytest
import torch

from llmlab import show
from llmlab.core import records
from llmlab.core.quantities import DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.pruning.quantities import INFLUENCE, LOST, SPARSE_SPEED_UP, ZEROS
from llmlab.show.pruning import drawings, losses

DRAWINGS = ("mask", "inputs", "two_of_four", "neurons", "iterative")


class Result:
    def __init__(self, *facts):
        self.facts = facts

    def records(self):
        return list(self.facts)


def lost(subject, value, **details):
    return records.measured(
        LOST, value, low=0.8 * value, high=1.2 * value, subject=subject, details=details
    )


def said(result):
    return show.figure(result)._repr_html_()


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_has_alt_text(name):
    assert 'alt="' in getattr(drawings, name)()._repr_html_()


def test_losses_by_sparsity_are_a_curve_for_each_subject():
    facts = [
        lost(name, share / 2, sparsity=share) for name in "ab" for share in (0.3, 0.5)
    ]
    html = said(Result(*facts))
    assert "a: +15 % at 30%, +25 % at 50%" in html and "b: +15 %" in html


def test_losses_with_a_pattern_get_a_panel_each():
    facts = [
        lost("wanda", 0.15, sparsity=0.5, pattern=""),
        lost("wanda", 0.46, sparsity=0.5, pattern="2:4"),
    ]
    html = said(Result(*facts))
    assert "Wanda, anywhere: +15 %" in html and "Wanda, 2:4: +46 %" in html


def test_choices_are_rows():
    html = said(
        Result(
            lost("yours", 0.044, part="neurons"), lost("random", 0.1, part="neurons")
        )
    )
    assert "yours: +4.4 %; random: +10 %" in html


def test_a_gap_divides_the_trained_models_from_the_next_one():
    rows = [("at once", 0), ("step by step", 16), ("fewer neurons", 0)]
    facts = [lost(name, 0.3, steps=steps) for name, steps in rows]
    assert "zeros step by step (yours): +30 %" in said(Result(*facts))
    axes = losses.healed(Result(*facts)).axes[0]
    assert [*axes.get_yticks()] == [0, 1, 2.5]


def test_influence_and_loss_stand_beside_each_other():
    facts = []
    for place, (influence, loss) in enumerate([(1.1, 3.5), (0.2, 0.3), (0.1, 0.4)]):
        name = f"layer {place}"
        facts += [
            records.measured(
                INFLUENCE, influence, subject=name, details={"layer": place}
            ),
            lost(name, loss, part="layer"),
        ]
    html = said(Result(*facts))
    assert "layer 2 has the least influence, but layer 1 is missed least" in html


def test_the_first_sure_gain_of_a_sparse_product_is_said():
    facts = [
        records.measured(
            SPARSE_SPEED_UP,
            value,
            low=0.9 * value,
            high=1.1 * value,
            subject="one token",
            details={"sparsity": share, "tokens": 1},
        )
        for share, value in ((0.5, 0.2), (0.9, 1.05), (0.95, 1.5))
    ]
    assert "surely faster at 95% first" in said(Result(*facts))


def test_shapes_have_a_loss_and_two_speeds():
    ratios = [
        records.measured(what, 1.5, low=1.4, high=1.6, subject="three layers")
        for what in (PREFILL_SPEED_UP, DECODE_SPEED_UP)
    ]
    html = said(Result(lost("three layers", 0.6, part="shape"), *ratios))
    assert "1.50 times as fast in prefill, 1.50 times as fast in decode" in html


def test_the_widget_says_how_zeros_are_shared_out():
    corner = torch.eye(4, dtype=torch.bool)
    ends = [
        records.measured(ZEROS, value, subject=f"wanda, 50 %, {which} of an input")
        for which, value in (("least", 0.1), ("most", 0.9))
    ]
    made = SimpleNamespace(
        layer="layers.2.mlp.down",
        corners={("wanda", "50 %"): corner},
        facts=tuple(ends),
    )
    widget = show.pruning.masks_widget(made)
    assert "inputs lose between 10% and 90% of their weights" in repr(widget)


def test_the_widget_refuses_what_holds_no_masks():
    with pytest.raises(ValueError, match=r"pruning\.experiments\.masks"):
        show.pruning.masks_widget(Result())


def test_a_picture_of_no_loss_is_refused():
    with pytest.raises(ValueError, match="bits per byte added by pruning"):
        show.pruning.rows(Result(records.measured(ZEROS, 0.5)))
