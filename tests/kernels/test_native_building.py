"""The C source is compiled when it is first used, and nothing unchecked is loaded."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import torch
from native_models import quantized
from small_models import draw_tokens

from llmlab import graphs
from llmlab.kernels.native import building, compilers, library, matrices
from llmlab.kernels.native.building import CannotBuildError

pytestmark = pytest.mark.filterwarnings("error::UserWarning")


def libraries(folder):
    return sorted(folder.glob(f"*{building.SUFFIX}"))


def script(path, lines):
    path.write_text("#!/bin/sh\n" + lines)
    path.chmod(0o755)
    return compilers.Compiler((str(path),), "a compiler of the tests 1.0")


@pytest.fixture
def anew():
    """Forget the library that this process has, before and after."""
    library._tried.cache_clear()
    yield
    library._tried.cache_clear()


def test_a_library_is_built_once_in_a_folder_of_ones_own(tmp_path):
    first = building.build(folder=tmp_path / "native")
    written = first.path.stat().st_mtime_ns
    again = building.build(folder=tmp_path / "native")
    assert again == first and first.path.stat().st_mtime_ns == written
    assert (tmp_path / "native").stat().st_mode & 0o777 == 0o700
    assert first.compiler.version and first.compiler.instructions()


def test_bytes_that_were_changed_or_are_not_in_the_index_are_never_loaded(tmp_path):
    built = building.build(folder=tmp_path)
    good = built.path.read_bytes()
    built.path.write_bytes(good + b"more")
    assert building.build(folder=tmp_path).path.read_bytes() == good
    (tmp_path / building.INDEX).write_text("[")
    built.path.write_bytes(b"planted")
    assert building.build(folder=tmp_path).path.read_bytes() == good


def test_a_folder_that_others_may_write_to_is_refused(tmp_path):
    tmp_path.chmod(0o777)
    with pytest.raises(CannotBuildError, match="chmod 700"):
        building.build(folder=tmp_path)
    tmp_path.chmod(0o700)
    if os.getuid() == 0:  # root alone can give a folder away
        os.chown(tmp_path, 12345, -1)
        with pytest.raises(CannotBuildError, match="another user"):
            building.build(folder=tmp_path)


def test_flags_sources_and_processors_have_libraries_of_their_own(
    tmp_path, monkeypatch
):
    one = building.build(folder=tmp_path).path
    monkeypatch.setenv("LLMLAB_CFLAGS", "-O1")
    assert building.build(folder=tmp_path).path != one
    assert len(libraries(tmp_path)) == 2


def test_two_processes_may_build_at_once(tmp_path):
    code = (
        "import torch, sys\n"
        "from pathlib import Path\n"
        "from llmlab.kernels.native import building, library, matrices\n"
        "built = library.load(building.build(folder=Path(sys.argv[1])))\n"
        "m = matrices.Matrix(torch.ones(4, 8, dtype=torch.int8), torch.ones(4, 1))\n"
        "print(matrices.multiply(built, m, torch.ones(1, 8)).sum().item())\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "native")]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=250)[0] for process in both]
    assert [float(text) for text in said] == pytest.approx([32, 32], abs=0.01)
    assert len(libraries(tmp_path / "native")) == 1


def test_a_build_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    half = 'for word; do test "$last" = -o && echo half > "$word"; last="$word"; done'
    broken = script(tmp_path / "half", f"{half}\necho 'error: disk full' >&2\nexit 1\n")
    silent = script(tmp_path / "silent", "exit 0\n")
    good = compilers.find()
    for compiler, word in ((broken, "disk full"), (silent, "wrote no library")):
        monkeypatch.setattr(compilers, "find", lambda one=compiler: (one,))
        with pytest.raises(CannotBuildError, match=word):
            building.build(folder=tmp_path / "native")
        assert libraries(tmp_path / "native") == []
        assert not list((tmp_path / "native").glob(".*.so*"))
    monkeypatch.setattr(compilers, "find", lambda: (broken, *good))
    assert building.build(folder=tmp_path / "native").compiler == good[0]


def test_a_compiler_without_openmp_makes_a_library_of_one_thread(tmp_path, monkeypatch):
    gcc, usual = compilers.find()[0], library.find()  # before another one is in place
    refuse = (
        'for word; do test "$word" = -fopenmp && { echo error: no omp >&2; exit 1; }'
    )
    bare = script(tmp_path / "bare", f'{refuse}; done\nexec {gcc.words[0]} "$@"\n')
    monkeypatch.setattr(compilers, "find", lambda: (bare,))
    built = library.load(building.build(folder=tmp_path / "native"))
    assert not built.built.threads and built.threads(8) == 1
    whole = torch.randint(-127, 128, (40, 50), dtype=torch.int8)
    matrix = matrices.Matrix(whole, torch.rand(40, 1) + 0.5)
    x = torch.randn(7, 50)
    both = [matrices.multiply(one, matrix, x) for one in (built, usual)]
    assert torch.equal(*both)


def test_without_a_compiler_the_layers_run_and_one_sentence_says_why(monkeypatch, anew):
    monkeypatch.setattr(compilers, "find", lambda: ())
    assert library.find() is None and "no C compiler" in library.reason()
    with pytest.warns(UserWarning, match="no C compiler answers here") as told:
        made = graphs.compiled(quantized("llama"))
    assert len(told) == 1
    tokens = draw_tokens(2, 5)
    with torch.inference_mode():
        assert torch.equal(made(tokens), quantized("llama")(tokens))


def test_nothing_is_compiled_at_import_and_threads_are_torchs_own():
    code = (
        "import re, torch\n"
        "from llmlab import graphs, kernels\n"
        "from llmlab.core import machine\n"
        "from llmlab.kernels.native import library, building, compilers\n"
        "print(machine.cache_folder().exists())\n"
        "print(bool(library.find()))\n"
        "maps = open('/proc/self/maps').read()\n"
        "print(*sorted(set(re.findall(r'\\S*lib[gi]?omp\\S*', maps))))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=250
    )
    before, there, runtimes = done.stdout.splitlines()
    assert (before, there) == ("False", "True"), done.stderr
    assert len(runtimes.split()) == 1 and "torch" in runtimes


@pytest.mark.skipif(not shutil.which("objdump"), reason="no objdump to look with")
@pytest.mark.parametrize("kind", ["", "x86-64-v3"])
def test_pairs_of_16_bits_are_multiplied_by_one_instruction(
    kind, tmp_path, monkeypatch
):
    """Of plain C compilers make vpmaddwd (AVX2), or vpdpwssd where there is VNNI."""
    if not any(name in compilers.find()[0].instructions() for name in ("AVX2", "VNNI")):
        pytest.skip("this processor has no AVX2")
    monkeypatch.setenv(compilers.NATIVE, "plain")
    if kind:
        monkeypatch.setenv("LLMLAB_CFLAGS", f"-march={kind}")
    built = building.build(folder=tmp_path)
    code = subprocess.run(
        ["objdump", "-d", built.path], capture_output=True, text=True, check=True
    ).stdout
    assert len(re.findall(r"vpmaddwd|vpdpwssd", code)) >= 8
    if kind:
        assert "zmm" not in code
        made = library.load(built)
        whole = torch.randint(-127, 128, (40, 50), dtype=torch.int8)
        matrix, x = matrices.Matrix(whole, torch.ones(40, 1)), torch.randn(7, 50)
        both = [matrices.multiply(one, matrix, x) for one in (made, library.find())]
        assert torch.equal(*both), "sums of integers are exact on every machine"


def test_a_product_is_exact_but_for_13_bits_of_the_activations():
    x, whole = torch.randn(9, 70), torch.randint(-127, 128, (33, 70), dtype=torch.int8)
    matrix = matrices.Matrix(whole, torch.rand(33, 1) + 0.5, torch.randn(33))
    steps = x.abs().amax(1, keepdim=True) / 8191
    rounded = (x / steps).round().double() * steps
    exact = rounded @ (whole.double() * matrix.scales.double()).T + matrix.bias
    for rows in (1, 2, 3, 4, 5, 9):
        y = matrices.multiply(library.find(), matrix, x[:rows].contiguous(), threads=2)
        assert (y - exact[:rows]).abs().max() < 2e-4 * exact.abs().max()


def test_tensors_that_c_would_read_wrongly_are_refused():
    whole, scales = torch.ones(4, 8, dtype=torch.int8), torch.ones(4, 1)
    for parts in (
        (whole.int(), scales), (whole, scales[:3]), (whole, scales.double()),
        (whole.T, torch.ones(8, 1)), (whole, scales, torch.ones(5)),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="a native call reads"):
            matrices.Matrix(*parts)
    matrix = matrices.Matrix(whole, scales)
    for x in (torch.ones(2, 7), torch.ones(8, 2).T, torch.ones(2, 8).double()):
        with pytest.raises(ValueError, match="x is"):
            matrices.multiply(library.find(), matrix, x)
    assert matrices.bandwidth(library.find(), size=256) > 1e6
