"""Quality: every token is scored once, with the context it had; nothing is flattered.

The oracle runs the model once per token, on the tokens that came before, in float64.
"""

import math
from dataclasses import replace

import numpy
import pytest
import small_models
import torch
from byte_models import CONTEXT, TEXT, reader, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers import models as tokenizer_models
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from llmlab.measure import quality, scores
from llmlab.models import generation


@pytest.fixture(scope="module")
def model():
    return reader()


@torch.inference_mode()
def oracle(model, ids, seen):
    """Return the bits of the last of `ids`, given the `seen` ones before it."""
    logits = model.forward(torch.tensor([ids[-1 - seen : -1]]))[0, -1]
    return -logits.double().log_softmax(-1)[ids[-1]].item() / math.log(2)


@settings(max_examples=20)
@given(st.integers(1, 70), st.integers(1, CONTEXT))
def test_every_token_is_scored_once_with_the_context_it_says(length, stride):
    model, text = reader(), (TEXT * 2)[:length]
    found = quality.score(model, text, stride=stride)
    assert found.tokens.tolist() == model.tokenizer(text)["input_ids"]
    ids = [model.tokenizer.eos_token_id, *found.tokens]
    for place, (bits, seen) in enumerate(zip(found.bits, found.seen, strict=True)):
        assert seen == place + 1 or CONTEXT - stride < seen <= CONTEXT
        if place % 7 == 0:
            assert bits == pytest.approx(
                oracle(model, ids[: place + 2], seen), abs=1e-4
            )


def test_a_text_within_the_context_is_scored_in_one_go(model):
    found = quality.score(model, "x = 1")
    assert found.seen.tolist() == [1, 2, 3, 4, 5]


def test_bits_per_byte_counts_the_bytes_of_utf8(model):
    found, record = quality.score(model, TEXT), quality.bits_per_byte(model, TEXT)
    assert len(TEXT.encode()) > len(TEXT)
    assert record.details["bytes"] == found.bytes.sum() == len(TEXT.encode())
    assert record.value == pytest.approx(found.bits.sum() / len(TEXT.encode()))
    assert record.unit == "bit/B" and record.low < record.value < record.high


def test_a_model_that_knows_nothing_needs_the_log_of_its_vocabulary():
    model = reader()
    for parameter in model.parameters():
        parameter.zero_()
    for each in (model, reader(start=False)):
        each.load_state_dict(model.state_dict())
        bits, perplexity, _ = quality.evaluate(each, TEXT)
        assert bits.value == pytest.approx(math.log2(257))
        assert perplexity.value == pytest.approx(257)


def test_even_a_few_characters_have_an_interval_but_one_has_none(model):
    few = quality.bits_per_byte(model, "x=1")
    assert few.details["parts"] == 3 and few.low <= few.value <= few.high
    assert quality.bits_per_byte(model, "x").low is None


def test_without_a_start_token_the_first_token_costs_a_blind_guess(model):
    found = quality.score(reader(start=False), "ab")
    assert len(found.bits) == 2
    assert found.bits[0] == math.log2(257) and not found.hits[0]


def test_accuracy_counts_the_tokens_with_the_highest_logit(model):
    ids = list(generation.stream(model, [256], max_tokens=CONTEXT - 1))
    text = model.tokenizer.decode(ids)
    found = quality.score(model, text)
    right = numpy.mean(found.choices == found.tokens)
    record = quality.next_token_accuracy(model, text)
    assert record.value == pytest.approx(right)
    if model.tokenizer(text)["input_ids"] == ids:  # bytes that are text
        assert record.value == 1


def test_one_pass_gives_what_single_measures_give(model):
    bits, perplexity, accuracy = quality.evaluate(model, TEXT)
    assert bits.value == quality.bits_per_byte(model, TEXT).value
    assert perplexity.value == quality.perplexity(model, TEXT).value
    assert accuracy.value == quality.next_token_accuracy(model, TEXT).value
    assert perplexity.low < perplexity.value < perplexity.high


