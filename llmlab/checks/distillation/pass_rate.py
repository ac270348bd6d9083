"""Exercise 6: how often the student would have written what the teacher writes."""

import random
from collections import Counter

from llmlab.checks import shown
from llmlab.checks.exercise import Case, Exercise, MisfitError, Raised, Value

# A mistake stands in one line or two, as in a table.
# fmt: off

REFUSED = "a ValueError"
UNEQUAL = "lists of unequal lengths are refused, raise ValueError: zip(strict=True) " \
          "does that."
NONE = "without any token there is no share: raise ValueError."
OTHER = "raise ValueError there: it says that the arguments are wrong."


def equal(student, teacher):
    """Say of every place whether both have the same token there."""
    return [one == other for one, other in zip(student, teacher, strict=False)]


def pass_rate(student_tokens, teacher_tokens):
    """Return the share of places at which both have the same token."""
    if not student_tokens or len(student_tokens) != len(teacher_tokens):
        raise ValueError("one token of the student for each of the teacher")
    return sum(equal(student_tokens, teacher_tokens)) / len(student_tokens)


def observed(answer, student_tokens, teacher_tokens):
    """Return the share, or what is said where the call is to be refused."""
    unequal = len(student_tokens) != len(teacher_tokens)
    if not unequal and student_tokens:
        return answer
    if isinstance(answer, Raised):
        return REFUSED
    raise MisfitError(
        f"pass_rate refuses {'lists of unequal lengths' if unequal else 'no tokens'}",
        expected=REFUSED, got=shown.value(answer), hint=UNEQUAL if unequal else NONE)


def _share(student, teacher):
    return sum(equal(student, teacher)) / len(student)


def _by_teacher(student, teacher):
    return sum(equal(student, teacher)) / len(teacher)


def _by_shorter(student, teacher):
    return sum(equal(student, teacher)) / min(len(student), len(teacher))


def _by_longer(student, teacher):
    return sum(equal(student, teacher)) / max(len(student), len(teacher))


def _by_place(student, teacher):
    """Go by index, so that a list that is too short stops it."""
    return sum(student[i] == teacher[i] for i in range(len(student))) / len(student)


def _by_place_of_teacher(student, teacher):
    return sum(student[i] == teacher[i] for i in range(len(teacher))) / len(teacher)


WAYS = _share, _by_teacher, _by_shorter, _by_longer, _by_place, _by_place_of_teacher


def _unequal(student, teacher, other=None):
    if len(student) != len(teacher):
        return other() if other else _stop()
    return None


def _stop():
    raise ValueError("refused")


def _refusing(share, *, unequal=None, none=None):
    """Return an answer that refuses, or does what it is handed instead."""
    def answer(student, teacher):
        if len(student) != len(teacher):
            return (unequal or _refuse)(student, teacher)
        if not student:
            return (none or _refuse)(student, teacher)
        return share(student, teacher)
    return answer


def _refuse(student, teacher):
    raise ValueError("refused")


def _loose(*shares):
    """Return shares that refuse what they should, only unequal lengths, or nothing."""
    return tuple(
        answer for one in shares for answer in (
            _refusing(one), _refusing(one, none=one), one))


def _asserts(student, teacher):
    raise AssertionError


def _first(student, teacher):
    """Count up to the first place that differs."""
    same = equal(student, teacher)
    return (same.index(False) if False in same else len(same)) / len(student)


def _first_by_place(student, teacher):
    """Do the same by index, so that a list that is too short stops it."""
    same = 0
    while same < len(student) and student[same] == teacher[same]:
        same += 1
    return same / len(student)


def _first_of_teacher(student, teacher):
    return _first_by_place(teacher, student)


def _in_common(student, teacher):
    return sum((Counter(student) & Counter(teacher)).values()) / len(student)


def _in_sets(student, teacher):
    return len(set(student) & set(teacher)) / len(student)


def _of_sets(student, teacher):
    return len(set(student) & set(teacher)) / len(set(student) | set(teacher))


def _of_teacher_set(student, teacher):
    return len(set(student) & set(teacher)) / len(set(teacher))


def _inside(student, teacher):
    return sum(one in teacher for one in student) / len(student)


def _same_object(student, teacher):
    return sum(a is b for a, b in zip(student, teacher, strict=False)) / len(student)


def _case(student, teacher, *, about="", refused=False):
    """Return a case of lists in which equal numbers are not one object."""
    def build():
        return [int(str(one)) for one in student], [int(str(one)) for one in teacher]
    return Case(build, about=about, refuses=ValueError if refused else ())


