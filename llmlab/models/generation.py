"""Generation: one token after the other, each handed out as soon as it is known.

The prompt runs through the model at once (prefill); from then on each step feeds the
token just chosen and asks for the next one (decode). Because tokens are *yielded*, the
first `next()` is the time to first token, and streaming, serving and measuring all use
this one loop. How a token is chosen is a policy of its own: `models.sampling`.

Shapes: B sequences, T new tokens, V vocabulary.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from llmlab.core import arguments, wanted
from llmlab.core.arguments import is_whole, shown
from llmlab.core.model import Cache, LanguageModel
from llmlab.models import endings
from llmlab.models.sampling import Sampling

GREEDY = Sampling()


def stream(
    model: LanguageModel,
    prompt: Sequence[int],
    *,
    max_tokens: int,
    sampling: Sampling = GREEDY,
    stop: Collection[int] = (),
    cache: Cache | None = None,
) -> Iterator[int]:
    """Yield the tokens that follow the prompt, at most `max_tokens` of them.

    The first `next()` is the prefill. sampling: how each token is chosen, the best one
    unless it says otherwise. A token of `stop` ends the stream and is not yielded. A
    cache handed in holds what comes before the prompt; afterwards it also holds the
    prompt and every token that was fed (all but the last one chosen). Raises ValueError
    before anything runs when an argument is out of its range or the text would outgrow
    the model's context.
    """
    steps = stream_batch(
        model,
        [prompt],
        max_tokens=max_tokens,
        sampling=sampling,
        stop=stop,
        cache=cache,
    )
    return (token for (token,) in steps if token is not None)


def stream_batch(
    model: LanguageModel,
    prompts: Sequence[Sequence[int]],
    *,
    max_tokens: int,
    sampling: Sampling = GREEDY,
    stop: Collection[int] = (),
    cache: Cache | None = None,
) -> Iterator[list[int | None]]:
    """Yield per step one token for each prompt, None for rows that have finished.

    Prompts may differ in length. Arguments and errors are those of `stream`; rows draw
    from one generator, so a sampled row depends on how many rows stand beside it.
    """
    wanted.causal("model", model)
    if not isinstance(sampling, Sampling):
        raise ValueError(
            f"sampling={shown(sampling)} does not say how a token is chosen; hand in "
            "one such as models.Sampling(temperature=0.8, top_p=0.95)."
        )
    device, generator = _device(model), sampling.generator
    if generator is not None and generator.device.type != device.type:
        raise ValueError(
            f"generator draws on {generator.device} and the model runs on {device}; "
            f"make it with torch.Generator({str(device)!r})."
        )
    rows = _checked_prompts(prompts, model.vocabulary)
    _check_room(model, rows, max_tokens, cache)
    ends = _checked_stop(stop)
    counts = [len(row) for row in rows]
    width = max(counts)
    tokens = torch.tensor(
        [row + [0] * (width - len(row)) for row in rows], device=device
    )  # (B, T), padded at the end of each row
    return _steps(model, tokens, counts, cache, sampling, max_tokens, ends)


def complete(
    model: LanguageModel,
    text: str,
    *,
    max_tokens: int,
    sampling: Sampling = GREEDY,
    stop: Collection[int] | None = None,
) -> str:
    """Return the text that follows `text`.

    stop: tokens that end it; None: those that end a text of this model
    (`endings.end_tokens`), () to never stop early. Errors are those of `stream`, and
    ValueError for what is no text and a model without a tokenizer.
    """
    wanted.causal("model", model)
    if not isinstance(text, str):
        raise ValueError(
            f"text={shown(text)} is no text; pass a string, or token ids to "
            "generation.stream."
        )
    arguments.encodable("text", text)
    tokenizer = model.tokenizer
    if tokenizer is None:
        raise ValueError(
            f"model {model.name!r} has no tokenizer to read text with; load one that "
            "has (models.load('coder')), or pass token ids to generation.stream."
        )
    if stop is None:
        stop = endings.end_tokens(model)
    prompt = tokenizer(text)["input_ids"]
    tokens = stream(
        model,
        prompt,
        max_tokens=max_tokens,
        sampling=sampling,
        stop=stop,
    )
    # Decoded with the prompt, since some tokenizers drop a leading space.
    whole, start = (
        tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        for ids in ([*prompt, *tokens], prompt)
    )
    return whole[len(start) :]


class Streaming:
    """What gives a causal model the part of its face that writes (`core.model`)."""

    name: str
    weights_version: str | None
    tokenizer: Any
    format: str  # of a changed model alone: what it is now, such as "int4-g32"
    generation_config: Any  # of the checkpoint, where it has one

    def stream(
        self: LanguageModel,
        prompt: Sequence[int],
        *,
        max_tokens: int,
        sampling: Sampling = GREEDY,
        stop: Collection[int] = (),
    ) -> Iterator[int]:
        """Yield the tokens that follow the prompt, as `generation.stream`."""
        return stream(self, prompt, max_tokens=max_tokens, sampling=sampling, stop=stop)

    def stream_batch(
        self: LanguageModel,
        prompts: Sequence[Sequence[int]],
        *,
        max_tokens: int,
        sampling: Sampling = GREEDY,
        stop: Collection[int] = (),
    ) -> Iterator[list[int | None]]:
        """Yield a token for each prompt and step, as `generation.stream_batch`."""
        return stream_batch(
            self, prompts, max_tokens=max_tokens, sampling=sampling, stop=stop
        )


@torch.inference_mode()
def _steps(
    model: LanguageModel,
    tokens: Tensor,
    counts: list[int],
    cache: Cache | None,
    sampling: Sampling,
    max_tokens: int,
    stop: frozenset[int],
) -> Iterator[list[int | None]]:
    """Prefill, then decode: the loop that everything else stands on."""
    batch, width = tokens.shape
    if cache is None:  # made here, so that its time is part of the prefill
        cache = model.new_cache(batch, width + max_tokens)
    alive = [True] * batch
    for step in range(max_tokens):
        if step:
            # A finished row stands still: its one token counts as padding.
            real = None if all(alive) else [int(row) for row in alive]
            logits = model(tokens, cache, counts=real)[:, -1]  # (B, V)
        else:
            ragged = counts if min(counts) < width else None
            logits = model(tokens, cache, counts=ragged, last=True)[:, 0]
        tokens = sampling.choose(logits)  # (B, 1), fed as it is in the next step
        chosen = tokens.flatten().tolist()
        if stop:
            alive = [
                on and one not in stop for on, one in zip(alive, chosen, strict=True)
            ]
            if not any(alive):
                return
        yield [one if on else None for on, one in zip(alive, chosen, strict=True)]


def _device(model: LanguageModel) -> torch.device:
    return next(chain(model.parameters(), model.buffers())).device


def _checked_prompts(prompts: Sequence[Sequence[int]], vocabulary: int) -> list:
    listed = _listed(prompts)
    if isinstance(prompts, str | bytes) or listed is None:
        raise ValueError(
            f"prompts={shown(prompts)} is no list of prompts; pass lists of token ids, "
            "such as [[1, 2, 3], [4, 5]]."
        )
    if not listed:
        raise ValueError("prompts is empty; a batch needs at least one prompt.")
    return [
        _checked_prompt(prompt, f"prompt of row {row}" if row else "prompt", vocabulary)
        for row, prompt in enumerate(listed)
    ]


def _checked_prompt(prompt: Sequence[int], what: str, vocabulary: int) -> list[int]:
    if isinstance(prompt, str | bytes):
        raise ValueError(
            f"{what} is text, {prompt[:20]!r}; pass token ids (model.tokenizer(text)"
            "['input_ids']), or use generation.complete."
        )
    listed = _listed(prompt)
    if listed is None:
        raise ValueError(
            f"{what} is {shown(prompt)}, no list of token ids; pass one for each "
            "prompt, such as [1, 2, 3]."
        )
    if not listed:
        raise ValueError(
            f"{what} is empty, and a model needs a token to start from; pass at least "
            "one, such as the tokenizer's first or end-of-text token."
        )
    wanted.tokens(what, listed, vocabulary)
    return [int(token) for token in listed]


def _listed(values: object) -> list | None:
    """Return what a list, tensor or array holds; None for a single value."""
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        return None
    return list(values)


def _check_room(
    model: LanguageModel, rows: list, max_tokens: int, cache: Cache | None
) -> None:
    way = "choose how many tokens may follow the prompt"
    max_tokens = arguments.whole("max_tokens", max_tokens, way=way)
    if cache is not None and not hasattr(cache, "lengths"):
        raise ValueError(
            f"cache={shown(cache)} is no cache; make it with model.new_cache"
            f"({len(rows)}, length), or leave it out."
        )
    held = [0] * len(rows) if cache is None else cache.lengths.tolist()
    if len(held) != len(rows):
        raise ValueError(
            f"cache holds {len(held)} rows and the batch {len(rows)}; make it with "
            f"model.new_cache({len(rows)}, length)."
        )
    longest = max(old + len(row) for old, row in zip(held, rows, strict=True))
    if cache is not None and cache.limit is None:
        return  # it holds what it holds, however long the text becomes
    if longest + max_tokens > model.context:
        left = max(0, model.context - longest)
        raise ValueError(
            f"max_tokens={shown(max_tokens)} after {longest} tokens of prompt makes "
            f"{shown(longest + max_tokens)}, and the context is {model.context}; "
            f"shorten the prompt or choose max_tokens={left} or less."
        )


def _checked_stop(stop: Collection[int]) -> frozenset[int]:
    if hasattr(stop, "tolist"):
        stop = _listed(stop) or ()
    if not isinstance(stop, Collection) or not all(map(is_whole, stop)):
        raise ValueError(
            f"stop={shown(stop)} must be a collection of token ids, such as "
            "(tokenizer.eos_token_id,); choose () to never stop early."
        )
    return frozenset(stop)