def test_many_texts_are_drawn_as_wholes_and_one_text_in_stretches(model):
    many = quality.bits_per_byte(model, [TEXT[:30]] * 9 + [TEXT[30:60]])
    assert (many.details["part"], many.details["parts"]) == ("text", 10)
    text = TEXT * 20
    one = quality.bits_per_byte(model, text)
    stretch = min(scores.STRETCH, len(text) // scores.STRETCHES)
    parts = math.ceil(len(text) / stretch)
    assert (one.details["part"], one.details["parts"]) == ("stretch", parts)


def test_texts_start_afresh_each(model):
    apart = quality.score(model, {"a": TEXT[:40], "b": TEXT[:40]})
    half = len(apart.bits) // 2
    assert apart.bits[:half].tolist() == apart.bits[half:].tolist()


def test_windows_are_scored_alike_in_batches_and_alone(model, monkeypatch):
    together = quality.score(model, TEXT * 3).bits
    monkeypatch.setattr(scores, "LOGITS", 1)
    assert together == pytest.approx(quality.score(model, TEXT * 3).bits, abs=1e-5)


@pytest.mark.parametrize("family", ["recurrent", "wrapped"])
def test_every_model_family_can_be_scored(family):
    model = getattr(small_models, family)(vocab_size=257)
    model.tokenizer = tokenizer()
    assert 0 < quality.bits_per_byte(model, TEXT * 3).value < 100


def test_a_model_differs_from_itself_by_exactly_nothing(model):
    same = quality.difference(model, model, TEXT)
    assert (same.low, same.value, same.high) == (0, 0, 0)
    assert same.details["relative"] == 0


def test_a_paired_difference_is_surer_than_two_separate_numbers():
    model, near = reader(), reader()
    generator = torch.Generator().manual_seed(5)
    for weight in near.parameters():
        weight.add_(torch.randn(weight.shape, generator=generator) * 0.005)
    text = TEXT * 30
    ours, theirs = (quality.bits_per_byte(each, text) for each in (near, model))
    paired = quality.difference(near, model, text)
    assert paired.value == pytest.approx(ours.value - theirs.value)
    assert paired.high - paired.low < ours.high - ours.low
    assert paired.details["relative"] == pytest.approx(ours.value / theirs.value - 1)


def test_scores_serve_for_their_model_and_those_of_another_text_are_refused(model):
    other = reader(seed=1)
    kept = quality.score(model, TEXT)
    asked = quality.difference(other, model, TEXT)
    again = quality.difference(other, kept, TEXT)
    assert replace(again, date=None) == replace(asked, date=None)
    with pytest.raises(ValueError, match=r"^original was scored on .* bytes"):
        quality.difference(other, kept, TEXT + "!")
    alone = quality.bits_per_byte(model, TEXT)
    assert replace(quality.bits_per_byte(kept, TEXT), date=None) == replace(
        alone, date=None
    )
    with pytest.raises(ValueError, match=r"^model was scored on .* bytes"):
        quality.bits_per_byte(kept, TEXT + "!")


def test_models_with_other_tokenizers_can_be_compared_by_bits_only():
    ours, theirs = reader(), reader(seed=1)
    theirs.tokenizer = tokenizer(backwards=True)
    assert quality.difference(ours, theirs, TEXT).details["bytes"] == len(TEXT.encode())
    with pytest.raises(ValueError, match=r"different tokens.*difference"):
        quality.agreement(ours, theirs, TEXT)


def test_a_model_agrees_with_itself_everywhere(model):
    under, free = both_agreements(model, model)
    assert (under.value, under.unit) == (1, "1")
    assert (free.value, free.details["never_parted"]) == (8, 1)


def test_strangers_agree_by_chance_only(model):
    under, free = both_agreements(model, reader(seed=9))
    assert under.value < 0.3 and under.low <= under.value <= under.high
    assert free.value < 4 and free.details["never_parted"] < 1
    assert free.unit == "token" and free.low <= free.value <= free.high


def both_agreements(a, b):
    prompts = [list(prompt) for prompt in torch.randint(256, (5, 4)).tolist()]
    stream = generation.stream
    free = quality.free_agreement(a, b, prompts, stream=stream, max_tokens=8)
    return quality.agreement(a, b, TEXT), free


def test_agreement_lets_both_see_equally_far_back():
    short, long = reader(), reader(context=4 * CONTEXT)
    long.load_state_dict(short.state_dict())
    assert quality.agreement(short, long, TEXT).value == 1


def test_the_common_prefix_ends_at_the_first_difference():
    written = {"a": [1, 2, 3, 4], "b": [1, 2, 9, 4]}
    ours, theirs = reader(), reader()
    ours.name, theirs.name = "a", "b"

    def stream(model, prompt, *, max_tokens):
        yield from written[model.name]

    found = quality.free_agreement(ours, theirs, [[0]] * 3, stream=stream)
    assert (found.value, found.low, found.high) == (2, 2, 2)
    assert found.details["never_parted"] == 0


def test_exact_match_counts_whole_answers():
    found = quality.exact_match(
        ["deux", "trois", "dix", ""], ["deux", "tre", "dix", ""]
    )
    assert found.value == 0.75 and 0.3 < found.low < 0.75 < found.high < 1


@pytest.mark.parametrize("answers, expected", [([], []), (["a"], ["a", "b"])])
def test_answers_without_a_question_are_refused(answers, expected):
    with pytest.raises(ValueError, match="as many"):
        quality.exact_match(answers, expected)


def test_damaged_weights_are_named_and_not_scored():
    model = reader()
    model.norm.weight[0] = float("nan")
    with pytest.raises(ValueError, match="not numbers"):
        quality.bits_per_byte(model, TEXT)


@pytest.mark.parametrize("text", ["", [], ["", ""], {}])
def test_no_text_is_refused(model, text):
    with pytest.raises(ValueError, match="text is empty"):
        quality.bits_per_byte(model, text)


@pytest.mark.parametrize("stride", [0, -1, CONTEXT + 1])
def test_a_stride_that_skips_tokens_is_refused(model, stride):
    with pytest.raises(ValueError, match="every token is scored"):
        quality.bits_per_byte(model, TEXT, stride=stride)


def test_a_model_without_a_tokenizer_says_what_to_do():
    with pytest.raises(ValueError, match=r"no tokenizer.*models\.load"):
        quality.bits_per_byte(small_models.model("decoder"), TEXT)


def test_no_prompts_are_refused(model):
    with pytest.raises(ValueError, match="prompts is empty"):
        quality.free_agreement(model, model, [], stream=generation.stream)


def words_with_unknown(text):
    """Return a tokenizer of the words of a text that knows no other."""
    known = {word: number for number, word in enumerate(["[UNK]", *text.split()])}
    own = Tokenizer(tokenizer_models.WordLevel(known, unk_token="[UNK]"))
    own.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=own, unk_token="[UNK]")


