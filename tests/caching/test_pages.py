"""The pool: every page is free or somebody's, and parts of others are checked."""

import gc

import pytest
import torch
from small_models import decoder, draw_tokens, model

from llmlab import caching
from llmlab.caching import PagePool, parts


def pool(*, pages=9, page_size=4, **parts) -> PagePool:
    return PagePool(model("decoder"), pages=pages, page_size=page_size, **parts)


def test_a_page_has_slots_and_page_0_is_zeros_and_nobodys():
    own = pool()
    assert [tuple(memory.shape) for memory in own.layers] == [(40, 2, 2, 8)] * 2
    assert own.bytes == 2 * 40 * 2 * 2 * 8 * 8 == 10 * own.page_bytes
    cache = own.new_cache(3)
    model("decoder")(draw_tokens(3, 9), cache, counts=[9, 1, 4])
    model("decoder")(draw_tokens(3, 1), cache)
    assert 0 not in sum(cache.tables, own.free) and len(own.free) == 3
    assert all(not memory[:4].any() for memory in own.layers)


def test_the_worked_examples_of_the_parts():
    slots = parts.page_slots(torch.tensor([7, 2, 5]), 4, torch.tensor([0, 3, 4, 9]))
    assert slots.tolist() == [28, 31, 8, 21]
    free = [2, 5]
    assert parts.resize_table([7], 6, 4, free) == ([7, 2], [5])
    assert parts.resize_table([7, 2, 9], 3, 4, free) == ([7], [2, 5, 2, 9])
    assert parts.resize_table([7, 2], 0, 4, []) == ([], [7, 2])
    with pytest.raises(ValueError, match="13 tokens take 3 more of 4"):
        parts.resize_table([7], 13, 4, free)
    assert free == [2, 5]


def test_extend_writes_the_new_and_reads_all_of_each_row():
    memory = torch.zeros(12, 2, 2, 3)
    new, seen = torch.tensor([[4], [9]]), torch.tensor([[5, 4], [9, 0]])
    memory[5] = 7
    keys, values = torch.randn(2, 2, 2, 1, 3)
    all_keys, all_values = parts.extend_pages(memory, new, seen, keys, values)
    assert torch.equal(all_keys[0, :, 1], keys[0, :, 0])
    assert torch.equal(all_values[1, :, 0], values[1, :, 0])
    assert (all_keys[0, :, 0] == 7).all() and not all_keys[1, :, 1].any()
    assert torch.equal(memory[9], torch.stack((keys[1, :, 0], values[1, :, 0])))


def test_pages_are_taken_shared_and_dropped_once_for_each_owner():
    own = pool()
    page = own.take()
    assert page == 1 and own.free[0] == 2
    own.share(page)
    own.drop(page)
    assert own.owners(page) == 1 and page not in own.free
    own.drop(page)
    assert own.owners(page) == 0 and own.free[-1] == page
    with pytest.raises(ValueError, match="page=1 is free already; drop a page once"):
        own.drop(page)
    with pytest.raises(ValueError, match="page=1 is free, and what it holds"):
        own.share(page)
    for wrong in (0, 10, True, "1"):
        with pytest.raises(ValueError, match="is no page of this pool; its pages are"):
            own.owners(wrong)


def test_a_pool_too_small_says_so_and_nothing_changes():
    own = pool(pages=3)
    cache = own.new_cache(2)
    model("decoder")(draw_tokens(2, 4), cache)
    before = own.free, own.counts, cache.tables
    with pytest.raises(ValueError, match=r"pages=3 .* 2 more are wanted, 1 free; "
                       r"make it with pages=4, or release a cache"):  # fmt: skip
        model("decoder")(draw_tokens(2, 1), cache)
    assert (own.free, own.counts, cache.tables) == before
    assert cache.lengths.tolist() == [4, 4]
    own.evict = lambda pages: own.drop(kept.pop())
    kept, own.free = [3], []
    own.counts[3] = 1
    cache.rewind([4, 3])
    assert model("decoder")(draw_tokens(2, 1), cache, counts=[0, 1]).isfinite().all()
    assert not kept


