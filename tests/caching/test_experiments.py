"""Lab 7's experiments measure what they say, with the learner's functions as parts."""

import pytest
import torch

from llmlab import caching, models, show
from llmlab.caching import experiments
from llmlab.caching import quantities as q
from llmlab.caching.experiments import answered, prefixed, reading, scoring
from llmlab.caching.experiments.stepping import BEFORE, Steps

PARTS = (caching.page_slots, caching.resize_table, caching.extend_pages)


@pytest.fixture(scope="module")
def model():
    return models.load("coder-small")


def cache_bytes(layers, kv_heads, head_width, tokens, batch, value_bytes):
    return 2 * layers * kv_heads * head_width * tokens * batch * value_bytes


def lru_step(keys, key, capacity):
    others = [each for each in keys if each != key]
    return key in keys, [*others, key][-capacity:]


def false_hits(similarities, same, threshold):
    pairs = zip(similarities, same, strict=True)
    right = [is_same for similarity, is_same in pairs if similarity >= threshold]
    served = len(right) / len(similarities)
    return served, right.count(False) / len(right) if right else 0.0


def test_reading_again_writes_what_the_cache_writes(model):
    prompt = reading.prompt_of(model)
    again = list(reading.rereading(model, prompt, 24))
    assert again == list(model.stream(prompt, max_tokens=24))


def test_reading_again_is_timed_at_lengths_that_double(model):
    result = experiments.reading_again(model, most=32, seconds=0.1)
    assert result.same
    lengths = [f.details["tokens"] for f in result.facts if f.name == q.WRITING.name]
    assert sorted(set(lengths)) == [1, 16, 32]
    again, cached = (
        next(f.value for f in result.facts if f.subject == way and has(f, 32))
        for way in (reading.AGAIN, reading.CACHE)
    )
    assert result.ratio(32).value == pytest.approx(again / cached)
    assert result.ratio(32).low is None  # of a single run
    assert result.ratio(1).details["verdict"]
    with pytest.raises(ValueError, match="choose of 1, 16, 32"):
        result.ratio(64)


def has(fact, tokens):
    return fact.name == q.WRITING.name and fact.details["tokens"] == tokens


def test_sizes_are_those_of_the_models(model):
    result = experiments.sizes(cache_bytes, tokens=100, value_bytes=4)
    coder = models.load("coder")
    assert result.of_text("coder").value == coder.new_cache(1, 100).bytes
    assert {fact.kind for fact in result.records()} == {"estimated"}
    with pytest.raises(ValueError, match="none of"):
        result.of_text("no such model")


@pytest.mark.parametrize("size", [0, -1, 2.5, None, True])
def test_a_size_that_is_none_is_refused_in_a_sentence(size):
    with pytest.raises(ValueError, match="cache_bytes gave"):
        experiments.sizes(lambda *shape: size)


def test_waste_is_what_the_formula_says(model):
    lengths = [5, 40, 100]
    result = experiments.waste(model, lengths=lengths)
    for size in (16, 128):
        assert result.wasted(size).value == pytest.approx(
            caching.waste(lengths, page_size=size).value
        )
    whole = caching.waste(lengths, length=1024).value
    assert result.wasted(None).value == pytest.approx(whole)
    with pytest.raises(ValueError, match="pages of 64"):
        result.wasted(64)


def test_a_learners_pages_give_the_plain_loops_tokens(model):
    result = experiments.on_pages(model, *PARTS, rows=(1, 2), tokens=48, seconds=0.2)
    assert result.equal
    assert result.ratio("own", rows=2).name == q.TIMES_AS_LONG.name
    assert "pages (yours), 2 texts of 48 tokens" in show.figure(result).alt
    with pytest.raises(ValueError, match="'own' or 'package'"):
        result.ratio("plain", rows=1)
    with pytest.raises(ValueError, match="rows=4 was not measured"):
        result.ratio("own", rows=4)


def test_pages_in_another_order_are_not_the_plain_loops_tokens(model):
    """The pool's own checks let it pass: every slot lies within the row's pages."""

    def backwards(pages, page_size, positions):
        return caching.page_slots(pages.flip(0), page_size, positions)

    result = experiments.on_pages(
        model, backwards, *PARTS[1:], rows=(1,), tokens=40, seconds=0.1
    )
    assert not result.equal


def test_a_part_that_loses_pages_is_told_in_a_sentence(model):
    def greedy(pages, tokens, page_size, free):
        return [*pages, *free], []

    with pytest.raises(ValueError, match="resize_table came back with"):
        experiments.on_pages(model, PARTS[0], greedy, PARTS[2])


