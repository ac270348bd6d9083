"""A curve is seen while it grows, and stands in a table afterwards."""

import pytest

from llmlab.zoo import curve


def test_bars_rise_with_the_values():
    assert curve.sparkline([0, 0.5, 0.99, 1.5, -1]) == "▁▅██▁"
    assert len(curve.sparkline([0.5] * 1000)) == curve.WIDEST
    assert curve.sparkline([]) == ""
    with pytest.raises(ValueError, match="above low"):
        curve.sparkline([1], low=1, high=1)


def test_a_live_curve_passes_results_on():
    results = iter([{"held_out_accuracy": 0.1}, {"held_out_accuracy": 0.9}])
    with curve.live(lambda model: next(results), "held_out_accuracy", times=2) as ask:
        assert ask(None) == {"held_out_accuracy": 0.1}
        assert ask(None) == {"held_out_accuracy": 0.9}


def test_a_table_shows_every_exam_with_the_loss_before_it():
    log = [
        {"step": 10, "held_out_accuracy": 0.1},  # before any loss
        {"step": 20, "loss": 2.5, "rate_factor": 1.0},
        {"step": 25, "held_out_accuracy": 0.25},
        {"step": 40, "loss": 1.25, "rate_factor": 0.5},
        {"step": 40, "held_out_accuracy": 0.5},
    ]
    head, rule, *rows = curve.table(log, {"held_out_accuracy": ".2f"})
    assert head == "| step | rate | training loss | held out accuracy |"
    assert rule.count("---:") == head.count("|") - 1
    assert rows == ["| 25 | 1.00 | 2.5000 | 0.25 |", "| 40 | 0.50 | 1.2500 | 0.50 |"]


def test_a_long_table_is_thinned_and_keeps_its_end():
    log = [{"step": n, "loss": 1.0, "rate_factor": 1.0, "share": 0.5}
           for n in range(1, 201)]  # fmt: skip
    rows = curve.table(log, {"share": ".1f"})[2:]
    assert curve.LONGEST <= len(rows) < 2 * curve.LONGEST
    assert rows[-1].startswith("| 200 |")