def test_sizes_and_models_without_keys_and_values_are_refused():
    for words, sizes in {
        "pages=0 must be a whole number of at least 1": {"pages": 0},
        "page_size=0 must be": {"page_size": 0},
        "page_size=2.5 must be": {"page_size": 2.5},
    }.items():
        with pytest.raises(ValueError, match=words):
            pool(**sizes)
    for name in ("gpt2", "lstm"):
        for make in (
            lambda one: PagePool(one, pages=4),
            lambda one: caching.WindowCache(one, 1, window=9),
            lambda one: caching.QuantizedCache(one, 1, 9),
            lambda one: caching.cache_bytes(one, 9),
        ):
            with pytest.raises(ValueError, match=r"has no keys and values.*'coder'"):
                make(model(name))
    with pytest.raises(ValueError, match="model='coder' is a name"):
        PagePool("coder", pages=4)
    with pytest.raises(ValueError, match="choose batch >= 1"):
        pool().new_cache(0)


def test_pages_come_back_when_a_cache_is_left_or_forgotten():
    own = pool()
    with own.new_cache(2) as cache:
        model("decoder")(draw_tokens(2, 9), cache)
        assert len(own.free) == 3 and cache.bytes == 6 * own.page_bytes
        few = cache.select([1])
    assert len(own.free) == 6 and cache.bytes == 0 and cache.longest == 0
    del few
    gc.collect()
    assert sorted(own.free) == list(range(1, 10)) and not any(own.counts)


WRONG_TABLES = {
    "None; return .pages, free.": lambda pages, *rest: None,
    "1 pages for 9 tokens; pages of 4 make it 3": lambda pages, n, size, free: (
        free[:1], free[1:],
    ),
    "a page .* twice|page 1 twice; take it out of free": lambda pages, n, size, free: (
        free[:3], free,
    ),
    "nowhere page 4; a page is in the table or in free": lambda pages, n, size, free: (
        free[:3], free[4:],
    ),
    "page 77; choose pages of free": lambda pages, n, size, free: (
        [77, 1, 2], free[2:],
    ),
}  # fmt: skip


@pytest.mark.parametrize("words", WRONG_TABLES)
def test_a_wrong_table_is_refused_in_one_sentence(words):
    own = pool(resize_table=WRONG_TABLES[words])
    cache = own.new_cache(1)
    with pytest.raises(ValueError, match=f"resize_table came back with .*(?:{words})"):
        model("decoder")(draw_tokens(1, 9), cache)
    assert sorted(own.free) == list(range(1, 10)) and cache.tables == [[]]


def test_a_table_that_moves_written_pages_is_refused():
    own = pool(resize_table=lambda pages, n, size, free: (
        parts.resize_table(pages, n, size, free) if not pages
        else ([free[0], *pages], free[1:])
    ))  # fmt: skip
    cache = own.new_cache(1)
    model("decoder")(draw_tokens(1, 4), cache)
    with pytest.raises(ValueError, match=r"\[2, 1\] for a row of \[1\]; pages that ho"):
        model("decoder")(draw_tokens(1, 4), cache)


