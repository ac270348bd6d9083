"""Accepted answers in other styles, one after the other put in a lab's place.

A check that lets an answer pass says that the lab can go on with it, so that these must
carry their labs to the end.

    style -> lab's word -> exercise -> the source of a cell that defines the function
"""

from labs import numpy_answers, plain_answers

STYLES = {"plain": plain_answers.CELLS, "numpy": numpy_answers.CELLS}
