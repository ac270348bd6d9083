"""Which tokens end a text: what a checkpoint says of it, as transformers reads it.

generation_config.json names one token or several: a chat model often ends a turn with
another token than a text. Where there is no such file config.json speaks, and where
the one that counts is silent, the tokenizer.
"""

from typing import Any

from llmlab.core.arguments import is_whole


def end_tokens(model: Any) -> tuple[int, ...]:
    """Return the tokens that end a text of this model; none where nothing names one."""
    inner = getattr(model, "model", None)  # of a wrapped one, transformers' own
    said = getattr(model, "generation_config", None)
    said = said or getattr(inner, "generation_config", None)
    said = said or _of_text(getattr(model, "config", None))
    for source in (said, getattr(model, "tokenizer", None)):
        if ends := _listed(getattr(source, "eos_token_id", None)):
            return ends
    return ()


def _of_text(config: Any) -> Any:
    """Return the part of a configuration that is about text."""
    whole = getattr(config, "get_text_config", None)
    return whole() if callable(whole) else config


def _listed(ends: Any) -> tuple[int, ...]:
    if hasattr(ends, "tolist"):
        ends = ends.tolist()
    ends = ends if isinstance(ends, list | tuple) else [ends]
    return tuple(int(end) for end in ends if is_whole(end))
