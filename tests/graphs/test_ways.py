"""All ways to multiply give the same bits, and use the instructions they name."""

import ctypes
import mmap
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass

import pytest
import torch
from native_cache import Pages
from native_models import IN_ROWS, MAKERS, exact, library_of, on, quantized, ways
from small_models import draw_tokens

from llmlab import graphs
from llmlab.kernels.native import (
    building,
    compilers,
    library,
    matrices,
    structures,
)
from llmlab.kernels.native.building import CannotBuildError

pytestmark = pytest.mark.filterwarnings("error::UserWarning")
INSTRUCTIONS = {
    "avx2": r"vpmaddwd.*%ymm",
    "avx512": r"vpdpwssd.*%zmm",
    "amx": r"tdpb[us]sd.*%tmm",
}
LEAST = {"avx2": 20, "avx512": 20, "amx": 4}  # of them in a library
PROCESSORS = {  # that have them, as compilers call them
    "avx2": "haswell",
    "avx512": "icelake-server",
    "amx": "sapphirerapids",
}
TILED = [way for way in ways() if way != "plain"]


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def libraries(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native", numbered=True)
    return {way: library_of(way, folder) for way in ways()}


@pytest.mark.parametrize("name", MAKERS)
def test_all_ways_give_the_same_bits(name, libraries):
    tokens = draw_tokens(3, 37)
    answers = {}
    for way in ways() if name in IN_ROWS else TILED:
        native = on(libraries[way], quantized(name))
        cache = Pages(native.new_cache(3, 40))
        parts = [native(part, cache) for part in tokens.split([20, 1, 1, 15], 1)]
        answers[way] = torch.cat(parts, 1)
    first, *others = answers.values()
    bound = 8e-3 if name == "large scores" else 2e-3  # scores of 900, 37 of them
    wanted = exact(quantized(name))(tokens)
    assert (first - wanted).norm() < bound * wanted.norm()
    for other in others:
        assert torch.equal(other, first)


@pytest.mark.parametrize(
    "name", ["llama", "heads by threes", "int8 in groups", "long groups", "int4"]
)
@pytest.mark.parametrize("way", TILED)
def test_rows_blocks_and_threads_have_the_bits_of_one_token_alone(way, name, libraries):
    tokens = draw_tokens(17, 9)  # wide tiles of tokens, and some left
    whole = on(libraries[way], quantized(name))(tokens)
    alone = on(libraries[way], quantized(name), threads=1)
    for row in (0, 7, 8, 16):
        cache = alone.new_cache(1, 16)
        for place in range(9):
            token = tokens[row : row + 1, place : place + 1]
            assert torch.equal(alone(token, cache)[0, 0], whole[row, place])


@pytest.mark.parametrize(
    ("rows", "columns", "groups", "bits"),
    [
        (1, 1, 1, 8), (16, 8, 1, 8), (33, 70, 1, 8), (48, 64, 8, 8), (20, 48, 2, 8),
        (300, 192, 3, 8), (40, 160, 2, 8), (17, 32, 1, 4), (40, 192, 6, 4),
    ],
)  # fmt: skip
def test_a_product_of_any_size_is_that_of_the_rounded_activations(
    rows, columns, groups, bits, libraries
):
    high = 2 ** (bits - 1)
    whole = torch.randint(-high + (bits == 8), high, (rows, columns), dtype=torch.int8)
    scales = (torch.rand(rows, groups) + 0.5).bfloat16().float()
    zeros = torch.randint(-8, 8, (rows, groups)).float() if bits == 4 else None
    matrix = matrices.Matrix(whole, scales, torch.randn(rows), zeros)
    width = columns // groups
    weight = whole.double()
    if zeros is not None:
        weight = weight - zeros.repeat_interleave(width, 1)
    weight = weight * scales.repeat_interleave(width, 1)
    for tokens in (1, 2, 3, 4, 7, 8, 9, 19, 75):
        x = torch.randn(tokens, columns)
        steps = x.abs().amax(1, keepdim=True) / 8191
        wanted = ((x / steps).round() * steps).double() @ weight.T + matrix.bias
        answers = [
            matrices.multiply(libraries[way], matrix, x, threads=2)
            for way in (ways() if bits == 8 else TILED)
        ]
        bound = 3e-4 * max(1, wanted.abs().max())
        assert all((y - wanted).abs().max() < bound for y in answers)
        assert all(torch.equal(y, answers[0]) for y in answers)


SEEN = pytest.mark.skipif(not shutil.which("objdump"), reason="no objdump to look with")


@SEEN
@pytest.mark.parametrize("way", TILED)
def test_a_way_is_made_of_its_instruction(way, libraries):
    assert len(instructions(way, libraries[way].built.path)) >= LEAST[way]


@SEEN
@pytest.mark.skipif(platform.machine() != "x86_64", reason="the ways are x86's")
@pytest.mark.parametrize("way", INSTRUCTIONS)
def test_a_way_compiles_anywhere_to_its_instruction(way, tmp_path, monkeypatch):
    monkeypatch.setenv("LLMLAB_CFLAGS", f"-march={PROCESSORS[way]}")
    compiler, path = compilers.find()[0], tmp_path / "library.so"
    if not compiler._defined().issuperset(compilers.WAYS[way]):
        pytest.skip(f"{compiler.version} does not know {PROCESSORS[way]}")
    flags = compiler.flags(threads=False)
    building.compile_for(way, building.SOURCE, path, compiler, flags)
    assert len(instructions(way, path)) >= LEAST[way]


def instructions(way, path):
    """Return the lines of a library that hold the instruction of a way."""
    shown = subprocess.run(
        ["objdump", "-d", path], capture_output=True, text=True, check=True
    ).stdout
    return re.findall(INSTRUCTIONS[way], shown)


@pytest.mark.skipif("amx" not in ways(), reason="this processor has no AMX")
def test_without_the_systems_leave_amx_is_not_used(monkeypatch, tmp_path):
    monkeypatch.delenv(compilers.NATIVE, raising=False)
    monkeypatch.setattr(compilers, "asks_for_amx", lambda: False)
    assert building.build(folder=tmp_path).way == "avx512"


@pytest.mark.skipif("amx" not in ways(), reason="this processor has no AMX")
def test_torchs_own_tiles_and_ours_take_turns(libraries):
    """oneDNN shapes its tiles on the same threads, and may think that they stay so."""
    matrix = matrices.Matrix(torch.ones(32, 64, dtype=torch.int8), torch.ones(32, 1))
    x, weight = torch.randn(64, 64), torch.randn(128, 64)
    theirs = x.bfloat16() @ weight.bfloat16().T
    ours = matrices.multiply(libraries["amx"], matrix, x, threads=2)
    for _ in range(3):
        again = matrices.multiply(libraries["amx"], matrix, x, threads=2)
        assert torch.equal(again, ours)
        assert torch.equal(x.bfloat16() @ weight.bfloat16().T, theirs)


@pytest.mark.parametrize("way", TILED)
@pytest.mark.parametrize("tokens", [1, 8, 9, 32, 64])
def test_nothing_is_read_behind_the_room(way, tokens, libraries):
    """Groups of 80 columns end in the middle of what AMX reads at once."""
    whole = torch.randint(-127, 128, (48, 160), dtype=torch.int8)
    matrix = matrices.Matrix(whole, torch.rand(48, 2)).laid(way)
    x, columns = torch.randn(tokens, 160), matrices.width_of(160)
    wanted = matrices.multiply(libraries[way], matrix, x, threads=1)
    rows = matrices.rows_of_integers(tokens, 1, matrix.strip)
    integers, strip = guarded(rows * columns * 2), guarded(matrix.strip)
    factors, y = torch.empty(rows), torch.empty(tokens, 48)
    room = structures.Room(
        integers=integers.address, factors=factors.data_ptr(), columns=columns,
        strip=strip.address if matrix.strip else None, strip_bytes=matrix.strip,
    )  # fmt: skip
    libraries[way].multiply(
        matrix.structure(), x.data_ptr(), tokens, room, y.data_ptr(), 1
    )
    assert torch.equal(y, wanted)


@dataclass
class Guarded:
    """Bytes that end where a page begins which nobody may read."""

    address: int
    pages: mmap.mmap


def guarded(size):
    page = mmap.PAGESIZE
    pages = mmap.mmap(-1, -(-size // page) * page + page)
    end = ctypes.addressof(ctypes.c_char.from_buffer(pages)) + len(pages) - page
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    assert protect(ctypes.c_void_p(end), ctypes.c_size_t(page), 0) == 0
    return Guarded(end - size, pages)


@pytest.mark.skipif("avx2" not in ways(), reason="this processor has no AVX2")
def test_on_a_processor_without_avx512_the_way_is_avx2(
    tmp_path, monkeypatch, libraries
):
    monkeypatch.setenv("LLMLAB_CFLAGS", "-march=x86-64-v3")
    made = library.load(building.build(folder=tmp_path))
    assert made.way == "avx2"
    shown = subprocess.run(["objdump", "-d", made.built.path], capture_output=True)
    assert b"zmm" not in shown.stdout
    tokens = draw_tokens(3, 12)
    for name in ("llama", "int4"):
        both = [on(one, quantized(name))(tokens) for one in (made, libraries["avx2"])]
        assert torch.equal(*both)


def test_a_way_is_named_from_outside_or_refused_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv(compilers.NATIVE, "plain")
    assert building.build(folder=tmp_path).way == "plain"
    monkeypatch.setenv(compilers.NATIVE, "avx1024")
    with pytest.raises(CannotBuildError, match="LLMLAB_NATIVE=avx1024 cannot be had"):
        building.build(folder=tmp_path)


def test_plain_c_leaves_four_bits_to_the_layers(monkeypatch):
    monkeypatch.setenv(compilers.NATIVE, "plain")
    library._tried.cache_clear()
    try:
        theirs, tokens = quantized("int4"), draw_tokens(2, 6)
        with pytest.warns(UserWarning, match="plain C multiplies weights of 8 bits"):
            made = graphs.compiled(theirs)
        assert torch.equal(made(tokens), theirs(tokens))
    finally:
        library._tried.cache_clear()


def test_groups_and_scales_that_no_tile_has_are_refused():
    whole = torch.zeros(16, 36, dtype=torch.int8)
    with pytest.raises(ValueError, match="no whole rounds"):
        matrices.Matrix(whole, torch.ones(16, 3)).laid("avx2")
    third = torch.full((16, 1), 1 / 3)
    four = matrices.Matrix(whole[:, :32].contiguous(), third, None, torch.zeros(16, 1))
    with pytest.raises(ValueError, match="bfloat16 says exactly"):
        four.laid("avx2")
    with pytest.raises(ValueError, match="do not divide"):
        matrices.Matrix(whole, torch.ones(16, 5))