def _cases():
    yield _case([5, 7, 2, 9], [5, 3, 2, 9])
    dice = random.Random(0)
    for count in (7, 11, 30):
        teacher = [dice.choice((3, 400, 17, 2048, 0)) for _ in range(count)]
        student = [one if dice.random() < 0.6 else one + 1 for one in teacher]
        yield _case(student, teacher)
    yield _case([1, 2, 3, 4, 9], [2, 3, 4, 1, 9])  # moved by one
    yield _case([6, 6, 6, 5, 6], [5, 6, 6, 5, 5])
    yield _case([8, 1], [1, 8])
    yield _case([400, 0, 400], [400, 0, 400])
    yield _case([3], [4])
    yield _case([4, 5, 6], [4, 5], about=UNEQUAL, refused=True)
    yield _case([4], [4, 5, 6], about=UNEQUAL, refused=True)
    yield _case([], [4], about=UNEQUAL, refused=True)
    yield _case([7, 2], [], about=UNEQUAL, refused=True)
    yield _case([], [], about=NONE, refused=True)


EXERCISE = Exercise(
    name="pass_rate",
    right=pass_rate,
    gives=(Value("the share"),),
    cases=lambda: [*_cases()],
    covers="with all places equal, with none, and where it must refuse",
    hints=(
        "Place by place: does the student choose the teacher's token? Then count.",
        "zip(student_tokens, teacher_tokens, strict=True) gives the pairs and refuses "
        "lists of unequal lengths; of no tokens there is no share, so refuse it, too.",
        "same = [a == b for a, b in zip(student_tokens, teacher_tokens, strict=True)]; "
        "if not same: raise ValueError(...); return sum(same) / len(same).",
    ),
    hint="count the places at which both are equal and divide by their number.",
    observe=observed,
    tolerance=1e-5,
    mistakes={
        UNEQUAL: (*(_refusing(_share, unequal=one, none=none)
                    for one in (*WAYS, lambda s, t: 0.0, lambda s, t: None)
                    for none in (None, one)),
                  _refusing(_share, unequal=_asserts),
                  _refusing(_share, unequal=_asserts, none=_share)),
        NONE: tuple(
            _refusing(_share, none=one) for one in (
                _share, lambda s, t: 0.0, lambda s, t: 1.0, lambda s, t: float("nan"),
                lambda s, t: 0)),
        OTHER: (_refusing(_share, unequal=_asserts, none=_asserts),
                _refusing(_share, none=_asserts)),
        "this is how many; a share divides by the number of places.": _loose(
            lambda s, t: sum(equal(s, t)), lambda s, t: float(sum(equal(s, t)))),
        "this is per cent; a share lies between 0 and 1.":
            _loose(lambda s, t: 100 * _share(s, t)),
        "this is the share that differs; count the places that are equal.": _loose(
            lambda s, t: 1 - _share(s, t),
            lambda s, t: sum(not one for one in equal(s, t)) / len(s)),
        "this stops at the first place that differs; the later ones count, too.":
            _loose(_first, _first_by_place, _first_of_teacher),
        "places count, not tokens: the same token elsewhere is no pass.": _loose(
            _in_common, _in_sets, _of_sets, _of_teacher_set, _inside),
        "`is` asks whether two are one object; == compares numbers.":
            _loose(_same_object),
        "this asks whether all are equal; the share of them is asked for.": _loose(
            lambda s, t: s == t, lambda s, t: float(s == t), lambda s, t: int(s == t)),
        "this is moved by one place: the student's token at i against the teacher's "
        "at i.": _loose(
            lambda s, t: sum(a == b for a, b in zip(s, t[1:], strict=False)) / len(s),
            lambda s, t: sum(a == b for a, b in zip(s[1:], t, strict=False)) / len(s),
            lambda s, t: sum(a == b for a, b in zip(s[1:], t, strict=False))
                / max(1, len(s) - 1),
            lambda s, t: sum(a == b for a, b in zip(s, t[1:], strict=False))
                / max(1, len(s) - 1)),
        "this divides by the wrong number: by all places, both lists have as many.":
            _loose(
                lambda s, t: sum(equal(s, t)) / (len(s) + len(t)),
                lambda s, t: sum(equal(s, t)) / len(set(s)),
                lambda s, t: sum(equal(s, t)) / len(set(t)),
                lambda s, t: sum(equal(s, t)) / max(1, sum(
                    not one for one in equal(s, t))),
                lambda s, t: sum(equal(s, t)) / max(1, len(s) - 1)),
        "the share is not rounded.": _loose(
            lambda s, t: round(_share(s, t)), lambda s, t: round(_share(s, t), 1),
            lambda s, t: round(_share(s, t), 2)),
    },
)
