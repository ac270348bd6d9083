"""One table says what a word such as int4-g32-gptq asks for."""

import pytest
import torch
from torch import nn

from llmlab.kernels import Format
from llmlab.kernels.quantized_linear import QuantizedLinear
from llmlab.quantization import awq, gptq, smoothquant, techniques


def test_every_example_is_read_and_every_technique_has_one():
    read = [techniques.read(word) for word in techniques.examples()]
    assert [recipe.word for recipe in read] == techniques.examples()
    used = {recipe.technique for recipe in read}
    assert used == {techniques.ROUNDING, *techniques.TECHNIQUES.values()}
    assert set(techniques.DEFAULT) <= set(techniques.examples())


@pytest.mark.parametrize(
    "word, dtype, format, call",
    [
        ("fp32", "fp32", None, "quantization.rounding.quantize"),
        ("bf16-prepacked", "bf16", None, "quantization.rounding.quantize"),
        ("int8", "bf16", Format(), "quantization.rounding.quantize"),
        ("int4-g64-gptq", "bf16", Format(bits=4, group_size=64), gptq),
        ("int3-awq", "bf16", Format(bits=3), awq),
        ("int8-dynamic-smooth", "bf16", Format(activations=True), smoothquant),
    ],
)
def test_a_word_says_dtype_format_and_technique(word, dtype, format, call):
    recipe = techniques.read(word)
    if not isinstance(call, str):
        assert recipe.technique.quantize is call.quantize
        call = f"{call.__name__.removeprefix('llmlab.')}.quantize"
    assert (recipe.dtype, recipe.format) == (dtype, format)
    assert recipe.technique.call == call
    assert recipe.prepacked is word.endswith("prepacked")


@pytest.mark.parametrize(
    "word", ["", "fp4", "bf16-", "bf16-gptq", "int8-smooth", "gptq", "int8-prepacked"]
)
def test_a_word_of_nothing_known_is_refused_with_those_there_are(word):
    with pytest.raises(ValueError, match=r"is unknown; choose of .*int4-g32-gptq"):
        techniques.read(word)


def test_a_recipe_makes_what_it_says_and_asks_for_batches():
    model = nn.Sequential(nn.Linear(32, 8), nn.Linear(8, 8))
    assert techniques.read("fp32").apply(model) is model
    rounded = techniques.read("int4-g8").apply(model)
    assert all(isinstance(layer, QuantizedLinear) for layer in rounded)
    recipe = techniques.read("int4-g8-gptq")
    with pytest.raises(ValueError, match=r"batches=None.*'int4-g8-gptq' calibrates"):
        recipe.apply(model)
    x = torch.randn(16, 32, generator=torch.Generator().manual_seed(0))
    solved = recipe.apply(model, [x])
    assert all(isinstance(layer, QuantizedLinear) for layer in solved)
