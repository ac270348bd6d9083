"""Conversations: what an assistant answers, whole or while it is being written.

`chat` gives an answer as text, `stream` in pieces; both take all that was said before.
A `Conversation` remembers it, drops the oldest turns when the context is full, and
keeps the KV cache, so that a turn reads only what is new.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from llmlab.core.model import Cache, LanguageModel
from llmlab.models import chat_template, generation, pieces
from llmlab.models.chat_template import Message
from llmlab.models.sampling import Sampling, is_whole

MAX_TOKENS = 256
GREEDY = generation.GREEDY


def chat(
    model: LanguageModel,
    messages: Sequence[Message],
    *,
    max_tokens: int = MAX_TOKENS,
    sampling: Sampling = GREEDY,
) -> str:
    """Return what the assistant answers to a conversation, up to its end of turn.

    messages: `[{"role": "user", "content": "…"}, …]`, the oldest first; a system
    message may come before. Raises ValueError for a model without a chat template, for
    messages that it does not take, and where answer and messages outgrow the context.
    """
    return "".join(stream(model, messages, max_tokens=max_tokens, sampling=sampling))


def stream(
    model: LanguageModel,
    messages: Sequence[Message],
    *,
    max_tokens: int = MAX_TOKENS,
    sampling: Sampling = GREEDY,
) -> Iterator[str]:
    """Yield the answer of `chat` in pieces of whole characters, while it is written."""
    prompt = chat_template.prompt(model, messages)
    tokens = generation.stream(
        model,
        prompt,
        max_tokens=max_tokens,
        sampling=sampling,
        stop=chat_template.ends(model),
    )
    return pieces.whole(model.tokenizer, tokens, after=prompt)


class Conversation:
    """A conversation with one model: `answer` takes a message and yields the answer.

    messages: what the next answer will be based on. left_out: how many messages had to
    leave before the last answer, since the context was full. cut: whether the last
    answer ended because it had `max_tokens`.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        system: str | None = None,
        max_tokens: int = MAX_TOKENS,
        sampling: Sampling = GREEDY,
    ) -> None:
        """Begin; ValueError for a model without a chat template, or max_tokens < 1."""
        chat_template.check(model)
        if not is_whole(max_tokens) or not 1 <= max_tokens < model.context:
            raise ValueError(
                f"max_tokens={max_tokens!r} must be from 1 to {model.context - 1}, so "
                f"that answer and question fit into the context of {model.context}."
            )
        self.model, self.max_tokens, self.sampling = model, max_tokens, sampling
        self._first = [{"role": "system", "content": system}] if system else []
        self._stop = chat_template.ends(model)
        self.reset()

    def reset(self) -> None:
        """Forget all that was said, but not what the system says."""
        self.messages: list[Message] = list(self._first)
        self.left_out, self.cut = 0, False
        self._cache: Cache | None = None
        self._held: list[int] = []  # tokens that the cache holds

    def answer(self, text: str) -> Iterator[str]:
        """Yield the answer to a message, in pieces of whole characters.

        Whoever stops early closes the iterator; what was said so far is remembered.
        Raises ValueError for a message that the context cannot hold; nothing changes.
        """
        asked = [*self.messages, {"role": "user", "content": text}]
        kept = chat_template.fitting(self.model, asked, max_tokens=self.max_tokens)
        prompt = chat_template.prompt(self.model, kept)
        self.left_out, self.cut = len(asked) - len(kept), False
        self.messages = kept
        return self._remembered(prompt)

    def _remembered(self, prompt: list[int]) -> Iterator[str]:
        said = ""
        try:
            for piece in pieces.whole(
                self.model.tokenizer, self._tokens(prompt), after=prompt
            ):
                said += piece
                yield piece
        finally:  # also after Ctrl-C
            self.messages.append({"role": "assistant", "content": said})

    def _tokens(self, prompt: list[int]) -> Iterator[int]:
        """Yield the answer's tokens; the cache keeps what both turns have in common."""
        cache, known = self._room(prompt)
        self._cache, held = None, list(prompt)  # a call that breaks off leaves none
        count = 0
        for token in generation.stream(
            self.model,
            prompt[known:],
            max_tokens=self.max_tokens,
            sampling=self.sampling,
            stop=self._stop,
            cache=cache,
        ):
            count += 1
            held.append(token)
            yield token
        self.cut = count == self.max_tokens
        reach = int(cache.lengths[0])
        self._cache, self._held = cache, held[:reach]

    def _room(self, prompt: list[int]) -> tuple[Any, int]:
        """Return a cache with room for prompt and answer, and how much it holds of it.

        At least the prompt's last token is read again: its logits are the first answer.
        """
        cache, need = self._cache, len(prompt) + self.max_tokens
        known = _in_common(self._held, prompt[:-1])
        roomy = cache is not None and (cache.limit is None or cache.limit >= need)
        if cache is None or not roomy or not cache.can_rewind:
            length = min(self.model.context, 2 * need)
            return self.model.new_cache(1, length), 0
        cache.rewind(known)
        return cache, known


def _in_common(one: Sequence[int], other: Sequence[int]) -> int:
    """Count the tokens with which both begin."""
    same = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        same += 1
    return same
