"""No model, no list of texts, no cache of this model: one sentence everywhere."""

import byte_models
import families
import numpy
import pytest
import small_models
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from llmlab import models, quantization
from llmlab.measure import quality
from llmlab.models import calibration, classification, generation, translation

WHOLE = {"fp32": small_models.decoder(dtype=torch.float32)}
CAUSAL = {
    "stream": lambda model: generation.stream(model, [1], max_tokens=1),
    "stream_batch": lambda model: generation.stream_batch(model, [[1]], max_tokens=1),
    "complete": lambda model: generation.complete(model, "a", max_tokens=1),
    "bits_per_byte": lambda model: quality.bits_per_byte(model, "abc"),
    "agreement": lambda model: quality.agreement(model, byte_models.reader(), "abc"),
    "free_agreement": lambda model: quality.free_agreement(
        model, byte_models.reader(), [[1]], stream=generation.stream
    ),
    "translate": lambda model: translation.translate(model, ["one"]),
    "classify": lambda model: classification.classify(model, ["import os"]),
}
ANY = {
    "quantize": quantization.quantize,
    "gptq": lambda model: quantization.gptq.quantize(model, []),
    "prepack": quantization.prepack,
    "linear_layers": models.surgery.linear_layers,
    "collect": lambda model: calibration.collect(model, []),
}


def small_classifier():
    sizes = families.BERT | {"vocab_size": 257, "pad_token_id": 0}
    model = BertForSequenceClassification(BertConfig(**sizes))
    model.tokenizer = byte_models.tokenizer()
    model.tokenizer.pad_token = "<end>"
    return model.eval()


@pytest.mark.parametrize("value", [None, "coder", b"coder", 3, [1]])
@pytest.mark.parametrize("name", [*CAUSAL, *ANY])
def test_what_is_no_model_is_refused_and_the_way_to_one_said(name, value):
    ask = (CAUSAL | ANY)[name]
    with pytest.raises(ValueError, match=r"model.*(load|hand in)") as refused:
        ask(value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["bert", "t5", "linear"])
@pytest.mark.parametrize("name", list(CAUSAL)[:6])
def test_a_model_that_writes_nothing_on_is_refused_by_its_class(name, kind):
    model = nn.Linear(2, 2) if kind == "linear" else families.make(kind)
    with pytest.raises(ValueError, match=f"is a {type(model).__name__}, which does"):
        CAUSAL[name](model)


def test_a_decoder_neither_translates_nor_classifies():
    for name in ("translate", "classify"):
        with pytest.raises(ValueError, match="model is a Decoder, which"):
            CAUSAL[name](byte_models.reader())


def test_one_text_is_no_list_of_texts():
    t5 = families.make("t5")
    t5.tokenizer = byte_models.tokenizer()
    for texts in ("one", b"one", None, 3, [None], ["a", 3], ["\ud800"]):
        for ask, model in (
            (translation.translate, t5),
            (classification.classify, small_classifier()),
        ):
            with pytest.raises(ValueError, match="texts"):
                ask(model, texts)


def test_no_texts_have_no_answers():
    t5 = families.make("t5")
    t5.tokenizer = byte_models.tokenizer()
    assert translation.translate(t5, []) == []
    assert classification.classify(small_classifier(), []) == []


@pytest.mark.parametrize(
    "prompt",
    [None, 5, "abc", b"abc", torch.tensor(3), {}, [], [1.5], [True], ["a"], [[1]]],
)
def test_a_prompt_is_a_list_of_token_ids(prompt):
    with pytest.raises(ValueError, match="prompt"):
        generation.stream(WHOLE["fp32"], prompt, max_tokens=1)


@pytest.mark.parametrize("prompts", [None, 5, "abc", [1, 2], {}, [[]], torch.ones(2)])
def test_prompts_are_a_list_of_prompts(prompts):
    with pytest.raises(ValueError, match="prompt"):
        generation.stream_batch(WHOLE["fp32"], prompts, max_tokens=1)


def test_numbers_of_numpy_are_whole_numbers():
    plain = list(generation.stream(WHOLE["fp32"], [1, 2], max_tokens=3))
    drawn = generation.stream(
        WHOLE["fp32"], numpy.array([1, 2]), max_tokens=numpy.int64(3), stop=()
    )
    assert list(drawn) == plain
    assert models.Sampling(top_k=numpy.int64(5)).top_k == 5


@pytest.mark.parametrize("kind", ["decoder", "recurrent", "wrapped"])
def test_a_cache_of_other_sizes_is_refused(kind):
    make = getattr(small_models, kind)
    layers = "n_layer" if kind == "wrapped" else "num_hidden_layers"
    model = make(dtype=torch.float32)
    others = [make(dtype=torch.float32, **{layers: 4})]
    if kind != "recurrent":
        others.append(make(dtype=torch.float64))
    for other in others:
        cache = other.new_cache(1, 20)
        with pytest.raises(ValueError, match="this model's new_cache"):
            list(generation.stream(model, [1], max_tokens=2, cache=cache))
    for cache in (3, "x", {}, []):
        with pytest.raises(ValueError, match=r"cache=.*is no cache"):
            generation.stream(model, [1], max_tokens=2, cache=cache)


@pytest.mark.parametrize("kind", ["decoder", "recurrent", "wrapped"])
def test_tokens_beyond_the_embedding_are_named(kind):
    model = getattr(small_models, kind)(dtype=torch.float32)
    beyond = torch.tensor([[1, 61]])
    for ask in (model, lambda ids: calibration.collect(model, [ids])):
        with pytest.raises(ValueError, match=r"holds 61 at place 1; .* from 0 to 60"):
            ask(beyond)


@pytest.mark.parametrize("kind", ["bert", "t5"])
def test_calibration_names_tokens_beyond_the_embedding(kind):
    ids = torch.tensor([[61]])
    batch = ids if kind == "bert" else {"input_ids": ids, "decoder_input_ids": ids}
    with pytest.raises(ValueError, match="holds 61 at place 0"):
        calibration.collect(families.make(kind), [batch])


@pytest.mark.parametrize(
    "data", [torch.ones(1, 2, dtype=torch.int64), {"tokens": 1}, "abc", None, 3, ["a"]]
)
def test_one_batch_is_no_list_of_batches(data):
    for ask in (
        lambda: calibration.collect(WHOLE["fp32"], data),
        lambda: quantization.gptq.quantize(WHOLE["fp32"], data),
        lambda: models.sensitivity.logit_error(WHOLE["fp32"], data),
    ):
        with pytest.raises(ValueError, match="data"):
            ask()
