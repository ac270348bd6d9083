"""For a class: nbgrader leaves the same text as our own cut.

Copy this file and `cut.py` beside it into the course's folder. nbgrader's stub is one
text for all cells; ours names the exercise, so each cell gets its own.
"""

import sys
from pathlib import Path

from nbgrader.converters import GenerateAssignment
from nbgrader.preprocessors import ClearSolutions

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cut


class ClearExercises(ClearSolutions):
    """nbgrader's ClearSolutions with the stub of `cut.py`."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and cut.BEGIN in cell.source:
            self.code_stub = {"python": cut.stub(cell.source)}
        return super().preprocess_cell(cell, resources, cell_index)


c = get_config()  # noqa: F821 - nbgrader puts it here
c.ClearSolutions.begin_solution_delimeter = cut.BEGIN
c.ClearSolutions.end_solution_delimeter = cut.END
c.ClearSolutions.text_stub = cut.ANSWER
c.ClearSolutions.enforce_metadata = True
c.GenerateAssignment.preprocessors = [
    ClearExercises if step is ClearSolutions else step
    for step in GenerateAssignment.class_traits()["preprocessors"].default()
]
