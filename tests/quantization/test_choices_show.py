"""The pictures, drawings and tables of notebook 04b say what the records say."""

import io
import re
from dataclasses import replace

import pytest
from drawn import faults, words_of
from PIL import Image

from llmlab import show
from llmlab.core import quantities, records
from llmlab.measure.exams import Answers, Exam
from llmlab.quantization import quantities as own
from llmlab.quantization.experiments import choices as experiments
from llmlab.show.quantization import choices as pictures
from llmlab.show.quantization import drawings_choices as drawings

GRID = {"bits": 3, "group size": "32"}
COSTS = [
    records.measured(own.CHANGE_COST, 1e-9 * k**2, subject="query",
                     details={"change": 0.001 * k, "column": k, **GRID, **mark})
    for k, mark in ((1, {}), (2, {"marked": "cheap"}), (20, {"marked": "dear"}))
]  # fmt: skip
ERRORS = [
    records.measured(own.ANSWER_ERROR, value, subject=name,
                     details={"text": text, **GRID})
    for name, pair in {"rounding": (0.1, 0.11), "GPTQ, yours": (0.02, 0.05),
                       "GPTQ": (0.02, 0.05)}.items()
    for text, value in zip(("seen", "unseen"), pair, strict=True)
]  # fmt: skip
POWERS = [
    records.measured(own.ERROR_BY_POWER, 1 + (power - best) ** 2 - best**2,
                     subject=name, details={"power": power, **GRID})
    for name, best in {"query": 0.3, "down": 0.0}.items()
    for power in (0.0, 0.1, 0.3, 0.6, 1.0)
]  # fmt: skip
STEPS = [
    records.measured(own.ERROR_BY_STEP, start / (1 + step / 50), subject="training",
                     details={"step": step, "text": text, **GRID})
    for text, start in {"seen": 0.2, "unseen": 0.21}.items()
    for step in (0, 50, 100)
]  # fmt: skip
PARTS = [
    records.measured(own.PART_LOSS, size / 4**bits, subject=part,
                     details={"bits": bits, "bytes": bits, "chosen": bits == most})
    for part, (size, most) in {"layers.0.mlp": (1, 4), "head": (0.1, 2)}.items()
    for bits in (2, 3, 4)
]  # fmt: skip


def loss(method, share, *, kind="measured", **more):
    details = {"method": method, "relative": share, "relative_low": 0.8 * share,
               "relative_high": 1.2 * share, **more}  # fmt: skip
    return records.make(
        quantities.DIFFERENCE_IN_BITS_PER_BYTE, share, kind=kind, details=details
    )


LOSSES = [
    loss("GPTQ", 0.2, kind="recorded", bits=2, **{"group size": "32"}),
    loss("GPTQ", 0.03, kind="recorded", **GRID),
    loss("GPTQ, yours", 0.025, **GRID),
]
SUMS = [records.make(own.FORECAST, 0.013, kind="estimated", subject="mixture, yours")]
EVERY = {
    "costs": COSTS, "errors": ERRORS, "powers": POWERS,
    "steps": [*STEPS, *ERRORS[1::2]],
    "parts": PARTS, "parts and losses": [*PARTS, *SUMS, loss("mixture, yours", 0.05)],
    "losses": LOSSES,
}  # fmt: skip
every_picture = pytest.mark.parametrize("name", EVERY)


@every_picture
def test_a_result_gets_its_picture_by_its_quantities(name):
    picture = show.figure(EVERY[name])
    assert len(picture.png) <= 40_000
    assert not re.search(r"nan|None|[{}]|!", picture.alt)


@pytest.mark.parametrize(
    ("draw", "facts"),
    [
        (pictures.weight_costs, COSTS),
        (pictures.answer_errors, ERRORS),
        (pictures.error_powers, POWERS),
        (pictures.learning, [*STEPS, *ERRORS[1::2]]),
        (pictures.parts, PARTS),
    ],
)
def test_a_picture_keeps_the_rules_and_refuses_other_records(draw, facts):
    assert not faults(lambda: draw(facts))
    with pytest.raises(ValueError, match="nothing to draw"):
        draw(LOSSES)


