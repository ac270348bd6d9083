"""A text ends where transformers ends it, whichever file names the token."""

import json

import byte_models
import pytest
import small_models
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from llmlab import models
from llmlab.models import endings, generation

MAX = 24
PROMPT = byte_models.tokenizer(start=False)("abc")["input_ids"]
SIZES = small_models.LLAMA | {"vocab_size": 257, "tie_word_embeddings": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a Llama checkpoint whose files name no end."""
    path = tmp_path_factory.mktemp("checkpoint")
    model = small_models.spread(LlamaForCausalLM(LlamaConfig(**SIZES)))
    model.save_pretrained(path)
    byte_models.tokenizer(start=False).save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def free(folder):
    """Return what is written when nothing ends it."""
    model = models.load(folder)
    return list(generation.stream(model, PROMPT, max_tokens=MAX))


def says(folder, *, config=None, generation_config=None):
    """Have the files of a folder name these ends; the second only if it is given."""
    path = folder / "config.json"
    said = json.loads(path.read_text()) | {"eos_token_id": config}
    path.write_text(json.dumps(said))
    (folder / "generation_config.json").unlink(missing_ok=True)
    if generation_config is not None:
        (folder / "generation_config.json").write_text(json.dumps(generation_config))


def of_transformers(folder):
    """Return the tokens of transformers' own loop, without the end itself."""
    model = AutoModelForCausalLM.from_pretrained(folder)
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    prompt = torch.tensor([PROMPT])
    written = model.generate(
        prompt, max_new_tokens=MAX, do_sample=False, pad_token_id=0
    )
    tokens = written[0, prompt.shape[1] :].tolist()
    return tokens[:-1] if tokens[-1] in ends else tokens


@pytest.mark.parametrize(
    "config, generation_config",
    [
        (None, None),
        (5, None),
        ([9, 5], None),
        (None, {"eos_token_id": 5}),
        (None, {"eos_token_id": [9, 5]}),
        (9, {"eos_token_id": 5}),
        (5, {"eos_token_id": [9]}),
        (5, {"max_length": 200}),
    ],
)
def test_a_text_ends_where_transformers_ends_it(
    folder, free, config, generation_config
):
    def token(places):  # of the token at this place of the free text
        many = isinstance(places, list)
        return [free[p] for p in places] if many else places and free[places]

    said = dict(generation_config or {})
    if "eos_token_id" in said:
        said["eos_token_id"] = token(said["eos_token_id"])
    says(folder, config=token(config), generation_config=said or None)
    model = models.load(folder)
    stop, expected = endings.end_tokens(model), of_transformers(folder)
    assert list(generation.stream(model, PROMPT, max_tokens=MAX, stop=stop)) == expected
    rows = generation.stream_batch(model, [PROMPT] * 2, max_tokens=MAX, stop=stop)
    assert [row[1] for row in rows] == expected
    read = model.tokenizer.decode
    after = read([*PROMPT, *expected])[len(read(PROMPT)) :]
    assert generation.complete(model, "abc", max_tokens=MAX) == after


def test_an_end_within_the_prompt_ends_nothing(folder, free):
    says(folder, config=free[5])
    model = models.load(folder)
    prompt = [free[5], *PROMPT]
    stopped = generation.stream(
        model, prompt, max_tokens=4, stop=endings.end_tokens(model)
    )
    assert next(stopped) is not None


def test_the_tokenizer_has_the_last_word(folder):
    says(folder)
    model = models.load(folder)
    assert endings.end_tokens(model) == ()
    model.tokenizer = byte_models.tokenizer()
    assert endings.end_tokens(model) == (256,)


def test_a_wrapped_model_has_the_ends_of_its_files():
    model = small_models.wrapped()
    model.model.generation_config.eos_token_id = [7, 9]
    assert endings.end_tokens(model) == (7, 9)
