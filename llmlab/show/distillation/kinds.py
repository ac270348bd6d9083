"""The results of lab 6 and the picture that each gets from `show.figure`."""

from llmlab.distillation.quantities import (
    GRADE,
    KEPT_BYTES,
    MASS,
    RELATION,
    STUDENT_BITS,
    STUDENT_RIGHT,
    TOKEN_SHARE,
    TRAINING_TIME,
)
from llmlab.show import registry
from llmlab.show.distillation import layers, learning, recordings, teacher, widget


def register() -> None:
    """Let `show.figure` know the pictures of this lab."""
    add = registry.register
    add(TOKEN_SHARE, draw=widget.shares, alt=widget.shares_alt)
    for what in (STUDENT_BITS, STUDENT_RIGHT, GRADE):  # before those without a run
        add(what, key="run", draw=recordings.recorded, alt=recordings.recorded_alt)
    add(STUDENT_BITS, key="start", draw=learning.starts, alt=learning.starts_alt)
    add(STUDENT_BITS, key="loss", draw=learning.losses, alt=learning.losses_alt)
    add(RELATION, draw=layers.relations, alt=layers.relations_alt)
    add(MASS, KEPT_BYTES, TRAINING_TIME, draw=teacher.kept, alt=teacher.kept_alt)
