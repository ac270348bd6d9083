"""A C source with a mistake in it must fail: each mutant is compiled and found out."""

import pytest
import torch
from native_cache import Pages
from native_models import exact, quantized
from small_models import draw_tokens

from llmlab import graphs
from llmlab.kernels.native import building, library, matrices
from llmlab.kernels.native.decoding import Pass

pytestmark = pytest.mark.slow
SOURCES = {
    path.name: path.read_text() for path in building.SOURCE.parent.glob("*.[ch]")
}
MUTANTS = {
    "a scale off by a row": ("scale[block + r]", "scale[block + (r ^ 1)]"),
    "another token's factor": ("room->factors[m + j]", "room->factors[m]"),
    "no bias": ("value += matrix->bias[block + r]", "value += 0"),
    "no residual": ("add ? *to + value : value", "value"),
    "sums that overflow": ("smaller(LARGEST, INT32_MAX / 128 / n)", "LARGEST"),
    "a row for another": ("weight + (block + r) * n", "weight + block * n"),
    "a token for another": ("*x2 = x1 + step", "*x2 = x"),
    "a row left over": ("sums[r][j] = one_sum", "sums[0][j] = one_sum"),
    "no rotation": ("a * c[i] + b * s[i], y", "a, y"),
    "a rotation the other way": ("+ a * s[i + half]", "- a * s[i + half]"),
    "a softmax without its maximum": ("scores[i] - most", "scores[i]"),
    "a softmax that does not add up": ("scores[i] /= total", "scores[i] /= 1"),
    "scores without the root": ("n) * root", "n)"),
    "one place too few": ("seen = place + 1 - start", "seen = place - start"),
    "a window one too wide": ("place - layer->window + 1", "place - layer->window"),
    "heads that share wrongly": (
        "head * layer->kv_heads / layer->heads", "head % layer->kv_heads",
    ),
    "the first run for all": (
        "rows->runs[rows->first[m] + place / rows->run_places]", "rows->runs[0]",
    ),
    "a value twice": ("values[i + 2 * step]", "values[i + step]"),
    "a gate the wrong way": ("1 + exponential(-gate[i])", "1 + exponential(gate[i])"),
    "no norm of keys": ("layer->key_norm, place", "NULL, place"),
    "the logits of other rows": ("(index ? index[m] : m)", "m"),
}  # fmt: skip
FAMILIES = (
    "llama, untied, odd sizes",
    "llama, biases",
    "qwen3, a window",
    "large scores",
)


def faults(made_library):
    """Return what a library gets wrong: of families, of cuts, of pages, of sums."""
    told = []
    for name in FAMILIES:
        model = quantized(name)
        native = graphs.compiled(model)
        native._pass = Pass(made_library, native._pass.weights, threads=2)
        tokens = draw_tokens(3, 19)
        wanted, logits = exact(model)(tokens), native(tokens)
        if not (logits - wanted).norm() < 2e-3 * wanted.norm():
            told.append(name)
        last = native(tokens, counts=[19, 7, 12], last=True)[:, 0]
        if not torch.equal(last, logits[torch.arange(3), torch.tensor([18, 6, 11])]):
            told.append(f"{name}, last")
        cache = Pages(native.new_cache(3, 24))
        parts = [native(part, cache) for part in tokens.split([5, 1, 1, 12], 1)]
        if not torch.equal(torch.cat(parts, 1), logits):
            told.append(f"{name}, in pages")
    matrix = matrices.Matrix(
        torch.full((16, 4096), 127, dtype=torch.int8), torch.ones(16)
    )
    product = matrices.multiply(made_library, matrix, torch.ones(1, 4096))
    if not torch.allclose(product, torch.tensor(127.0 * 4096)):
        told.append("a sum of 4096 columns")
    return told


def built(sources, folder):
    for name, text in sources.items():
        (folder / name).write_text(text)
    source = folder / building.SOURCE.name
    return library.load(building.build(source, folder / "libraries"))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("LLMLAB_CFLAGS", "-O1")  # a mistake is one at any speed
    with torch.inference_mode():
        yield


def test_the_source_itself_gets_nothing_wrong(tmp_path):
    assert faults(built(SOURCES, tmp_path)) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mistake_in_the_source_is_found_out(name, tmp_path):
    right, wrong = MUTANTS[name]
    mutant = {file: text.replace(right, wrong) for file, text in SOURCES.items()}
    assert mutant != SOURCES, "the source has changed: write the mutant again"
    assert faults(built(mutant, tmp_path))