def test_the_states_of_a_pool_lose_no_page(model):
    result = experiments.page_states(model, *PARTS)
    everything = set(range(1, result.pages))
    for state in result.states:
        used = {page for pages, _ in state.rows.values() for page in pages}
        assert used | set(state.free) == everything
        assert not used & set(state.free)
        for pages, tokens in state.rows.values():
            assert len(pages) == -(-tokens // result.page_size)
    shared = [
        any(state.owners(page) > 1 for page in everything) for state in result.states
    ]
    assert any(shared) and not shared[-1]
    assert not result.states[-1].rows


def test_fewer_bits_take_fewer_bytes_and_change_little(model):
    result = experiments.fewer_bits(model, length=80, tokens=40, seconds=0.2)
    assert 3 < result.times_smaller(8) < 4 < result.times_smaller(4) < 8
    assert abs(result.lost(8).value) < 0.01
    assert result.ratio(4).details["verdict"]
    assert "int8" in show.figure(result).alt


def test_windows_are_scored_beyond_them_and_take_the_same_memory(model):
    result = experiments.windows(
        model, widths=(16, 32), length=128, long=200, seconds=0.1
    )
    assert result.lost(16, 0).value > result.lost(32, 0).value
    assert [fact.details["tokens"] for fact in result.long] == [32, 200]
    assert result.without_sinks(16).subject == "no sinks against 4 sinks"
    assert "window of 32" in show.figure(result).alt.lower()


def test_a_cache_that_keeps_everything_loses_nothing(model):
    text = scoring.some_texts(model, count=2, length=100)
    once, parts = (
        scoring.bits(model, text, lambda batch: model.new_cache(batch, 100), call)
        for call in (100, 7)
    )
    assert torch.allclose(once, parts, atol=1e-3)
    same = scoring.loss(once, once, subject="same", details={"window": 1})
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_steps_keep_the_cache_about_as_full_as_it_was(model):
    text = scoring.some_texts(model, count=1, length=20)
    step = Steps(model, model.new_cache(1, 20 + BEFORE), text)
    logits = [step() for _ in range(2 * BEFORE + 1)]
    assert step.cache.longest == 21
    assert torch.allclose(logits[0], logits[BEFORE], atol=1e-3)


def test_prefixes_read_less_and_answer_the_same(model):
    prompts = {"editor": [list(range(1, end)) for end in range(60, 84, 4)]}
    prompts["independent"] = [[7 * n + k for k in range(40)] for n in range(6)]
    result = experiments.prefixes(
        model, caching.longest_prefix, prompts=prompts, capacities=(1024, 8192)
    )
    assert result.equal and result.said.endswith("the same tokens.")
    read = sum(map(len, prompts["editor"]))
    left = read - sum((len(each) - 1) // 16 * 16 for each in prompts["editor"][:-1])
    assert result.times_fewer("editor").value == pytest.approx(read / left, rel=0.05)
    assert result.times_fewer("independent").value == 1
    hits = [result.by_capacity.hits("chat", each).value for each in (1024, 8192)]
    assert hits[0] < hits[1]
    with pytest.raises(ValueError, match="choose of editor, independent"):
        result.ratio("chat")


def test_a_prefix_that_covers_the_whole_prompt_is_told_in_a_sentence(model):
    def whole(tree, tokens, page_size):
        return caching.longest_prefix(tree, [*tokens, 0], page_size)

    prompts = {"same": [list(range(32))] * 6}
    with pytest.raises(ValueError, match="longest_prefix came back with"):
        experiments.prefixes(model, whole, prompts=prompts)


def test_the_default_traces_fit_the_model(model):
    for prompts in prefixed.some_prompts(model).values():
        assert max(map(len, prompts)) + prefixed.NEW <= model.context


def test_answers_are_found_more_often_where_more_is_kept(model):
    result = experiments.answers(model, lru_step, capacities=(4, 64), seconds=0.2)
    assert result.hits(4).value < result.hits(64).value
    assert result.ratio("memory") > 1
    assert result.stale("key with the weights").value == 0
    assert "memory" in show.figure(result).alt
    with pytest.raises(ValueError, match="was not asked"):
        result.seconds("no such place")


def test_what_was_used_last_stays():
    hits = [
        answered.replay(step, "abcabdaabc" * 9, 3)
        for step in (lru_step, answered._fifo_step)
    ]
    assert hits[0] > hits[1]


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (lambda keys, key, capacity: keys, "must return"),
        (lambda keys, key, capacity: (True, [key]), "called it a hit"),
        (lambda keys, key, capacity: (key in keys, [*keys, key]), "left 2 keys"),
        (lambda keys, key, capacity: (key in keys, []), "left 0 keys"),
    ],
)
def test_a_policy_that_keeps_wrong_keys_is_told_in_a_sentence(step, fault):
    checked = lambda keys, key, capacity: answered._checked_step(  # noqa: E731
        step, keys, key, capacity
    )
    with pytest.raises(ValueError, match=f"lru_step {fault}"):
        answered.replay(checked, "aab", 1)


@pytest.fixture(scope="module")
def translator():
    return models.load("translator")


def test_similar_texts_are_served_less_and_better_with_the_threshold(translator):
    result = experiments.similar(
        translator, false_hits, thresholds=(0.8, 0.999), kept=60, new=20, spelled=16
    )
    assert result.served(0.8).value > result.served(0.999).value
    assert result.wrong(0.8).value > result.wrong(0.999).value
    assert result.exact().value == pytest.approx(16 / 36)
    wrong = [f.value for f in result.facts if f.name == q.WRONG.name]
    assert wrong[-1] == 0  # of exact texts


def test_shares_that_are_none_are_refused_in_a_sentence(translator):
    with pytest.raises(ValueError, match="both are shares"):
        experiments.similar(
            translator, lambda *given: (300, 2), kept=4, new=4, spelled=0
        )
