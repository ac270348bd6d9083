"""What is asked of an engine, and what happens to it.

A request carries all that its answer depends on: prompt, sampling, seed and stops. So
the answer does not depend on who else is served, on chunks, or on a restart: token i is
drawn by the seed (seed, i).
"""

from collections.abc import Collection, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

from llmlab.core import arguments, wanted
from llmlab.core.arguments import is_number, is_whole, shown
from llmlab.core.model import LanguageModel
from llmlab.models.sampling import Sampling

Reason = Literal["stop", "length", "cancelled", "error"]


@dataclass(frozen=True)
class Request:
    """A prompt of token ids, and how it is to be answered.

    arrival: seconds after the start of a trace, for `replay`. priority: the higher, the
    sooner, where the scheduler's order asks for it. stop: tokens that end the answer
    and are no part of it. Raises ValueError for arguments out of range.
    """

    prompt: Sequence[int]
    max_tokens: int
    _: KW_ONLY
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    stop: Collection[int] = ()
    arrival: float = 0.0
    priority: int = 0

    def __post_init__(self) -> None:
        prompt, stop = _ids("prompt", self.prompt), _ids("stop", self.stop)
        if not prompt:
            raise ValueError(
                "prompt is empty, and a model needs a token to start from; pass at "
                "least one, such as the tokenizer's first or end-of-text token."
            )
        way = "choose how many tokens may follow the prompt"
        arguments.whole("max_tokens", self.max_tokens, least=1, way=way)
        arguments.whole("seed", self.seed, way="choose any whole number from 0 on")
        if not is_whole(self.priority):
            raise ValueError(
                f"priority={shown(self.priority)} must be a whole number; choose 0 for "
                "the usual one, more for what is to come sooner."
            )
        if not (is_number(self.arrival) and self.arrival >= 0):
            raise ValueError(
                f"arrival={shown(self.arrival)} must be a number of seconds from 0 on."
            )
        object.__setattr__(self, "prompt", tuple(prompt))
        object.__setattr__(self, "stop", frozenset(stop))
        _ = self.sampling  # which refuses what is out of its range

    @cached_property
    def sampling(self) -> Sampling:
        """How its tokens are chosen."""
        return Sampling(
            temperature=self.temperature, top_k=self.top_k, top_p=self.top_p
        )


def check(model: LanguageModel, request: object) -> None:
    """Raise ValueError for what this model could never serve.

    That is no request, has a token that the model does not know, or is longer than the
    model's context.
    """
    if not isinstance(request, Request):
        raise ValueError(
            f"request={shown(request)} is no request; make one with "
            "batching.Request(prompt, max_tokens)."
        )
    wanted.tokens("prompt", request.prompt, model.vocabulary)
    read, length = len(request.prompt), len(request.prompt) + request.max_tokens
    if length > model.context:
        raise ValueError(
            f"max_tokens={request.max_tokens} after {read} tokens of prompt makes "
            f"{length}, and the context is {model.context}; shorten the prompt or "
            "choose fewer tokens."
        )


class Event(NamedTuple):
    """A request got a token, or ended, or both."""

    request: int  # its id
    token: int | None = None  # None where it ended without one more
    reason: Reason | None = None  # why it ended; None: it goes on
    error: str = ""  # the sentence, where the reason is "error"


@dataclass
class Progress:
    """What has happened to a request so far."""

    request: Request
    arrived: float = 0.0  # by the engine's clock
    preemptions: int = 0
    text: list[int] = field(default_factory=list)  # the prompt, and what was written

    def __post_init__(self) -> None:
        self.text = self.text or list(self.request.prompt)

    @property
    def written(self) -> int:
        """How many tokens it wrote."""
        return len(self.text) - len(self.request.prompt)


def _ids(name: str, values: object) -> list[int]:
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, str | bytes):
        raise ValueError(
            f"{name}={shown(values)} is text; pass token ids: "
            "model.tokenizer(text)['input_ids']."
        )
    if not isinstance(values, Collection) or not all(map(is_whole, values)):
        raise ValueError(
            f"{name}={shown(values)} is no list of token ids; pass whole numbers, such "
            "as [1, 2, 3]."
        )
    return [int(token) for token in values]
