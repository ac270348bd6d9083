"""What a cache has to hold follows from a model's sizes, whatever its family."""

import pytest
import small_models
from transformers import AutoConfig

from llmlab import models

TINY = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4}
CONFIGS = {  # family -> its fields, (layers, heads, kv_heads, head width)
    "gpt2": ({"n_layer": 3, "n_embd": 48, "n_head": 6}, (3, 6, 6, 8)),
    "llama": (TINY | {"num_key_value_heads": 2}, (2, 4, 2, 8)),
    "qwen3": (TINY | {"num_key_value_heads": 2, "head_dim": 16}, (2, 4, 2, 16)),
    "falcon": (TINY | {"multi_query": True}, (2, 4, 1, 8)),
    "gpt_bigcode": ({"n_layer": 2, "n_embd": 32, "n_head": 4}, (2, 4, 1, 8)),
    "bloom": ({"n_layer": 2, "hidden_size": 32, "n_head": 4}, (2, 4, 4, 8)),
}


@pytest.mark.parametrize("family", CONFIGS)
def test_the_sizes_of_a_configuration_are_read_whatever_they_are_called(family):
    fields, expected = CONFIGS[family]
    shape = models.attention_shape(AutoConfig.for_model(family, **fields))
    assert (shape.layers, shape.heads, shape.kv_heads, shape.head_width) == expected


def test_keys_and_values_of_every_token_make_the_cache_to_the_byte():
    model = small_models.decoder()
    shape = models.attention_shape(model)
    token = 2 * shape.layers * shape.kv_heads * shape.head_width * 8
    assert model.new_cache(3, 17).bytes == 3 * 17 * token


def test_a_model_without_attention_is_refused():
    with pytest.raises(ValueError, match=r"RecurrentModel.*with attention"):
        models.attention_shape(small_models.recurrent())
