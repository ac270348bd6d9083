"""Any causal model of transformers answers behind our face as it does without it."""

import pytest
import torch
import transformers
from small_models import CONTEXT, GPT2, SIZES, draw_tokens, model, spread, wrapped
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, T5Config

from llmlab import models
from llmlab.core.model import LanguageModel
from llmlab.models.transformers_model import TransformersModel

WRAPPED = ("gpt2", "opt", "phi3", "bloom", "openai-gpt", "mamba")


def checkpoint(folder, config, kind=AutoModelForCausalLM):
    """Write a checkpoint as transformers writes it and return the model in it."""
    made = kind.from_config(config) if kind is AutoModelForCausalLM else kind(config)
    spread(made).save_pretrained(folder)
    return made


@pytest.mark.parametrize("name", WRAPPED)
def test_logits_are_those_of_the_wrapped_class(name):
    tokens = draw_tokens(2, 20)
    expected = model(name).model(input_ids=tokens, use_cache=False).logits
    assert torch.equal(model(name)(tokens), expected)


@pytest.mark.parametrize("name", WRAPPED)
def test_it_offers_the_one_face(name):
    face = model(name)
    assert isinstance(face, LanguageModel) and isinstance(face, torch.nn.Module)
    assert len(face.layers) == 2
    assert isinstance(face.name, str) and face.tokenizer is None


@pytest.mark.parametrize("name", ["gpt2", "opt", "phi3", "openai-gpt"])
def test_greedy_tokens_are_those_of_generate(name):
    prompt = draw_tokens(1, 9)
    expected = model(name).model.generate(prompt, max_new_tokens=40, do_sample=False)
    found = models.generation.stream(model(name), prompt[0], max_tokens=40)
    assert list(found) == expected[0, 9:].tolist()


def test_gpt2_loads_by_folder_into_the_wrapper(tmp_path):
    made = checkpoint(tmp_path, GPT2Config(**GPT2))
    loaded = models.load(tmp_path)
    assert isinstance(loaded, TransformersModel) and loaded.context == CONTEXT
    assert not any(p.requires_grad for p in loaded.parameters())
    assert not loaded.training
    tokens = draw_tokens(2, 12)
    assert torch.equal(loaded(tokens), made(tokens).logits)


def test_a_llama_that_our_decoder_cannot_take_loads_into_the_wrapper(tmp_path):
    """Dynamic rotary scaling changes the angles with the length of the text."""
    scaling = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10_000.0}
    config = LlamaConfig(**SIZES, intermediate_size=48, rope_parameters=scaling)
    made = checkpoint(tmp_path, config)
    loaded = models.load(tmp_path)
    assert isinstance(loaded, TransformersModel)
    tokens = draw_tokens(1, 12)
    assert torch.equal(loaded(tokens), made(tokens).logits)


def test_what_is_saved_loads_in_plain_transformers(tmp_path):
    made = wrapped(dtype=torch.float32)
    models.save(made, tmp_path)
    tokens = draw_tokens(2, 12)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert torch.equal(theirs(tokens).logits, made(tokens))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_the_dtype_asked_for_is_the_dtype_of_weights_cache_and_logits(tmp_path, dtype):
    checkpoint(tmp_path, GPT2Config(**GPT2))
    loaded = models.load(tmp_path, dtype=dtype)
    cache = loaded.new_cache(1, 8)
    assert loaded(draw_tokens(1, 8), cache).dtype == dtype
    assert {p.dtype for p in loaded.parameters()} == {dtype}
    assert cache.bytes == 2 * 2 * 32 * 8 * dtype.itemsize


@pytest.mark.parametrize("name", WRAPPED[:2])
def test_a_text_longer_than_the_context_is_refused(name):
    with pytest.raises(ValueError, match=f"{CONTEXT + 1}.*{CONTEXT} tokens or fewer"):
        model(name)(draw_tokens(1, CONTEXT + 1))


def test_a_length_cannot_be_raised_by_hand():
    cache = model("gpt2").new_cache(1, CONTEXT)
    model("gpt2")(draw_tokens(1, 4), cache)
    with pytest.raises(ValueError, match="only take tokens back"):
        cache.rewind([6])


def test_models_whose_memory_cannot_be_moved_keep_their_tokens():
    keeps_tokens = {name: not model(name).remembers for name in WRAPPED}
    assert [name for name, keeps in keeps_tokens.items() if keeps] == [
        "openai-gpt",  # has no cache at all
        "mamba",  # a state cannot be taken back
    ]


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        (transformers.BertForSequenceClassification, transformers.BertConfig),
        (transformers.T5ForConditionalGeneration, T5Config),
    ],
)
def test_encoders_and_encoder_decoders_stay_transformers_own(tmp_path, kind, config):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    if config is T5Config:
        sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4}
    made = checkpoint(tmp_path, config(vocab_size=61, **sizes), kind)
    loaded = models.load(tmp_path)
    assert type(loaded) is kind and loaded.name == tmp_path.name
    assert loaded.tokenizer is None and loaded.weights_version
    assert all(
        torch.equal(mine, theirs)
        for mine, theirs in zip(loaded.parameters(), made.parameters(), strict=True)
    )