def changing(normalizer):
    """Return a tokenizer of bytes that changes a text before it reads it."""
    made = tokenizer()
    made.backend_tokenizer.normalizer = normalizer
    return made


LOSSY = {
    "unknown words": lambda: words_with_unknown("a b"),
    "lower case": lambda: changing(normalizers.Lowercase()),
    "blanks": lambda: changing(normalizers.Strip()),
    "accents": lambda: changing(normalizers.NFD()),
    "dropped": lambda: changing(normalizers.Replace("x", "")),
}


@pytest.mark.parametrize("name", LOSSY)
def test_a_text_that_its_tokens_lose_is_not_charged_by_its_bytes(name):
    model, whole = reader(), reader()
    model.tokenizer = LOSSY[name]()
    text = "Xx größe, (b) \n"
    for ask in (
        lambda: quality.bits_per_byte(model, text),
        lambda: quality.difference(model, whole, text),
        lambda: quality.difference(whole, model, text),
    ):
        with pytest.raises(ValueError, match="loses a part of this text") as refused:
            ask()
        assert "\n" not in str(refused.value)
    perplexity, accuracy = quality.evaluate(model, text)
    assert perplexity.details["note"] == accuracy.details["note"]
    assert perplexity.value == quality.perplexity(model, text).value


def test_a_tokenizer_without_offsets_scores_whole_texts():
    model = reader(vocab_size=400)
    model.tokenizer = ByT5Tokenizer()
    text = "abc def größe"
    record = quality.bits_per_byte(model, [text, TEXT])
    assert record.details["bytes"] == len((text + TEXT).encode())
    assert (record.details["part"], record.details["parts"]) == ("text", 2)
    fast = reader()
    for pair in ((model, fast), (fast, model)):
        apart = [quality.bits_per_byte(each, [text, TEXT]).value for each in pair]
        both = quality.difference(*pair, [text, TEXT])
        assert both.value == pytest.approx(apart[0] - apart[1])


def test_tokens_beyond_the_embedding_are_named():
    model = reader()
    model.tokenizer.add_tokens(["abc"])
    with pytest.raises(ValueError, match=r"holds 257 at place 0; .* from 0 to 256"):
        quality.bits_per_byte(model, "abc def")


def test_parts_without_a_token_leave_an_interval():
    model = reader()
    model.tokenizer = words_with_unknown("a b")
    record = quality.perplexity(model, "a" * 40 + " b")
    assert record.low <= record.value <= record.high


def test_scores_belong_to_their_text_whatever_its_length(model):
    text = "abc def " * 5
    scored = quality.score(model, text)
    assert quality.difference(scored, model, {"name": text}).value == 0
    for other in ("xyz def " * 5, [text[:8], text[8:]], [text[8:], text[:8]]):
        with pytest.raises(ValueError, match="was scored on another text"):
            quality.difference(scored, model, other)


@pytest.mark.parametrize("answers", ["abc", b"abc", None, 3])
def test_one_answer_is_no_list_of_answers(answers):
    for pair in ((answers, ["a", "b", "c"]), (["a", "b", "c"], answers)):
        with pytest.raises(ValueError, match="is no list of answers"):
            quality.exact_match(*pair)


@pytest.mark.parametrize("text", [None, 3, b"abc", [], "", ["a", 3], "\ud800"])
def test_what_is_no_text_is_refused(model, text):
    with pytest.raises(ValueError, match="text"):
        quality.bits_per_byte(model, text)