WRONG_PARTS = {
    "page_slots came back with None; return one slot for each of 8": {
        "page_slots": lambda pages, size, positions: None
    },
    "page_slots came back with .3,.; return one slot for each of 8": {
        "page_slots": lambda pages, size, positions: positions[:3]
    },
    r"slot 12; stay within the pages \[1, 2\]": {
        "page_slots": lambda pages, size, positions: pages[0] * size * 3 + positions
    },
    "page_slots came back with a slot twice; no two tokens": {
        "page_slots": lambda pages, size, positions: pages[positions // size] * size
    },
    "extend_pages came back with None; return .keys, values.": {
        "extend_pages": lambda *given: None
    },
    r"extend_pages came back with the shape \(1, 2, 6, 4\)": {
        "extend_pages": lambda *given: [
            one[..., :4] for one in parts.extend_pages(*given)
        ]
    },
    "with other numbers in memory; write the new ones": {
        "extend_pages": lambda memory, *given: parts.extend_pages(
            memory.clone(), *given
        )
    },
}


@pytest.mark.parametrize("words", WRONG_PARTS)
def test_parts_that_write_or_read_elsewhere_are_refused(words):
    cache = pool().new_cache(1, **WRONG_PARTS[words])
    with pytest.raises(ValueError, match=words):
        model("decoder")(draw_tokens(1, 6), cache)
    assert cache.lengths.tolist() == [0]


def test_a_prefix_is_adopted_by_empty_rows_and_whole_pages_only():
    own = pool(pages=20)
    tokens = draw_tokens(1, 11)
    first, second = own.new_cache(1), own.new_cache(2)
    expected = model("decoder")(tokens, first)[:, 8:]
    for page in first.tables[0][:2]:
        own.share(page)
    second.adopt(1, first.tables[0][:2], 8)
    assert second.lengths.tolist() == [0, 8] and second.longest == 8
    found = model("decoder")(tokens[:, 8:].expand(2, -1), second)
    assert (found[1] - expected[0]).abs().max() < 1e-11
    assert (found[0] - model("decoder")(tokens[:, 8:])[0]).abs().max() < 1e-11
    pages = first.tables[0]
    for words, call in {
        "row=1 is no empty row": lambda: second.adopt(1, pages[:1], 4),
        "row=7 is no empty row": lambda: second.adopt(7, pages[:1], 4),
        "tokens=5 are not what 1 whole pages of 4 hold": lambda: own.new_cache(1).adopt(
            0, pages[:1], 5
        ),
        "page 20, which is free": lambda: own.new_cache(1).adopt(0, [20], 4),
    }.items():
        with pytest.raises(ValueError, match=words):
            call()
    first.release()
    second.release()
    assert sorted(own.free) == list(range(1, 21))


def test_keys_of_another_model_are_refused_before_a_page_is_taken():
    own = pool()
    for other, words in {
        decoder(num_key_value_heads=4): "keys have 4 heads of 8 and this cache holds 2",
        decoder(dtype=torch.float32): "keys are torch.float32 and this cache is torch",
    }.items():
        with pytest.raises(ValueError, match=words):
            other(draw_tokens(1, 3), own.new_cache(1))
    assert len(own.free) == 9


def test_kernels_of_others_are_told_where_the_numbers_lie():
    own = pool()
    cache = own.new_cache(2)
    plain = model("decoder").new_cache(2, 9)
    for one in (cache, plain):
        model("decoder")(draw_tokens(2, 6), one, counts=[6, 3])
    for memory in own.layers:
        memory.view(10, 4, 2, 2, 8)[own.free] = float("nan")
    cache.reserve(5)
    assert all(
        memory.view(10, 4, 2, 2, 8)[cache.places(0)].isfinite().all()
        for memory in own.layers
    )
    assert list(map(len, map(cache.places, (0, 1)))) == [3, 2]
    for layer in range(2):
        for part, whole in zip(cache.memory(layer), plain.layers[layer], strict=True):
            assert part.shape == (10, 2, 4, 8) and part.stride(-1) == 1
            for row, held in enumerate((6, 3)):
                runs = part[cache.places(row)]  # (P, K, page size, H)
                own_row = runs.transpose(1, 2).flatten(0, 1)[:held].transpose(0, 1)
                assert torch.allclose(own_row, whole[row, :, :held])
    with pytest.raises(ValueError, match="91 more tokens make 97"):
        cache.reserve(91)


def test_a_row_can_be_told_what_lies_on_its_pages():
    own = pool(pages=4)
    cache = own.new_cache(1)
    cache.reserve(8)
    cache.hold([5])
    assert cache.lengths.tolist() == [5]
    assert len(cache.tables[0]) == 2
    cache.hold([3])
    cache.trim()
    assert (len(cache.tables[0]), len(own.free)) == (1, 3)
    with pytest.raises(ValueError, match=r"the pages hold \[4\]"):
        cache.hold([5])
