"""A C source with a mistake in it must fail: each mutant is compiled and found out."""

import pytest
import torch
from native_cache import Pages
from native_models import exact, on, quantized, ways
from small_models import draw_tokens

from llmlab.kernels.native import building, compilers, library, matrices

pytestmark = pytest.mark.slow
SOURCES = {
    path.name: path.read_text() for path in building.SOURCE.parent.glob("*.[ch]")
}
# What is wrong in all ways, then what is wrong in the tiles of one.
MUTANTS = {
    "another token's factor": ("room->factors[m + j]", "room->factors[m]"),
    "no bias": ("bias ? bias[r] : 0", "bias ? 0 : 0"),
    "no residual": ("add ? to[r] : 0", "add ? 0 : 0"),
    "sums that overflow": ("smaller(LARGEST, INT32_MAX / 128 / n)", "LARGEST"),
    "no rotation": ("a * c[i] + b * s[i], y", "a, y"),
    "a rotation the other way": ("+ a * s[i + half]", "- a * s[i + half]"),
    "a softmax without its maximum": ("(mine[i] - most) * root", "mine[i] * root"),
    "a softmax that does not add up": ("query[i] /= total", "query[i] /= 1"),
    "scores without the root": ("- most) * root", "- most)"),
    "one place too few": ("seen = place + 1 - start", "seen = place - start"),
    "a window one too wide": ("place - layer->window + 1", "place - layer->window"),
    "heads that share wrongly": (
        "head * layer->kv_heads / layer->heads", "head % layer->kv_heads",
    ),
    "the first run for all": (
        "rows->runs[rows->first[m] + place / rows->run_places]", "rows->runs[0]",
    ),
    "a gate the wrong way": ("1 + exponential(-gate[i])", "1 + exponential(gate[i])"),
    "heads of other keys": ("unit / count * group + h", "unit / count + h"),
    "no norm of keys": ("layer->key_norm, place", "NULL, place"),
    "the logits of other rows": ("(index ? index[m] : m)", "m"),
}  # fmt: skip
ROWS = {
    "a scale off by a row": ("scale[(block + r)", "scale[(block + (r ^ 1))"),
    "a row for another": ("weight + (block + r) * n", "weight + block * n"),
    "a token for another": ("*x2 = x1 + step", "*x2 = x"),
    "a row left over": ("sums[j] = one_sum", "sums[0] = one_sum"),
    "a value twice": ("values[i + 2 * step]", "values[i + step]"),
    "the query of another head": ("queries + h * n, keys", "queries, keys"),
}
TILES = {
    "a tile too short": ("group * 2 * matrix->bits + 64", "group * 2 * matrix->bits"),
    "a group's scale for the next": ("        w += 64;\n", ""),
    "the same two columns": ("+ c + 2 * k", "+ c"),
    "another token's integers": ("x + t * step", "x"),
    "a chain forgotten": ("int i = 1; i < chains", "int i = 2; i < chains"),
    "groups that do not add up": ("scale, total[t]);", "scale, nought());"),
    "no zero points": ("short_wholes(w + 32)", "nought()"),
    "another group's integers": ("+ from / GROUP", ""),
    "nibbles the other way": ("nibbles(w + 32 * (k / 2), k % 2)",
                              "nibbles(w + 32 * (k / 2), 1 - k % 2)"),
    "a key for another": ("smaller(p + k, rows - 1)", "smaller(p, rows - 1)"),
    "columns of another head": ("values + 16 * i", "values"),
    "scores of other keys": ("scores + h * apart + p;", "scores + h * apart;"),
    "the scores of another head": ("scores + h * apart + p;", "scores + p;"),
    "the query of another head": ("queries + h * n + i", "queries + i"),
    "the weights of another head": ("all(weights[h * apart + p])", "all(weights[p])"),
}  # fmt: skip
# What a way's registers do, by its header.
REGISTERS = {
    "avx2": {
        "the lower half twice": ("madd_epi16(w.b, x)", "madd_epi16(w.a, x)"),
        "a scale of half a tile": ("_mm256_loadu_ps((const float *)p + 8)",
                                   "_mm256_loadu_ps(p)"),
        "a nibble with its neighbour": ("_mm256_and_si256(b, low)", "b"),
        "a fold of other keys": ("eight(s + 8)", "eight(s)"),
        "quarters left out": ("(x, y, 0x31)", "(x, y, 0x20)"),
    },
    "avx512": {
        "a nibble with its neighbour": (
            "_mm512_and_si512(both, _mm512_set1_epi16(15))", "both",
        ),
        "scales that are no bfloat16": ("_mm512_slli_epi32(wide, 16)", "wide"),
        "zero points that are added": ("_mm512_fnmadd_ps", "_mm512_fmadd_ps"),
        "halves left out": ("(a, b, 0xEE);\n}\nstatic inline Real quarters",
                            "(a, b, 0x44);\n}\nstatic inline Real quarters"),
        "keys in another order": ("halves(s[i + 8], s[i + 12])",
                                  "halves(s[i + 12], s[i + 8])"),
    },
    "amx": {
        "upper bits that weigh too little": ("[place]), 7)", "[place]), 6)"),
        "lower bits that are too few": ("& 127", "& 63"),
        "the first tokens twice": ("lower + c + TALL * row", "lower + c"),
        "their upper bits twice": ("upper + c + TALL * row", "upper + c"),
        "sums that are kept": ("_tile_zero(1);", ""),
        "sums of more tokens that are kept": ("_tile_zero(2);", ""),
        "columns in another order": ("lanes[2 * r + 1] = r + 16",
                                     "lanes[2 * r + 1] = r"),
        "a chunk that is not filled up": ("c % DEEP; c += 4, to += 64) _mm512",
                                          "c % DEEP; c += 4) _mm512"),
        "a group's scale for the next": ("lying += (group + 4) * BLOCK;", ""),
        "a strip for another": ("room->strip + b * size, m", "room->strip, m"),
    },
}  # fmt: skip
CASES = [("plain", name, *pair) for name, pair in (MUTANTS | ROWS).items()]
CASES += [("avx512", name, *pair) for name, pair in TILES.items()]
CASES += [
    (way, name, *pair)
    for way, mutants in REGISTERS.items()
    for name, pair in mutants.items()
]
FAMILIES = (
    "llama, untied, odd sizes",
    "llama, biases",
    "qwen3, a window",
    "large scores",
    "int8 in groups",
    "long groups",
    "heads of 64",
    "heads by threes",
    "all heads their own",
)
FOUR_BITS = ("int4", "int4 about zero, biases")  # what plain C does not read


