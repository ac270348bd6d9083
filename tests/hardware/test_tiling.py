"""A fast memory counts what moves; tiles and chunks give what the whole gives."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llmlab.hardware import tiling
from llmlab.hardware.tiling import Scratch

SIZES = st.integers(1, 9)


def matrices(m, n, k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 128, (m, k)), rng.integers(-128, 128, (k, n))


@given(m=SIZES, n=SIZES, k=SIZES, tile=st.integers(1, 12), seed=st.integers(0, 99))
def test_a_product_in_tiles_is_exact_and_loads_what_the_closed_form_says(
    m, n, k, tile, seed
):
    a, b = matrices(m, n, k, seed)
    memory = Scratch(3 * tile**2)
    assert (tiling.matmul(a, b, tile=tile, memory=memory) == a @ b).all()
    assert (memory.loaded, memory.stored) == tiling.elements(m, n, k, tile)
    assert memory.held == 0
    s, t, u = (min(tile, size) for size in (m, n, k))  # of the first, largest tiles
    assert memory.most == s * t + (s + t) * u


@given(tiles=st.tuples(SIZES, SIZES, SIZES), tile=st.integers(1, 8))
def test_at_whole_tiles_two_of_each_product_are_loaded_once_in_a_tile(tiles, tile):
    m, n, k = (count * tile for count in tiles)
    assert tiling.elements(m, n, k, tile) == (2 * m * n * k // tile, m * n)


def test_a_product_of_floats_is_that_of_float64():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((5, 7)), rng.standard_normal((7, 3))
    product = tiling.matmul(a, b, tile=2, memory=Scratch(12))
    np.testing.assert_allclose(product, a @ b, rtol=1e-12)


def test_int8_factors_do_not_overflow():
    a = np.full((4, 4), -128, dtype=np.int8)
    product = tiling.matmul(a, a, tile=2, memory=Scratch(12))
    assert (product == 4 * 128**2).all()


def test_traffic_counts_two_flops_a_multiply_add_and_the_bytes_that_move():
    cost = tiling.traffic(8, 8, 8, 4, element_bytes=2)
    assert (cost.flops, cost.bytes) == (1024, 2 * (256 + 64))


def test_a_block_is_a_copy_that_slow_memory_does_not_see():
    x, memory = np.ones((2, 3)), Scratch(10)
    block = memory.load(x)
    block += 1
    assert x.sum() == 6
    assert (memory.held, memory.loaded, memory.stored) == (6, 6, 0)


def test_zeros_are_held_and_not_loaded():
    memory = Scratch(10)
    memory.zeros(2, 3)
    assert (memory.held, memory.loaded) == (6, 0)


def test_what_is_stored_stays_held_until_it_is_freed():
    memory, out = Scratch(4), np.zeros((3, 3))
    block = memory.zeros(2, 2)
    block += 5
    memory.store(block, out, 1, 1)
    assert out.tolist() == [[0, 0, 0], [0, 5, 5], [0, 5, 5]]
    assert (memory.stored, memory.held) == (4, 4)
    memory.free(block)
    assert (memory.held, memory.most) == (0, 4)


def refused(call, *words):
    with pytest.raises(ValueError) as caught:
        call()
    said = str(caught.value)
    assert "\n" not in said
    for word in words:
        assert word in said


def test_more_than_fits_is_refused_and_nothing_is_counted():
    memory = Scratch(10)
    memory.zeros(2, 3)
    refused(lambda: memory.load(np.ones((1, 5))), "6 of 10 words are held", "5 more")
    refused(lambda: memory.zeros(5, 1), "does not fit", "smaller tile")
    assert (memory.held, memory.loaded) == (6, 0)


def test_only_a_held_block_is_freed_or_stored():
    memory, out = Scratch(10), np.zeros((2, 2))
    block = memory.zeros(2, 2)
    refused(lambda: memory.store(block + 1, out, 0, 0), "not held", "sums +=")
    refused(lambda: memory.free(block.copy()), "not held")
    memory.free(block)
    refused(lambda: memory.free(block), "not held")
    refused(lambda: memory.store(block, out, 0, 0), "not held")
    refused(lambda: memory.free(None), "not held")
    assert memory.held == 0


@pytest.mark.parametrize("i, j", [(0, 2), (2, 0), (9, 9)])
def test_a_block_never_reaches_beyond_the_result(i, j):
    memory = Scratch(4)
    block = memory.zeros(2, 2)
    refused(lambda: memory.store(block, np.zeros((3, 3)), i, j), "beyond out", "3 x 3")
    assert memory.stored == 0


@pytest.mark.parametrize("i", [-1, 0.5, True])
def test_a_place_is_a_whole_number_from_0_on(i):
    memory = Scratch(4)
    block = memory.zeros(2, 2)
    refused(lambda: memory.store(block, np.zeros((3, 3)), i, 0), "i=", "whole number")


@pytest.mark.parametrize("words", [0, -1, 1.5, "9", None, True, 2**40])
def test_a_memory_has_a_whole_number_of_words(words):
    refused(lambda: Scratch(words), "words=", "whole number")


@pytest.mark.parametrize("x", ["a", None, 3, [1, 2], [[1], [2, 3]], [["a"]], [[1j]]])
def test_what_is_no_matrix_is_not_loaded(x):
    refused(lambda: Scratch(9).load(x), "x=", "no matrix")


def test_rows_and_columns_of_zeros_are_at_least_1():
    refused(lambda: Scratch(9).zeros(0, 1), "rows=0")
    refused(lambda: Scratch(9).zeros(1, -1), "columns=-1")


def test_a_product_says_what_does_not_match_or_fit():
    a, b = matrices(4, 4, 4)
    refused(lambda: tiling.matmul(a, b[:3], tile=1, memory=Scratch(3)), "4 rows")
    refused(lambda: tiling.matmul(a, b, tile=0, memory=Scratch(3)), "tile=0")
    refused(lambda: tiling.matmul(a, b, tile=2, memory=Scratch(11)), "needs 12 words")
    refused(lambda: tiling.matmul(a, b, tile=2, memory=12), "memory=12", "Scratch")
    refused(lambda: tiling.matmul("a", b, tile=2, memory=Scratch(12)), "a='a'")


@pytest.mark.parametrize("sizes", [(0, 1, 1, 1), (1, 1, 1, 0), (1, 1.5, 1, 1)])
def test_the_closed_form_wants_sizes_of_at_least_1(sizes):
    refused(lambda: tiling.elements(*sizes), "must be a whole number")
    refused(lambda: tiling.traffic(*sizes), "must be a whole number")


CHAIN = [lambda x: x.mul_(3.0), lambda x: x.add_(1.0), lambda x: x.abs_()]


@given(length=st.integers(1, 40), size=st.integers(1, 50))
def test_a_chain_in_chunks_gives_what_the_whole_gives(length, size):
    x = torch.randn(length, generator=torch.Generator().manual_seed(length))
    whole = x.mul(3.0).add(1.0).abs()
    got = tiling.in_chunks(CHAIN, x, size=size)
    assert got is x
    assert torch.equal(x, whole)


def test_chunks_run_over_a_matrix_as_over_its_elements():
    x = torch.arange(-6.0, 6.0).view(3, 4)
    whole = x.mul(3.0).add(1.0).abs()
    assert torch.equal(tiling.in_chunks(CHAIN, x, size=5), whole)


@pytest.mark.parametrize("chain", [(), [3], 3, "relu_", [None]])
def test_a_chain_is_functions(chain):
    refused(lambda: tiling.in_chunks(chain, torch.ones(3), size=1), "chain=")


def test_chunks_refuse_what_they_would_copy_and_what_is_no_size():
    x = torch.ones(3, 4)
    refused(lambda: tiling.in_chunks(CHAIN, x.T, size=2), "contiguous")
    refused(lambda: tiling.in_chunks(CHAIN, x, size=0), "size=0")
    refused(lambda: tiling.in_chunks(CHAIN, [1.0], size=1), "no tensor")
    assert torch.equal(x, torch.ones(3, 4))
