"""The C code under AddressSanitizer and UndefinedBehaviorSanitizer: `-m sanitize`.

The runtime of the first must be there before Python is, hence LD_PRELOAD; what the
interpreter never frees is no leak of ours.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from native_models import ways

from llmlab.kernels.native import building, compilers

HERE = Path(__file__).parent
FILES = [str(HERE / "test_native.py"), str(HERE / "test_ways.py")]
NOT = "not instruction and not avx512_the_way"  # what looks at a plain build
CATCH = (
    "import torch\n"
    "from pathlib import Path\n"
    "from llmlab.kernels.native import building, library, matrices\n"
    "built = library.load(building.build(Path({source!r}), Path({folder!r})))\n"
    "whole = torch.full((16, 4096), 127, dtype=torch.int8)\n"
    "matrix = matrices.Matrix(whole, torch.ones(16, 1))\n"
    "print(matrices.multiply(built, matrix, torch.ones(2, 4096), threads=1).sum())\n"
)
pytestmark = [pytest.mark.sanitize, pytest.mark.timeout(900)]


def sanitized(way):
    """Return the environment of a process whose library is sanitized."""
    compiler = next(one for one in compilers.find() if "gcc" in one.version)
    runtime = subprocess.run(
        [*compiler.words, "-print-file-name=libasan.so"], capture_output=True, text=True
    ).stdout.strip()
    assert Path(runtime).is_absolute(), "gcc has no AddressSanitizer here"
    return os.environ | {
        "CC": " ".join(compiler.words),
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
        compilers.NATIVE: way,
        "LLMLAB_CFLAGS": (
            "-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
        ),
    }


@pytest.mark.parametrize("way", ways())
def test_the_sanitizers_find_nothing_while_the_tests_of_a_way_run(way):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-k", NOT]
    done = subprocess.run(
        [*command, *(FILES[:1] if way != ways()[-1] else FILES)],
        env=sanitized(way), capture_output=True, text=True, timeout=880,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


MISTAKES = {
    "a row behind the last": (
        "float totals[WIDE][BLOCK];", "float totals[1][BLOCK];", "stack-buffer-overflow"
    ),
    "a sum that is too large": (
        "smaller(LARGEST, INT32_MAX / 128 / n)", "LARGEST", "signed integer overflow",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_that_the_sanitizers_know_is_caught(name, tmp_path):
    right, wrong, word = MISTAKES[name]
    for path in building.SOURCE.parent.glob("*.[ch]"):
        (tmp_path / path.name).write_text(path.read_text().replace(right, wrong))
    code = CATCH.format(
        source=str(tmp_path / "pass.c"), folder=str(tmp_path / "libraries")
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=sanitized("plain"), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode != 0 and word in done.stderr, done.stderr[-2000:]
