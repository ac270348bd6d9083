"""Generation gives the plain loop's tokens one by one, and refuses what cannot be."""

import math

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small_models import CONTEXT, VOCABULARY, decoder, draw_tokens, model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from llmlab.models import generation
from llmlab.models.sampling import Sampling

NAMES = ("decoder", "decoder with a window", "lstm", "gpt2", "mamba")


def plain_loop(language_model, prompt, steps):
    """Read the whole text again for every token: slow, and beyond doubt."""
    text = list(prompt)
    for _ in range(steps):
        text.append(int(language_model(torch.tensor([text]))[0, -1].argmax()))
    return text[len(prompt) :]


def prompts(*lengths):
    return [draw_tokens(length, seed=length).tolist() for length in lengths]


@pytest.mark.parametrize("name", NAMES)
def test_greedy_tokens_are_those_of_the_plain_loop(name):
    (prompt,) = prompts(7)
    tokens = list(generation.stream(model(name), prompt, max_tokens=30))
    assert tokens == plain_loop(model(name), prompt, 30)


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_ragged_prompts_gives_each_row_its_own_tokens(name):
    batch = prompts(9, 2, 5)
    rows = zip(*generation.stream_batch(model(name), batch, max_tokens=20), strict=True)
    alone = [list(generation.stream(model(name), p, max_tokens=20)) for p in batch]
    assert [list(row) for row in rows] == alone


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_row_waits_and_changes_nothing_for_the_others(name):
    batch = prompts(4, 8, 3)
    alone = [list(generation.stream(model(name), p, max_tokens=16)) for p in batch]
    stop = {alone[0][3], alone[1][9]}

    def until_stop(tokens):
        ends = [place for place, token in enumerate(tokens) if token in stop]
        return tokens[: ends[0]] if ends else tokens

    steps = list(generation.stream_batch(model(name), batch, max_tokens=16, stop=stop))
    expected = [until_stop(tokens) for tokens in alone]
    assert len(steps) == max(map(len, expected)) and min(map(len, expected)) < 16
    for row, tokens in zip(zip(*steps, strict=True), expected, strict=True):
        assert list(row) == tokens + [None] * (len(steps) - len(tokens))


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_row_stands_still_in_the_cache(name):
    prompt, other = prompts(7, 6)
    free = list(generation.stream(model(name), prompt, max_tokens=9))
    end = next(token for token in free[2:] if token not in free[:2])
    cache = model(name).new_cache(2, CONTEXT)
    for _ in generation.stream_batch(
        model(name), [prompt, other], max_tokens=9, stop=[end], cache=cache
    ):
        pass
    assert cache.lengths[0] == len(prompt) + free.index(end)


def test_each_token_is_handed_out_before_the_next_is_computed():
    calls = []
    watched = decoder()
    watched.register_forward_hook(lambda *_: calls.append(1))
    steps = generation.stream(watched, [1, 2, 3], max_tokens=4)
    seen = [len(calls)] + [len(calls) for _ in steps]
    assert seen == [0, 1, 2, 3, 4]


def test_the_stop_token_ends_the_stream_and_is_not_yielded():
    free = list(generation.stream(model("decoder"), [5, 6], max_tokens=12))
    end = next(token for token in free[4:] if token not in free[:4])
    stopped = generation.stream(model("decoder"), [5, 6], max_tokens=12, stop=[end])
    assert list(stopped) == free[: free.index(end)]


def test_no_tokens_asked_for_are_no_tokens():
    assert not list(generation.stream(model("decoder"), [1], max_tokens=0))
    assert not list(generation.stream_batch(model("lstm"), [[1], [2]], max_tokens=0))


def test_the_context_may_be_filled_to_the_last_token():
    prompt = draw_tokens(CONTEXT - 3).tolist()
    assert len(list(generation.stream(model("gpt2"), prompt, max_tokens=3))) == 3


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2"])
def test_a_stream_goes_on_from_a_cache_that_is_handed_in(name):
    (text,) = prompts(9)
    cache = model(name).new_cache(1, CONTEXT)
    model(name)(torch.tensor([text[:5]]), cache)
    tokens = list(generation.stream(model(name), text[5:], max_tokens=6, cache=cache))
    assert tokens == plain_loop(model(name), text, 6)
    assert cache.lengths.tolist() == [9 + 5]  # all but the last token chosen


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2"])
def test_a_stream_left_early_can_be_taken_up_again(name):
    cache = model(name).new_cache(1, CONTEXT)
    steps = generation.stream(model(name), [3, 4, 5], max_tokens=20, cache=cache)
    first = [next(steps) for _ in range(4)]
    steps.close()
    rest = generation.stream(model(name), first[-1:], max_tokens=5, cache=cache)
    assert first + list(rest) == plain_loop(model(name), [3, 4, 5], 9)


