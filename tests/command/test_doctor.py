"""The doctor tells the truth about this machine, and calls a wrong answer wrong."""

import dataclasses
import os
import stat
import subprocess
import sys

import pytest
import torch

from llmlab import measure
from llmlab.command import doctor
from llmlab.command.doctor import course, finding, kernels, machine
from llmlab.core import clock

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("name", kernels.PATHS)
def test_every_fast_product_is_as_exact_as_its_format_allows(name):
    prepare, bound = kernels.PATHS[name]
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(kernels.SIZE, kernels.SIZE, generator=generator)
    row = torch.randn(1, kernels.SIZE, generator=generator)
    try:
        answer = prepare(weight)(row)
    except (AttributeError, RuntimeError, NotImplementedError) as error:
        pytest.skip(f"torch has no such operator here: {error}")
    exact = row.double() @ weight.double().T
    assert kernels._error(answer, exact) <= bound


def verdict(low, high):
    return measure.Verdict("path", "fp32", ratio=(low + high) / 2, low=low, high=high)


@pytest.mark.parametrize("error", [0.5, float("nan")])
def test_a_wrong_product_is_called_wrong_however_fast_it_is(error):
    row = kernels._judge("path", "one row", error, 0.01, verdict(19, 21))
    assert row.state == "missing" and "wrong" in row.said


def test_a_right_product_without_significant_gain_is_called_slow():
    assert kernels._judge("path", "", 0.001, 0.01, verdict(0.6, 0.8)).state == "slow"
    assert kernels._judge("path", "", 0.001, 0.01, verdict(0.9, 1.2)).state == "slow"
    assert kernels._judge("path", "", 0.001, 0.01, verdict(1.1, 1.3)).state == "works"


def test_a_finding_says_that_it_was_made_beside_a_neighbour():
    alone, beside = clock.Threads(2), clock.Threads(1, 1)
    for ran_on, told in ((alone, False), (beside, True)):
        here = dataclasses.replace(verdict(1.1, 1.3), ran_on=ran_on)
        said = kernels._judge("path", "", 0.001, 0.01, here).said
        assert ("on 1 thread beside busy neighbours" in said) is told


def test_whatever_a_probe_raises_becomes_a_finding_with_its_remedy():
    def probe():
        raise RuntimeError("first line\nsecond line")

    found = finding.attempt("something", probe, remedy="do this")
    assert (found.state, found.remedy) == ("broken", "do this")
    assert found.said == "RuntimeError: first line"


def test_threads_that_torch_does_not_use_are_told():
    torch_threads = torch.get_num_threads()
    try:
        assert machine._threads().state == "works"
        torch.set_num_threads(torch_threads + 3)
        assert "but torch runs" in machine._threads().said
    finally:
        torch.set_num_threads(torch_threads)


def test_a_folder_that_cannot_be_written_is_broken_with_a_way_out():
    os.environ["LLMLAB_HOME"] = "/proc/llmlab"
    found = finding.attempt("learner's folder", course._home, remedy="set LLMLAB_HOME")
    assert found.state == "broken" and "LLMLAB_HOME" in found.remedy


def test_a_missing_extra_says_how_to_get_it():
    found = course._module("no_such_module", "pip install 'llmlab[grading]'")
    assert (found.state, found.remedy) == ("missing", "pip install 'llmlab[grading]'")


def test_a_missing_compiler_is_named(tmp_path):
    os.environ["PATH"] = str(tmp_path)
    found = kernels._compiled()
    assert found.state == "missing" and "g++" in found.remedy


@pytest.mark.slow
def test_a_compiler_that_fails_is_not_called_working(tmp_path):
    fake = tmp_path / "g++"
    fake.write_text("#!/bin/sh\necho broken compiler >&2\nexit 1\n")
    fake.chmod(fake.stat().st_mode | stat.S_IEXEC)
    torch.compiler.reset()
    os.environ |= {"CXX": str(fake), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(tmp_path / "cache")
    assert kernels._compiled().state == "missing"


@pytest.mark.slow
def test_the_whole_examination_runs_and_its_status_tells(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "llmlab", "doctor"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=280,
    )
    for heading in doctor.ROOMS:
        assert heading in done.stdout
    for name in ("threads", "bf16 product", "fused attention", *kernels.PATHS):
        assert name in done.stdout
    assert done.returncode == (1 if "✗" in done.stdout else 0), done.stdout
    assert "Traceback" not in done.stderr
