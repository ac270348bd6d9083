"""The tokenizer of a GGUF file: byte pairs (BPE) and the template of a chat.

A GGUF file lists words and merges, and names the rule that cuts a text before any merge
("pre"). The one that is read here is SmolLM's: each digit alone, then as GPT-2 cuts.
"""

from typing import Any

KIND, CUT = "gpt2", "smollm"
NORMAL, CONTROL = 1, 3  # llama.cpp's types of a token


def tokenizer(metadata: dict[str, Any]) -> Any:
    """Return transformers' tokenizer for the metadata of a GGUF file.

    Raises ValueError for a tokenizer of another kind.
    """
    from transformers import PreTrainedTokenizerFast

    _check(metadata)
    words = metadata["tokenizer.ggml.tokens"]
    types = metadata["tokenizer.ggml.token_type"]
    ends = {
        f"{word}_token": words[metadata[f"tokenizer.ggml.{key}_token_id"]]
        for word, key in NAMES.items()
        if f"tokenizer.ggml.{key}_token_id" in metadata
    }
    control = [word for word, kind in zip(words, types, strict=True) if kind == CONTROL]
    return PreTrainedTokenizerFast(
        tokenizer_object=_pairs(words, metadata["tokenizer.ggml.merges"], control),
        chat_template=metadata.get("tokenizer.chat_template"),
        model_max_length=metadata["llama.context_length"],
        clean_up_tokenization_spaces=False,
        additional_special_tokens=[w for w in control if w not in ends.values()],
        **ends,
    )


NAMES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}


def _check(metadata: dict[str, Any]) -> None:
    kind, cut = (metadata.get(f"tokenizer.ggml.{key}") for key in ("model", "pre"))
    types = {*metadata.get("tokenizer.ggml.token_type", ())}
    if (kind, cut) != (KIND, CUT) or not types <= {NORMAL, CONTROL}:
        raise ValueError(
            f"the tokenizer of this GGUF file is {kind!r} with {cut!r} and tokens of "
            f"types {sorted(types)}; only {KIND!r} with {CUT!r} is read here, so get "
            "safetensors of the model with its tokenizer instead."
        )


def _pairs(words: list[str], merges: list[str], control: list[str]) -> Any:
    """Return the byte pairs as `tokenizers` runs them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {word: number for number, word in enumerate(words)}
    pairs = [(one, other) for one, other in (merge.split(" ") for merge in merges)]
    made = Tokenizer(models.BPE(vocabulary, pairs))
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(word, normalized=False) for word in control])
    return made
