"""Sentences about distillation get the verdict that the measurements give them."""

from types import SimpleNamespace

import pytest

from llmlab.core import records
from llmlab.core.quantities import DECODE_SPEED_UP, DIFFERENCE_IN_BITS_PER_BYTE
from llmlab.distillation.experiments import Recorded, claims
from llmlab.distillation.quantities import (
    AGREEMENT,
    GAIN,
    GAP,
    STUDENT_BITS,
    STUDENT_RIGHT,
)
from llmlab.measure.claims import FAILS, HOLDS, OPEN, PARTLY

SAME = "no significant difference"
RUNS = ("coder", "classifier", "translator")


def gain(word, what=GAIN):
    value = {"better": 0.05, "worse": -0.05}.get(word, 0.001)
    return records.measured(what, value, details={"verdict": word, "against": "x"})


def ratio(word):
    details = {"verdict": word, "phase": "decode"}
    return records.measured(DECODE_SPEED_UP, 2.0, details=details)


def agreement(value):
    return records.measured(AGREEMENT, value, low=value - 0.02, high=value + 0.02)


def recorded(better):
    """Return students of three runs; those of a teacher are better in some."""
    facts = []
    for run in RUNS:
        what = STUDENT_BITS if run == "coder" else STUDENT_RIGHT
        for loss in ("labels", "teacher"):
            for steps in (0, 300):
                value = 0.5
                if loss == "teacher" and steps and run in better:
                    value = 0.4 if what is STUDENT_BITS else 0.6
                details = {"run": run, "start": "layers", "loss": loss, "steps": steps}
                facts.append(
                    records.measured(
                        what, value, low=value - 0.01, high=value + 0.01,
                        details=details,
                    )
                )  # fmt: skip
    return Recorded(tuple(facts))


def tried(
    *, first="better", soft="better", hot="worse", offline=SAME, decode="faster",
    prefill="faster", more=(0.1, 0.05, 0.15), agrees=(0.7, 0.6), better=RUNS,
):  # fmt: skip
    gains = {"teacher": gain(soft), "hot": gain(hot)}
    taught = SimpleNamespace(seconds=9.0, steps=40)
    losses = SimpleNamespace(gain=lambda name, over="labels": gains[name])
    losses = type(
        "Losses", (), {"gain": staticmethod(losses.gain),
                       "__getitem__": lambda self, name: taught},
    )()  # fmt: skip
    keys = ("relative", "relative_low", "relative_high")
    apart = records.measured(
        DIFFERENCE_IN_BITS_PER_BYTE, 0.1, details=dict(zip(keys, more, strict=True))
    )
    names = ("student", "alone")
    student = SimpleNamespace(
        name="student", teacher="teacher", difference=lambda name: apart,
        ratio=lambda of: ratio(prefill if of == "prefill" else decode),
        agreement=agreement(agrees[0]),
        agreements=dict(zip(names, map(agreement, agrees), strict=True)),
    )  # fmt: skip
    return claims(
        SimpleNamespace(gap=lambda name: gain(first, GAP)),
        losses,
        SimpleNamespace(gain=gain(offline), learnt=taught, losses=losses, k=32),
        student,
        recorded(better),
    )


@pytest.mark.parametrize(
    ("start", "verdict", "knobs"),
    [
        ("a student should begin", FAILS, {}),
        ("a student should begin", HOLDS, {"first": "worse"}),
        ("a student should begin", OPEN, {"first": SAME}),
        ("by learning from these soft targets", HOLDS, {}),
        ("by learning from these soft targets", FAILS, {"soft": "worse"}),
        ("by learning from these soft targets", OPEN, {"soft": SAME}),
        ("a high temperature", FAILS, {}),
        ("a high temperature", HOLDS, {"hot": "better"}),
        ("a high temperature", OPEN, {"hot": SAME}),
        ("the teacher has to run", FAILS, {}),
        ("the teacher has to run", FAILS, {"offline": "better"}),
        ("the teacher has to run", HOLDS, {"offline": "worse"}),
        ("the student model would be", HOLDS, {}),
        ("the student model would be", PARTLY, {"prefill": "slower"}),
        ("the student model would be", FAILS, {"prefill": SAME, "decode": SAME}),
        ("but still maintain", HOLDS, {}),
        ("but still maintain", OPEN, {"more": (0.24, 0.2, 0.28)}),
        ("but still maintain", FAILS, {"more": (0.3, 0.27, 0.33)}),
        ("effectively transferring", HOLDS, {}),
        ("effectively transferring", OPEN, {"agrees": (0.62, 0.6)}),
        ("effectively transferring", FAILS, {"agrees": (0.5, 0.6)}),
        ("a student learns more", HOLDS, {}),
        ("a student learns more", PARTLY, {"better": ("coder",)}),
        ("a student learns more", FAILS, {"better": ()}),
    ],
)
def test_a_sentence_gets_its_verdict(start, verdict, knobs):
    assert tried(**knobs).verdict(start) == verdict


def test_every_sentence_says_what_was_measured():
    rows = tried().rows
    assert len(rows) == 8
    assert all(any(c.isdigit() for c in row.measured) for row in rows)


def test_the_last_step_of_a_run_is_asked_by_loss():
    made = recorded(("coder",))
    assert made.runs == RUNS
    last = made.last("coder", "teacher")
    assert (last.value, last.details["steps"]) == (0.4, 300)
    assert {f.details["run"] for f in made.of("classifier").records()} == {"classifier"}
    with pytest.raises(ValueError, match="run='poems' is not recorded; choose one of"):
        made.of("poems")
    with pytest.raises(ValueError, match=r"loss='hot' of 'coder' .* \['labels', 'tea"):
        made.last("coder", "hot")