def test_the_alt_text_tells_the_finding():
    assert "costs 100 times as much" in show.figure(COSTS).alt
    assert "GPTQ: 2.00% on text seen, 5.00% on text not seen" in show.figure(ERRORS).alt
    assert "down: least at power 0, 1.00 times" in show.figure(POWERS).alt
    assert "layers.0.mlp 4, head 2" in show.figure(PARTS).alt
    assert "from 20.00% to 6.67% in 100 steps" in show.figure(EVERY["steps"]).alt
    assert "GPTQ, yours, 3 bits, measured: +2.5 %" in show.figure(LOSSES).alt


def test_two_bits_have_a_panel_and_the_learners_row_stands_below_its_method():
    fig = show.quantization.quality_by_bits(LOSSES)
    titles = [axes.get_title(loc="left") for axes in fig.axes]
    assert titles == ["2 bits, a scale for 32 weights", "3 bits"]
    names = [text.get_text() for text in fig.axes[0].get_yticklabels()]
    assert names == ["GPTQ", "GPTQ, yours"] and "measured here" in words_of(fig)


def test_losses_are_a_table_of_methods_by_bits():
    table = show.quantization.lost(LOSSES)
    assert table.headings == (
        "method", "2 bits, recorded", "3 bits, measured", "3 bits, recorded"
    )  # fmt: skip
    assert table.rows[0] == (
        "GPTQ", "+20.0 % (16.0 to 24.0)", "", "+3.0 % (2.4 to 3.6)"
    )  # fmt: skip
    with pytest.raises(ValueError, match="hand in"):
        show.quantization.lost(COSTS)


def test_a_forecast_stands_before_what_came_of_it():
    table = show.quantization.lost([
        *PARTS, *SUMS, loss("mixture, yours", 0.05), loss("over the same", -0.02)
    ])  # fmt: skip
    assert table.headings == ("method", "forecast", "measured")
    assert [row[1] for row in table.rows] == ["1.30%", ""]
    assert "“over the same” is relative to the even model" in table.note
    assert "“mixture, yours”" not in table.note


def test_a_figure_of_errors_names_its_layer():
    facts = [
        replace(fact, details={**fact.details, "layer": "down"}) for fact in ERRORS
    ]
    assert pictures.answer_errors(facts).axes[0].get_title(loc="left") == (
        "down: error of the answers by method"
    )
    assert "answers of down" in show.figure(facts).alt


def rounded(method, bits, column, integer):
    step = 0.1 if bits == 3 else 0.3
    details = {"method": method, "bits": bits, "group size": "32", "column": column,
               "weight": 0.11 * column, "integer": integer, "first level": -step * 2,
               "last level": step * (2**bits - 3), "levels": 2**bits}  # fmt: skip
    return records.measured(own.ROUNDED_WEIGHT, step * integer, details=details)


INTEGERS = [
    rounded(method, bits, column, column + (method == "GPTQ" and column == 2))
    for method in ("rounding", "GPTQ")
    for bits in (2, 3)
    for column in range(4)
    if (method, bits) != ("GPTQ", 2)
]


def test_choosing_a_method_changes_line_and_figure_and_draws_each_once():
    widget = show.quantization.integers_widget([*INTEGERS, *ERRORS[1::2], *LOSSES])
    assert widget.choice == {"method": "rounding", "bits": 2}
    widget.selectors["bits"].value = 3
    before = widget.picture.value
    assert widget.text == "rounding, 3 bits: error 11 % of the answers' square"
    widget.selectors["method"].value = "GPTQ"
    assert widget.picture.value != before
    assert "integers other than rounding's: 1 of 4" in widget.text
    assert "+3.0 % bits per byte (+2.4 to +3.6, recorded)" in widget.text
    assert "+2.5 % bits per byte (+2.0 to +3.0, measured, GPTQ, yours)" in widget.text
    assert 'alt="Weights of one group, their levels' in widget.picture.value
    assert "<img" in widget._repr_mimebundle_()["text/html"]
    widget.selectors["bits"].value = 2
    assert "not computed before" in widget.text and "<img" not in widget.picture.value