@pytest.mark.parametrize("place", [-1, -4])  # the head, and inside a layer
@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2"])
def test_ctrl_c_in_the_middle_of_a_step_leaves_a_cache_that_goes_on(name, place):
    cache = model(name).new_cache(1, CONTEXT)
    steps = generation.stream(model(name), [3, 4, 5], max_tokens=9, cache=cache)
    begun = [next(steps) for _ in range(4)]

    def stop(*_):
        raise KeyboardInterrupt

    called = []
    hooks = [
        part.register_forward_hook(lambda part, *_: called.append(part))
        for part in model(name).modules()
        if not list(part.children())
    ]
    begun.append(next(steps))
    for hook in hooks:
        hook.remove()
    hook = called[place].register_forward_hook(stop)
    with pytest.raises(KeyboardInterrupt):
        next(steps)
    hook.remove()
    rest = generation.stream(model(name), begun[-1:], max_tokens=4, cache=cache)
    assert begun + list(rest) == plain_loop(model(name), [3, 4, 5], 9)


def test_inference_mode_does_not_leak_to_the_caller():
    for _ in generation.stream(model("decoder"), [1, 2], max_tokens=3):
        assert not torch.is_inference_mode_enabled()


def test_prompts_may_be_tensors():
    tokens = draw_tokens(2, 4)
    assert list(generation.stream(model("decoder"), tokens[0], max_tokens=3)) == list(
        generation.stream(model("decoder"), tokens[0].tolist(), max_tokens=3)
    )
    assert len(list(generation.stream_batch(model("lstm"), tokens, max_tokens=3))) == 3


# Sampling


def chi_square(counts, probabilities):
    """Return Pearson's statistic and what it may reach (five standard deviations)."""
    likely = probabilities > 0
    expected = counts.sum() * probabilities[likely]
    statistic = ((counts[likely] - expected) ** 2 / expected).sum()
    freedom = int(likely.sum()) - 1
    assert counts[~likely].sum() == 0
    return statistic, freedom + 5 * math.sqrt(2 * freedom)


@pytest.mark.parametrize(
    "choices",
    [
        {"temperature": 1.0},
        {"temperature": 0.5},
        {"temperature": 2.0},
        {"temperature": 1.0, "top_k": 5},
        {"temperature": 1.5, "top_p": 0.7},
        {"temperature": 1.2, "top_k": 8, "top_p": 0.9},
    ],
)
def test_tokens_are_drawn_as_often_as_their_probability_says(choices):
    """The expected distribution is written out by hand, in float64."""
    logits = torch.randn(20, generator=torch.Generator().manual_seed(3)).double() * 1.5
    weights = sorted(
        (
            (math.exp(logit / choices["temperature"]), place)
            for place, logit in enumerate(logits.tolist())
        ),
        reverse=True,
    )[: choices.get("top_k")]
    whole, kept = sum(weight for weight, _ in weights), []
    while sum(w for w, _ in kept) < choices.get("top_p", 1) * whole * (1 - 1e-12):
        kept.append(weights[len(kept)])
    expected = torch.zeros(20, dtype=torch.float64)
    for weight, place in kept:
        expected[place] = weight / sum(w for w, _ in kept)

    sampling = Sampling(**choices, generator=torch.Generator().manual_seed(4))
    drawn = sampling.choose(logits.float().expand(50_000, -1))
    statistic, limit = chi_square(drawn.flatten().bincount(minlength=20), expected)
    assert statistic < limit


def test_a_stream_draws_from_the_models_own_distribution():
    logits = model("decoder")(torch.tensor([[1, 2, 3]]))[0, -1] / 4
    steps = generation.stream_batch(
        model("decoder"),
        [[1, 2, 3]] * 4_000,
        max_tokens=1,
        sampling=Sampling(temperature=4.0, generator=torch.Generator().manual_seed(0)),
    )
    drawn = torch.tensor(next(steps)).bincount(minlength=VOCABULARY)
    statistic, limit = chi_square(drawn, logits.softmax(-1))
    assert statistic < limit


@given(
    logits=st.lists(st.floats(-20, 20, width=32), min_size=1, max_size=30),
    top_p=st.floats(0.01, 0.99),
)
def test_top_p_keeps_the_smallest_set_whose_mass_reaches_p(logits, top_p):
    logits = torch.tensor([logits], dtype=torch.float64)
    kept = Sampling(temperature=1.0, top_p=top_p).probabilities(logits)[0] > 0
    mass = logits.softmax(-1)[0]
    assert mass[kept].sum() >= top_p - 1e-9
    assert mass[kept].sum() - mass[kept].min() < top_p + 1e-9
    assert kept.all() or mass[kept].min() >= mass[~kept].max()


