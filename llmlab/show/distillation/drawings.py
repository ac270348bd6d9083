"""Drawings of lab 6: the ideas behind its exercises. Nothing in them is measured.

soft        a label says one token, a teacher says how likely all of them are
layers      which layers of a teacher a student with fewer starts from
projection  two widths meet in a projection; relations of tokens need none
kept        of a teacher's answer the most likely tokens are kept, and one number more
"""

import math
from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Cell
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

TEACHER, STUDENT, QUIET, SHARED = draw.tint(0), draw.tint(1), draw.FADED, draw.tint(2)
NEXT = ("range", "enumerate", "zip", "sorted", "self")
LOGITS = (4.0, 2.6, 2.0, 1.2, -0.5)
HOT = 2.0  # the higher of two temperatures
WIDE, HIGH = 100, 30  # pixels of a cell that names a token
TAUGHT = (0, 2, 4, 7, 9, 11)  # of twelve layers, the six that a student takes
KEPT = (("range", 0.69), ("enumerate", 0.17), ("zip", 0.09))


def soft() -> Picture:
    """Draw a label, and a teacher's distribution at two temperatures."""
    label = [1.0, *(0.0 for _ in NEXT[1:])]
    rows = {"label": label, "teacher, T = 1": _softmax(1.0)}
    rows[f"teacher, T = {HOT:g}"] = _softmax(HOT)
    table = draw.matrix(
        [[Cell(f"{share:.2f}", draw.shade(0.85 * share)) for share in row]
         for row in rows.values()],
        row_labels=list(rows), column_labels=NEXT, width=WIDE, height=34,
    )  # fmt: skip
    return draw.picture(
        draw.column(draw.text("Which token follows “for i in”?"), table, gap=14),
        title="A label names one token, a teacher weighs them all",
        note="What a teacher gives to the other tokens says which of them would do as "
        "well. A higher temperature T shows it more clearly.",
        alt=f"""Shares of probability for five tokens that may follow “for i in”:
        {", ".join(NEXT)}. The label gives 1 to {NEXT[0]} and 0 to all others.
        {_said("The teacher at T = 1", rows["teacher, T = 1"])}
        {_said(f"At T = {HOT:g}", rows[f"teacher, T = {HOT:g}"])}""",
    )


def _softmax(temperature: float) -> list[float]:
    powers = [math.exp(logit / temperature) for logit in LOGITS]
    return [power / sum(powers) for power in powers]


def _said(what: str, shares: Sequence[float]) -> str:
    return f"{what} gives {', '.join(f'{share:.2f}' for share in shares)}."


def layers() -> Picture:
    """Draw twelve layers of a teacher, and the six that a student takes."""
    teacher = draw.matrix(
        [[Cell(str(place), TEACHER if place in TAUGHT else QUIET)
          for place in range(12)]],
        row_labels=["teacher"], width=44, height=HIGH, gap=6,
    )  # fmt: skip
    student = draw.matrix(
        [[Cell(str(place), STUDENT) for place in range(len(TAUGHT))]],
        row_labels=["student"], width=44, height=HIGH, gap=56,
    )  # fmt: skip
    return draw.picture(
        draw.column(teacher, student, gap=64),
        *(
            draw.arrow(teacher.cell(0, place), student.cell(0, at))
            for at, place in enumerate(TAUGHT)
        ),
        title="A student starts from layers spread evenly over the teacher",
        note="The first layer and the last one are among them. Layers that are left "
        "out teach all the same: the student learns to do their work.",
        alt=f"""Twelve layers of a teacher, numbered 0 to 11, above six layers of a
        student. Arrows lead from layers {", ".join(map(str, TAUGHT[:-1]))} and
        {TAUGHT[-1]} of the teacher to layers 0 to 5 of the student, in order.""",
    )


