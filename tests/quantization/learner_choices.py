"""What a learner writes in notebook 04b, as other tests use it: from its solution."""

from pathlib import Path

import nbformat

SOLUTION = Path(__file__).parents[2] / "solutions" / "04b_quantization.ipynb"
_cells = nbformat.read(SOLUTION, as_version=4).cells
_space: dict = {}
exec("import torch\nfrom itertools import product", _space)
for _cell in _cells:
    if _cell.metadata.get("nbgrader", {}).get("solution") and _cell.cell_type == "code":
        exec(_cell.source, _space)

answer_error = _space["answer_error"]
gptq_columns = _space["gptq_columns"]
awq_factors = _space["awq_factors"]
straight_through = _space["straight_through"]
mixed_precision = _space["mixed_precision"]
