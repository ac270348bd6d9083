"""Whole notebooks run elsewhere too, not only what their strict cells depend on.

Minutes for each lab, and far more without AVX-512: `pytest -m elsewhere` or the name of
this file runs it, before a release. What belongs to every run is the slices of
`test_notebook_runs`.
"""

import pytest
import torch
from notebooks import ELSEWHERE, assert_ran, each_solution, nbval

pytestmark = [pytest.mark.elsewhere, pytest.mark.notebook, pytest.mark.timeout(3600)]


@each_solution
def test_a_whole_solution_gives_the_same_elsewhere(path, tmp_path):
    """With other instructions, and on one thread; the budget run has two."""
    isa = {}
    if torch.backends.cpu.get_cpu_capability() == "AVX512":
        # The slowest would take three times as long. No AMX either, or ATen packs
        # bf16 for instructions that it was told not to use.
        isa = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}
    run = nbval(path, tmp_path / "home", cell_seconds=900, **(ELSEWHERE | isa))
    assert_ran(run, path)
