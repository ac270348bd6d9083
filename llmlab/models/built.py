"""The configuration of a model as it was built, whatever its own still says.

A decoder with fewer layers, narrower MLPs or fewer heads is often one that a plain
configuration can name; then it is written so, and transformers loads it. What differs
from layer to layer is for `models.changes`.
"""

import copy
import dataclasses
from pathlib import Path
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from llmlab.models import from_config, rnn, words
from llmlab.models.decoder import Decoder
from llmlab.models.transformers_model import TransformersModel

# What loading gives: the face of our own three, or transformers' own class.
CausalModel = Decoder | rnn.RecurrentModel | TransformersModel
Loaded = CausalModel | PreTrainedModel


def config_of(model: nn.Module) -> Any:
    """Return the configuration that comes nearest to a model; its own stays."""
    if isinstance(model, rnn.RecurrentModel):
        return dataclasses.replace(
            model.config,
            num_hidden_layers=len(model.layers),
            tie_word_embeddings=model.head.weight is model.embedding.weight,
        )
    config: Any = copy.deepcopy(model.config)
    if isinstance(model, Decoder):
        try:
            return checked(_decoder(model, config, heads=True))
        except ValueError:  # a number of heads that transformers forbids
            config = copy.deepcopy(model.config)
            return checked(_decoder(model, config, heads=False))
    config.architectures = [type(model).__name__]
    return config


def checked(config: Any) -> Any:
    """Return a configuration; ValueError where transformers would not take it."""
    try:
        type(config).from_dict(config.to_dict())
    except Exception as error:  # its rules fail in many ways
        reason = " ".join(str(error).split())
        raise ValueError(
            f"no configuration can describe this decoder ({reason}); choose a width "
            "and numbers of heads that it allows."
        ) from error
    return config


def _decoder(model: Decoder, config: Any, *, heads: bool) -> Any:
    """Return the decoder's configuration; heads: also say how many it has now.

    Where that is no number that transformers allows, `changes` says the layers' sizes.
    """
    weight, head = model.embedding.weight, model.shape.head_width
    attentions = [layer.attention for layer in model.layers]
    sizes: dict[str, set[Any]] = {
        "num_hidden_layers": {len(model.layers)},
        "hidden_size": {weight.shape[1]},
        "vocab_size": {weight.shape[0]},
        "intermediate_size": {layer.mlp.gate.out_features for layer in model.layers},
        "num_attention_heads": {one.query.out_features // head for one in attentions},
        "num_key_value_heads": {one.key.out_features // head for one in attentions},
        "tie_word_embeddings": {getattr(model.head, "weight", None) is weight},
    }
    if not heads:
        del sizes["num_attention_heads"], sizes["num_key_value_heads"]
    for name, values in sizes.items():
        if len(values) == 1:  # one for all layers, so a plain configuration has it
            setattr(config, name, values.pop())
    if config.hidden_size != config.num_attention_heads * head:
        config.head_dim = head
    config.dtype = weight.dtype
    config = _with_windows(config, [layer.window for layer in model.layers])
    config.architectures = [_causal_class(config).__name__]
    return config


def _with_windows(config: Any, windows: list[int | None]) -> Any:
    """Say in a configuration how far back each layer looks, where its family can."""
    kinds = ["full_attention" if w is None else "sliding_attention" for w in windows]
    sizes = {window for window in windows if window is not None}
    if hasattr(config, "layer_types"):
        config.layer_types = kinds
        if len(sizes) == 1:
            config.sliding_window, config.use_sliding_window = sizes.pop(), True
    elif config.model_type == "mistral" and len(set(windows)) == 1:
        config.sliding_window = windows[0]
    elif config.model_type == "llama" and len(set(windows)) == 1 and sizes:
        return _as_mistral(config, sizes.pop())
    return config


def _as_mistral(config: Any, window: int) -> Any:
    """Return the same decoder as a Mistral, which is a Llama with a window.

    A Llama with biases stays one, since Mistral has none.
    """
    from transformers import MistralConfig

    if config.attention_bias or config.mlp_bias:
        return config
    fields = {k: v for k, v in config.to_dict().items() if k != "model_type"}
    return MistralConfig.from_dict(fields | {"sliding_window": window})


def _causal_class(config: Any) -> type:
    from transformers import AutoModelForCausalLM

    mapping: Any = AutoModelForCausalLM._model_mapping
    return mapping[type(config)]


def to_json(config: Any) -> dict[str, Any]:
    """Return what config.json holds."""
    if isinstance(config, rnn.RecurrentConfig):
        return config.to_dict()
    said = config.to_diff_dict()
    return said | {"model_type": config.model_type}


def settled(model: from_config.Bare, folder: Path) -> Loaded:
    """Return a filled model with the face and settings that `load` promises."""
    said = words.generation_of(folder)
    if isinstance(model, Decoder | rnn.RecurrentModel):
        _say_untied(model)
        if said is not None:  # to be saved again
            model.generation_config = said
        return model
    if model.can_generate() and said is not None:
        model.generation_config = said
    return TransformersModel(model) if from_config.is_causal(model.config) else model


def _say_untied(model: Decoder | rnn.RecurrentModel) -> None:
    """Where a file held a head of its own against its configuration, say so."""
    if model.head.weight is model.embedding.weight:
        return
    if isinstance(model, Decoder):
        model.config.tie_word_embeddings = False
        model.shape = dataclasses.replace(model.shape, tied=False)
    else:
        model.config = dataclasses.replace(model.config, tie_word_embeddings=False)
