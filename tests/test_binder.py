"""The Binder image: repo2docker reads the folder as we mean it. Nothing is built."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.binder


@pytest.fixture(scope="module")
def dockerfile() -> str:
    """Return the Dockerfile that repo2docker would build."""
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug"]
    command += ["--user-id", "1000", "--user-name", "jovyan", str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return result.stdout + result.stderr


def test_the_image_is_made_from_our_requirements_after_the_repository_is_copied(
    dockerfile,
):
    installs = 'install --no-cache-dir -r "binder/requirements.txt"'
    copies = [place.start() for place in re.finditer(r"COPY .*src/ ", dockerfile)]
    assert copies and copies[0] < dockerfile.index(installs)


def test_python_is_the_one_that_the_tested_set_was_made_for(dockerfile):
    assert (ROOT / "binder" / "runtime.txt").read_text().strip() == "python-3.11"
    assert "python=3.11" in dockerfile


def test_torch_compile_finds_a_compiler(dockerfile):
    """The full buildpack-deps image holds g++; its -curl and -scm variants do not."""
    base = re.search(r"^FROM (\S+)", dockerfile, re.MULTILINE)[1]
    assert re.fullmatch(r"docker.io/library/buildpack-deps:[\d.]+", base)


def test_torch_comes_without_cuda():
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert any(line.endswith("download.pytorch.org/whl/cpu") for line in lines)
    assert "--constraint ../constraints.txt" in lines
    constraints = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in constraints if line.startswith("torch==")]
    assert not [line for line in constraints if line.startswith("nvidia")]


def test_lab_10_finds_a_c_compiler_and_what_reads_its_instructions(dockerfile):
    assert (ROOT / "binder" / "apt.txt").read_text().split() == ["gcc", "binutils"]
    installs = re.search(
        r"^apt-get install .*\bbinutils\b.*$", dockerfile, re.MULTILINE
    )
    assert installs and " gcc" in installs[0]