@given(
    logits=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    top_k=st.integers(1, 40),
)
def test_top_k_keeps_k_tokens_even_when_some_are_equal(logits, top_k):
    logits = torch.tensor([logits], dtype=torch.float32)
    kept = Sampling(temperature=1.0, top_k=top_k).probabilities(logits)[0] > 0
    assert kept.sum() == min(top_k, logits.shape[1])
    assert logits[0, kept].min() >= logits[0, ~kept].max() if not kept.all() else True


@given(
    logits=st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=20),
    temperature=st.sampled_from([0.0, 1e-300, 1e-38, 1e-3, 1.0, 1e3]),
    top_k=st.none() | st.integers(1, 5),
    top_p=st.none() | st.floats(0.001, 1),
)
def test_probabilities_are_never_nan_and_add_up_to_one(
    logits, temperature, top_k, top_p
):
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    probabilities = sampling.probabilities(torch.tensor([logits]))
    assert probabilities.sum().isclose(torch.tensor(1.0), atol=1e-5)
    best = torch.tensor(logits) == max(logits)
    assert probabilities[0, best].max() == probabilities.max()


@pytest.mark.parametrize(
    "choices", [{"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-20}]
)
def test_the_narrowest_sampling_is_greedy(choices):
    greedy = list(generation.stream(model("decoder"), [1, 2], max_tokens=12))
    narrow = Sampling(**{"temperature": 1.0} | choices)
    assert greedy == list(
        generation.stream(model("decoder"), [1, 2], max_tokens=12, sampling=narrow)
    )


def test_a_generator_makes_sampling_repeatable():
    def sampled(seed):
        generator = torch.Generator().manual_seed(seed)
        sampling = Sampling(temperature=3.0, generator=generator)
        return list(
            generation.stream(model("lstm"), [1], max_tokens=20, sampling=sampling)
        )

    assert sampled(1) == sampled(1) != sampled(2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_types_are_sampled_in_fp32(dtype):
    logits = torch.randn(3, 50).to(dtype)
    probabilities = Sampling(temperature=0.7, top_p=0.9).probabilities(logits)
    assert probabilities.dtype == torch.float32


# Text


def tokenizer_of_letters():
    """Return a tokenizer with one token per byte: an end, a space, and @ to z."""
    letters = ["<end>", "Ġ", *map(chr, range(64, 123))]
    vocabulary = {letter: place for place, letter in enumerate(letters)}
    own = Tokenizer(models.BPE(vocabulary, [], unk_token="<end>"))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = decoders.ByteLevel()
    assert len(vocabulary) == VOCABULARY
    return PreTrainedTokenizerFast(tokenizer_object=own, eos_token="<end>")


@pytest.fixture
def writer():
    made = decoder()
    made.tokenizer = tokenizer_of_letters()
    return made


def test_completed_text_is_the_decoded_stream(writer):
    prompt = writer.tokenizer("return fox")["input_ids"]
    tokens = list(generation.stream(writer, prompt, max_tokens=15))
    text = generation.complete(writer, "return fox", max_tokens=15, stop=())
    assert text == writer.tokenizer.decode(tokens, skip_special_tokens=True)


def test_completing_stops_at_the_tokenizers_end_token(writer):
    prompt = writer.tokenizer("let z be")["input_ids"]
    free = list(generation.stream(writer, prompt, max_tokens=15))
    end = next(token for token in free[4:] if token not in free[:4])
    writer.tokenizer.eos_token = writer.tokenizer.convert_ids_to_tokens(end)
    before = writer.tokenizer.decode(free[: free.index(end)])
    assert generation.complete(writer, "let z be", max_tokens=15) == before


def test_completing_without_a_tokenizer_says_what_to_do_instead():
    with pytest.raises(ValueError, match=r"no tokenizer.*generation\.stream"):
        generation.complete(model("decoder"), "def", max_tokens=1)


@pytest.mark.parametrize("name", ["decoder", "lstm", "gpt2", "mamba"])
def test_every_causal_model_writes_through_its_own_face(name):
    ours = model(name)
    sampling = [Sampling(temperature=1.0, generator=torch.Generator().manual_seed(2))
                for _ in range(2)]  # fmt: skip
    for choice in ({}, {"stop": (7,)}):
        expected = list(generation.stream(ours, [1, 2], max_tokens=9, **choice))
        assert list(ours.stream([1, 2], max_tokens=9, **choice)) == expected
    drawn = ours.stream([1, 2], max_tokens=9, sampling=sampling[0])
    again = generation.stream(ours, [1, 2], max_tokens=9, sampling=sampling[1])
    assert list(drawn) == list(again)


# What cannot be


@pytest.mark.parametrize(
    ("prompt", "arguments", "message"),
    [
        ([], {}, "prompt is empty.*at least one"),
        ([1, VOCABULARY], {}, f"{VOCABULARY} at place 1.*from 0 to {VOCABULARY - 1}"),
        ([-1], {}, "-1 at place 0"),
        ([1.5], {}, "1.5 at place 0.*whole"),
        ("def", {}, r"text, 'def'.*generation\.complete"),
        ([1], {"max_tokens": -1}, "max_tokens=-1.*at least 0"),
        ([1], {"max_tokens": 2.5}, "max_tokens=2.5.*whole"),
        ([1], {"max_tokens": CONTEXT}, f"max_tokens={CONTEXT}.*{CONTEXT - 1} or less"),
        ([1] * (CONTEXT + 1), {"max_tokens": 0}, "shorten the prompt"),
        ([1], {"sampling": {"top_k": 2}}, r"sampling=\{'top_k': 2\}.*models.Sampling"),
        ([1], {"sampling": None}, "sampling=None.*models.Sampling"),
        ([1], {"stop": 5}, r"stop=5.*collection.*\(\)"),
        ([1], {"stop": ["end"]}, "stop=.*token ids"),
    ],
)
def test_what_cannot_be_is_refused_at_the_call(prompt, arguments, message):
    with pytest.raises(ValueError, match=message):
        generation.stream(model("decoder"), prompt, **{"max_tokens": 1} | arguments)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"temperature": -0.1}, "temperature=-0.1.*from 0 on"),
        ({"temperature": math.nan}, "temperature=nan"),
        ({"temperature": math.inf}, "temperature=inf"),
        ({"temperature": "1"}, "temperature='1'"),
        ({"temperature": None}, "temperature=None"),
        ({"top_k": 0}, "top_k=0.*at least 1.*None"),
        ({"top_k": 2.0}, "top_k=2.0.*whole"),
        ({"top_k": True}, "top_k=True.*whole"),
        ({"top_p": 0}, "top_p=0.*above 0.*None"),
        ({"top_p": 1.01}, "top_p=1.01.*at most 1"),
        ({"top_p": math.nan}, "top_p=nan"),
        ({"top_p": "0.9"}, "top_p='0.9'"),
    ],
)
def test_a_sampling_that_cannot_be_is_refused_when_it_is_made(knobs, message):
    with pytest.raises(ValueError, match=message):
        Sampling(**knobs)