def faults(made_library):
    """Return what a library gets wrong: of families, of cuts, of pages, of sums."""
    told = []
    names = FAMILIES if made_library.way == "plain" else FAMILIES + FOUR_BITS
    for name in names:
        model = quantized(name)
        native = on(made_library, model)
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
        torch.full((16, 4096), 127, dtype=torch.int8), torch.ones(16, 1)
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


@pytest.mark.parametrize("way", ways())
def test_the_source_itself_gets_nothing_wrong(way, tmp_path, monkeypatch):
    monkeypatch.setenv(compilers.NATIVE, way)
    assert faults(built(SOURCES, tmp_path)) == []


@pytest.mark.parametrize(("way", "name", "right", "wrong"), CASES)
def test_a_mistake_in_the_source_is_found_out(
    way, name, right, wrong, tmp_path, monkeypatch
):
    if way not in ways():
        pytest.skip(f"this processor has no {way}")
    monkeypatch.setenv(compilers.NATIVE, way)
    files = {way + ".h", "tiles.h", "heads.h", "pass.c", "integers.h", "products.h"}
    mutant = {
        file: text.replace(right, wrong) if file in files else text
        for file, text in SOURCES.items()
    }
    assert mutant != SOURCES, "the source has changed: write the mutant again"
    assert faults(built(mutant, tmp_path))