def test_a_ring_marks_what_is_not_as_rounding_and_every_picture_has_one_scale():
    fig = show.quantization.integer_grid(INTEGERS, method="GPTQ", bits=3)
    (ring,) = [line for line in fig.axes[0].lines if line.get_markersize() == 11]
    assert list(ring.get_xdata()) == [2]
    names = [text.get_text() for text in fig.axes[0].get_xticklabels()]
    assert names == ["0", "1", "3", "3"]
    assert not faults(
        lambda: show.quantization.integer_grid(INTEGERS, method="GPTQ", bits=3)
    )
    with pytest.raises(ValueError, match="of 'AWQ' with 3 bits"):
        show.quantization.integer_grid(INTEGERS, method="AWQ", bits=3)
    with pytest.raises(ValueError, match="method='AWQ' is none of"):
        show.quantization.integers_widget(INTEGERS, method="AWQ")
    with pytest.raises(ValueError, match="nothing to draw"):
        show.quantization.integers_widget(LOSSES)


ASKED = Answers(
    Exam(("one", "two", "six"), ("un", "deux", "six")),
    {"fp32": ("un", "deux", "six"), "int2": ("un", "dix", "six"),
     "int2, trained": ("un", "deux", "six")},
)  # fmt: skip


def test_only_answers_that_differ_are_shown_and_wrong_ones_marked():
    table = show.quantization.answers(ASKED)
    assert table.rows == (("two", "deux", "✗ dix", "deux"),)
    assert "1 of 3 answers differ, 1 are shown" in repr(table)
    assert "<table" in table._repr_html_()
    with pytest.raises(ValueError, match="count=0"):
        show.quantization.answers(ASKED, count=0)
    with pytest.raises(ValueError, match="translated"):
        show.quantization.answers(LOSSES)


def test_claims_are_a_table_of_what_is_said_what_was_measured_and_the_verdict():
    told = experiments.claims(ASKED)
    text = repr(show.table(told))
    assert text.splitlines()[0].split() == ["claim", "measured", "verdict"]
    assert all(row.claim in text and row.verdict in text for row in told.rows)


NAMES = ["answers", "column_loop", "scaled_inputs", "through", "shared_budget"]
every_drawing = pytest.mark.parametrize("name", NAMES)


@every_drawing
def test_a_drawing_is_one_line_sharp_and_small(name):
    drawn = getattr(show.quantization.choices.drawings, name)()
    assert len(drawn.png) <= 20_000
    size = Image.open(io.BytesIO(drawn.png)).size
    assert size == (1.5 * drawn.width, 1.5 * drawn.height)


@every_drawing
def test_the_alt_text_tells_what_is_seen_and_what_to_learn(name):
    alt = getattr(drawings, name)().alt
    assert 40 <= len(alt.split()) <= 110
    assert not re.search(r"\b(?:None|nan)\b|[{}]|!", alt)


def test_the_sums_that_the_drawings_tell_are_right():
    assert "costs 1.49" in drawings.answers().alt
    assert (8**2 + 6**2 + 7**2) * 0.1**2 == pytest.approx(1.49)
    assert (0.1**2 + 0.2**2 + 0.1**2) * 0.1**2 == pytest.approx(0.0006)
    assert 8 * 0.3 + 0.5 * 0.6 == pytest.approx(2.7) == 2 * 1.2 + 0.5 * 0.6
    assert (0.1 * 8, 0.1 * 0.5, 0.2 * 2) == pytest.approx((0.8, 0.05, 0.4))
