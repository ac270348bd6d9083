"""Packages compiled ahead of time: kept, compared with their sum, never others'."""

import shutil

import pytest
import torch
from fused_models import MAKERS, furthest
from small_models import draw_tokens

from llmlab import graphs
from llmlab.graphs import ahead, programs, runners
from llmlab.graphs.static import Step

pytestmark = pytest.mark.slow
LENGTH = 24


@pytest.fixture(scope="module")
def small():
    return MAKERS["llama"]().float()


@pytest.fixture(scope="module")
def kept(small, tmp_path_factory):
    """Return the folder of a first build, and its package."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LLMLAB_CACHE", str(folder))
        return folder, ahead.package(Step(small, length=LENGTH))


@pytest.fixture
def builds(kept, monkeypatch):
    """Return the places that were compiled to from now on, instead of compiling."""
    monkeypatch.setenv("LLMLAB_CACHE", str(kept[0]))
    places = []

    def compiled(program, package_path):
        places.append(package_path)
        shutil.copy(kept[1], package_path)

    monkeypatch.setattr(torch._inductor, "aoti_compile_and_package", compiled)
    return places


def test_a_second_process_finds_the_package_and_it_answers(small, kept, builds):
    made = graphs.compiled(small, "aot", length=LENGTH)
    assert not builds and made.built.value > 0 and made.by == "aot"
    tokens, got = draw_tokens(1, 9, seed=1), []
    cache = made.new_cache(1, 9)
    for token in tokens.split(1, 1):
        got.append(made(token, cache))
    assert made.steps == 9
    assert furthest(torch.cat(got, 1), small(tokens)) < 1e-4


def test_what_is_counted_in_a_package_is_what_inductor_wrote(kept):
    counts = ahead.kernels(kept[1])
    assert counts[programs.FUSED] > 0
    products = sum(n for name, n in counts.items() if "mm" in name)
    assert products == 2 * 7 + 1  # of two layers, and the head


def test_another_step_is_another_package(small, kept, builds):
    other = MAKERS["llama"]().float()
    with torch.no_grad():
        other.layers[0].mlp.gate.weight[0, 0] += 1
    steps = [
        Step(other, length=LENGTH),
        Step(small, length=LENGTH - 1),
        Step(small, length=LENGTH, batch=2),
        Step(small, length=LENGTH, tokens=4),
        Step(small, length=LENGTH, tokens=8),
    ]
    paths = {kept[1], *map(ahead.package, steps)}
    assert len(paths) == 1 + len(steps) == 1 + len(builds)


@pytest.mark.parametrize("what", ["changed", "put there by others"])
def test_a_package_with_other_bytes_is_compiled_anew_and_not_loaded(
    small, kept, builds, what
):
    right, index = kept[1].read_bytes(), kept[1].with_name("index.json")
    known = index.read_text()
    try:
        if what == "changed":
            kept[1].write_bytes(right + b"x")
        else:
            index.write_text("{}")
        monkey = ahead.package(Step(small, length=LENGTH))
        assert monkey == kept[1] and len(builds) == 1
    finally:
        kept[1].write_bytes(right)
        index.write_text(known)


def test_a_folder_that_others_may_write_to_is_refused(small, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path))
    (tmp_path / "ahead").mkdir(mode=0o777)
    (tmp_path / "ahead").chmod(0o777)
    with pytest.raises(ValueError, match="others may write to it"):
        graphs.compiled(small, "aot", length=LENGTH)


def test_a_cuda_graph_needs_a_gpu(small):
    with pytest.raises(ValueError, match="is on cpu; move the model there"):
        graphs.compiled(small, "cuda graph", length=LENGTH)
    assert runners.WAYS["cuda graph"] == "CUDA graph"