def projection() -> Picture:
    """Draw hidden states of two widths, with a projection, and relations without."""
    tokens, narrow, wide = 4, 3, 6
    cell = 20
    student, teacher, matrix, made = (
        draw.matrix([[look] * columns for _ in range(rows)], width=cell, height=cell)
        for look, rows, columns in (
            (STUDENT, tokens, narrow), (TEACHER, tokens, wide), (SHARED, narrow, wide),
            (STUDENT, tokens, wide),
        )
    )  # fmt: skip
    hidden = draw.row(
        _named("student, T × d", student),
        draw.text("×"),
        _named("projection.T, d × D", matrix),
        draw.text("="),
        _named("T × D", made),
        draw.text("against"),
        _named("teacher, T × D", teacher),
        gap=14,
    )
    return draw.picture(
        draw.column(
            draw.frame(hidden, "hidden states: a projection is trained"),
            draw.frame(_relations(tokens, cell), "relations: both are T × T already"),
            gap=18,
        ),
        title="Hidden states need a projection, relations of tokens none",
        note="The projection is trained with the student and thrown away at the end.",
        alt=f"""Two ways to compare a narrow student with a wide teacher on {tokens}
        tokens. Above: the student's hidden states, {tokens} rows of {narrow}, times a
        projection of {narrow} rows of {wide}, give {tokens} rows of {wide}, which are
        compared with the teacher's {tokens} rows of {wide}. Below: the student's values
        times their own transpose, and the teacher's values times theirs, give two
        matrices of {tokens} by {tokens}, tokens against tokens. Later tokens are left
        out, so that both are triangles, and these are compared.""",
    )


def _relations(tokens: int, cell: int) -> Piece:
    """Draw values times their transpose of both, and the triangles that follow."""
    parts = []
    for name, look, width in (("student", STUDENT, 2), ("teacher", TEACHER, 4)):
        values = draw.matrix([[look] * width] * tokens, width=cell, height=cell)
        turned = draw.matrix([[look] * tokens] * width, width=cell, height=cell)
        triangle = draw.matrix(
            [[look if column <= row else None for column in range(tokens)]
             for row in range(tokens)], width=cell, height=cell,
        )  # fmt: skip
        parts.append(
            draw.row(
                _named(name, values),
                draw.text("·"),
                _named("its Vᵀ", turned),
                draw.text("→"),
                _named("T × T", triangle),
                gap=8,
            )
        )
    return draw.row(parts[0], draw.text("against"), parts[1], gap=10)


def kept() -> Picture:
    """Draw a teacher's distribution, and the few numbers that are kept of it."""
    rest = 1 - sum(share for _, share in KEPT)
    whole = draw.matrix(
        [[*(Cell(name, TEACHER) for name, _ in KEPT),
          *(Cell("…", QUIET) for _ in range(3))]],
        column_labels=[*(f"{share:.2f}" for _, share in KEPT), "", "", ""],
        width=WIDE, height=HIGH,
    )  # fmt: skip
    stored = draw.matrix(
        [[*(Cell(f"{share:.2f}", TEACHER) for _, share in KEPT),
          Cell(f"{rest:.2f}", SHARED)]],
        column_labels=[*(name for name, _ in KEPT), "all others"],
        width=WIDE, height=HIGH,
    )  # fmt: skip
    return draw.picture(
        draw.column(
            _named("the teacher's answer: a probability for each of V tokens", whole),
            draw.column(
                stored,
                draw.text("what is kept: the k = 3 most likely, and one number for the "
                          "rest"), gap=8, align="center",
            ), gap=34, align="center",
        ),
        draw.arrow(whole, stored),
        title="A few tokens hold nearly all of the probability",
        note="The kept probabilities are not scaled up to 1: the rest stays as one "
        "lump.",
        alt=f"""A row of tokens with the teacher's probability above each:
        {", ".join(f"{name} {share}" for name, share in KEPT)}, and very many more with
        next to nothing. Below, what is kept: these three probabilities with the names
        of their tokens, and {rest:.2f} for all others together.""",
    )  # fmt: skip


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name), piece, gap=6, align="center")
