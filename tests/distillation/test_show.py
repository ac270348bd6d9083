"""The pictures of lab 6 show every record, and say in words what they show."""

import pytest

from llmlab import show
from llmlab.core import records
from llmlab.distillation.experiments.places import Place, Tokens
from llmlab.distillation.quantities import (
    ELSEWHERE,
    GRADE,
    KEPT_BYTES,
    MASS,
    MORE_THAN_LABELS,
    RELATION,
    STUDENT_BITS,
    STUDENT_RIGHT,
    TRAINING_TIME,
    VARIETY,
)
from llmlab.show.distillation import drawings, recordings

DRAWINGS = ("soft", "layers", "projection", "kept")


class Result:
    def __init__(self, *facts):
        self.facts = facts

    def records(self):
        return list(self.facts)


def said(result):
    return show.figure(result)._repr_html_()


def curve(name, key, values):
    return [
        records.measured(
            STUDENT_BITS, value, low=value - 0.1, high=value + 0.1, subject=name,
            details={key: name, "steps": 20 * at, "training seconds": 3.0 * at},
        )
        for at, value in enumerate(values)
    ]  # fmt: skip


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_has_alt_text(name):
    assert 'alt="' in getattr(drawings, name)()._repr_html_()


def test_the_drawn_distribution_is_a_softmax_of_the_drawn_logits():
    assert "0.69, 0.17, 0.09, 0.04, 0.01" in repr(drawings.soft())


def test_starts_are_a_curve_each():
    facts = [*curve("your layers", "start", (3.0, 2.4)),
             *curve("random", "start", (4.4, 3.6))]  # fmt: skip
    html = said(Result(*facts))
    assert "your layers: 3.000 bits per byte before, 2.400 after 20 steps" in html
    assert len(show.distillation.starts(Result(*facts)).axes) == 1


def test_losses_are_drawn_by_step_and_by_second():
    facts = [*curve("labels", "loss", (3.0, 2.5, 2.4)),
             *curve("teacher", "loss", (3.0, 2.4, 2.3))]  # fmt: skip
    assert "teacher: 3.000 bits per byte before, 2.300 after 40 steps" in said(
        Result(*facts)
    )
    left, right = show.distillation.losses(Result(*facts)).axes
    assert [*left.lines[0].get_xdata()] == [0, 20, 40]
    assert [*right.lines[0].get_xdata()] == [0, 3, 6]


def test_relations_are_a_panel_for_each_student_and_name_the_nearest():
    facts = [
        records.measured(
            RELATION, value, subject=name,
            details={"student layer": 0, "teacher layer": at},
        )
        for name, values in (("labels", (2.0, 0.5)), ("teacher", (0.0, 3.0)))
        for at, value in enumerate(values)
    ]  # fmt: skip
    html = said(Result(*facts))
    assert "labels: layer 0 is nearest to layer 1 of the teacher, at 0.50 nats" in html
    assert "teacher: layer 0 is nearest to layer 0 of the teacher" in html


def test_what_is_kept_stands_beside_what_steps_cost():
    facts = []
    for k, mass in ((1, 0.6), (32, 0.95)):
        details = {"k": k}
        facts += [records.measured(MASS, mass, details=details),
                  records.measured(KEPT_BYTES, 6 * k + 4, details=details)]  # fmt: skip
    for name, seconds in (("labels", 5.0), ("teacher", 9.0)):
        facts.append(
            records.measured(
                TRAINING_TIME, seconds, subject=name, details={"steps": 40}
            )
        )
    html = said(Result(*facts))
    assert "60.0 % by 1 tokens in 10 B, 95.0 % by 32 tokens in 196 B" in html
    assert "teacher: 9.00 s" in html


def tokens():
    def place(before, label):
        shares = {
            (name, t): tuple(0.5 / t * s for s in (0.6, 0.3, 0.1))
            for name in ("coder", "small")
            for t in (1.0, 2.0)
        }
        return Place(before, label, ("raise", "return", "x"), shares)

    elsewhere = records.measured(ELSEWHERE, 0.5)
    places = (place("if node is None:", "return"), place("for x in", "x"))
    return Tokens("coder", places, elsewhere)


def test_one_place_is_drawn_at_every_temperature():
    html = said(tokens())
    assert "where return follows" in html and "At T = 2: raise 15.0 %" in html


def test_the_widget_lets_choose_place_temperature_and_model():
    widget = show.distillation.token_widget(tokens())
    assert "return follows. coder at T = 1: raise 30.0%, return 15.0%" in repr(widget)
    first = widget.picture.value
    widget.selectors["place"].value = "for x in"
    widget.selectors["model"].value = "small"
    widget.selectors["temperature"].value = 2.0
    assert "x follows. small at T = 2: raise 15.0%, x 2.5%" in repr(widget)
    assert widget.picture.value != first


def test_the_widget_refuses_what_holds_no_places():
    with pytest.raises(ValueError, match=r"distillation\.experiments\.one_token"):
        show.distillation.token_widget(Result())


def recorded():
    facts = []

    def add(what, run, start, loss, values, **details):
        for at, value in enumerate(values):
            about = {"run": run, "start": start, "loss": loss, "steps": 100 * at}
            facts.append(
                records.make(what, value, kind="recorded", details=about | details)
            )

    for start in ("layers", "random"):
        for loss in ("labels", "teacher"):
            add(STUDENT_BITS, "coder", start, loss, (3.0, 2.5, 2.2))
    share = {"relative": -0.04, "relative_low": -0.05, "relative_high": -0.03}
    add(MORE_THAN_LABELS, "coder", "layers", "teacher", (-0.1,), **share)
    for run in ("classifier", "translator"):
        for loss in ("labels", "teacher"):
            add(STUDENT_RIGHT, run, "2 layers", loss, (0.1, 0.4, 0.9))
    for loss in ("forward, the text", "reverse, its own"):
        add(GRADE, "on-policy", "taught", loss, (-2.0, -1.5))
        add(VARIETY, "on-policy", "taught", loss, (0.8, 0.7))
    return facts


def test_recorded_students_get_a_panel_for_every_question():
    facts = recorded()
    html = said(Result(*facts))
    assert "Recorded students at their last step" in html
    assert "translator, 2 layers, teacher" in html
    drawn = recordings.recorded(Result(*facts))
    assert [axes.get_visible() and axes.has_data() for axes in drawn.axes] == [True] * 4


def test_one_run_alone_is_one_panel():
    alone = [f for f in recorded() if f.details["run"] == "on-policy"]
    drawn = recordings.recorded(Result(*alone))
    assert len([axes for axes in drawn.axes if axes.get_visible()]) == 1
