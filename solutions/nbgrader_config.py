"""For a class: nbgrader leaves the same text as our own cut, and grades in seconds.

Copy this file and `cut.py` beside it into the course's folder. nbgrader's stub is one
text for all cells; ours names the exercise, so each cell gets its own. A whole
submission is graded without the cells that only measure or draw.
"""

import sys
from pathlib import Path

from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor

from llmlab.grading import cells

sys.path.insert(0, str(Path(__file__).resolve().parent))
import cut

SKIPPED = "skip-execution"  # the tag of a cell that stays as it is and does not run
START_SECONDS = 600  # for a cell of imports: on a busy grader torch alone takes minutes
CELL_SECONDS = 60  # for an exercise or a check, whose reference takes a tenth of one
MEMORY_BYTES = 8 * 2**30  # of addresses, what torch needs by itself included


class ClearExercises(ClearSolutions):
    """nbgrader's ClearSolutions with the stub of `cut.py`."""

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type == "code" and cut.BEGIN in cell.source:
            self.code_stub = {"python": cut.stub(cell.source)}
        return super().preprocess_cell(cell, resources, cell_index)


class GradedCellsOnly(NbGraderPreprocessor):
    """Run exercises, checks, and what defines something for them; skip the rest.

    A cell that defines something and measures as well is cut down to what it defines.
    """

    def preprocess_cell(self, cell, resources, cell_index):
        if cell.cell_type != "code" or cells.is_graded(cell):
            return cell, resources
        tags = cell.metadata.get("tags", [])
        defined = "" if "example" in tags else cells.definitions(cell.source)
        if not defined:
            cell.metadata["tags"] = [*dict.fromkeys([*tags, SKIPPED])]
        else:
            cell.source = defined
        return cell, resources


def seconds(cell):
    """Return the time that a cell has: graded ones little, those with imports much."""
    return CELL_SECONDS if cells.is_graded(cell) else START_SECONDS


LIMIT = (
    f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({MEMORY_BYTES},) * 2)"
)

c = get_config()  # noqa: F821 - nbgrader puts it here
c.ClearSolutions.begin_solution_delimeter = cut.BEGIN
c.ClearSolutions.end_solution_delimeter = cut.END
c.ClearSolutions.text_stub = cut.ANSWER
c.ClearSolutions.enforce_metadata = True
c.GenerateAssignment.preprocessors = [
    ClearExercises if step is ClearSolutions else step
    for step in GenerateAssignment.class_traits()["preprocessors"].default()
]
c.Autograde.autograde_preprocessors = [
    GradedCellsOnly,
    *Autograde.class_traits()["autograde_preprocessors"].default(),
]
c.Execute.timeout_func = seconds
c.Execute.startup_timeout = START_SECONDS
if sys.platform != "win32":
    c.Execute.extra_arguments = [f"--IPKernelApp.exec_lines={LIMIT}"]