def test_numbers_of_numpy_are_numbers():
    narrow = Sampling(temperature=numpy.float32(1), top_k=numpy.int64(1))
    logits = torch.tensor([[0.0, 3.0, 1.0]])
    assert narrow.choose(logits).item() == 1


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([], "prompts is empty.*at least one"),
        ([[1], []], "prompt of row 1 is empty"),
        ([[1], [2, 99]], "prompt of row 1 holds 99 at place 1"),
        ([[1], [2] * CONTEXT], "shorten"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_at_the_call(batch, message):
    with pytest.raises(ValueError, match=message):
        generation.stream_batch(model("decoder"), batch, max_tokens=1)


def test_what_a_cache_holds_counts_against_the_context():
    cache = model("decoder").new_cache(1, CONTEXT)
    model("decoder")(draw_tokens(1, CONTEXT - 5), cache)
    with pytest.raises(ValueError, match="max_tokens=4 or less"):
        generation.stream(model("decoder"), [1], max_tokens=5, cache=cache)


def test_a_cache_for_another_batch_is_refused_at_the_call():
    cache = model("decoder").new_cache(2, CONTEXT)
    with pytest.raises(ValueError, match=r"2 rows and the batch 1.*new_cache\(1"):
        generation.stream(model("decoder"), [1], max_tokens=1, cache=cache)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_weights_that_are_no_numbers_end_with_what_to_look_at(temperature, value):
    broken = decoder(dtype=torch.float32)
    with torch.no_grad():
        broken.layers[1].mlp.down.weight[0, 0] = value
    sampling = Sampling(temperature=temperature)
    steps = generation.stream(broken, [1], max_tokens=2, sampling=sampling)
    with pytest.raises(ValueError, match=r"NaN.*weights.*named_parameters"):
        next(steps)
