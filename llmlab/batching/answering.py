"""Requests of a batch file answered by an engine, many at once.

A body says what OpenAI's completions and chat completions know: prompt or messages,
max_tokens, temperature, top_p, seed and stop. What else would change an answer is
refused, in the line of that request, and the others go on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmlab.batching.engine import Engine
from llmlab.batching.files import CHAT, Asked, Line
from llmlab.batching.requests import Request
from llmlab.core.arguments import encodable, is_number, is_whole, shown
from llmlab.models import chat_template, endings

# What a body may hold; whatever else there is would change the answer unseen.
KNOWN = (
    "model", "messages", "prompt", "max_tokens", "max_completion_tokens", "n",
    "temperature", "top_p", "seed", "stop", "stream", "user", "metadata",
)  # fmt: skip
LONGEST = 512  # tokens of an answer where neither the body nor the caller says


@dataclass(frozen=True)
class Defaults:
    """What holds where a body does not say it."""

    max_tokens: int | None = None
    temperature: float = 0.0
    top_p: float | None = None
    seed: int = 0


def request(model: Any, asked: Asked, defaults: Defaults) -> tuple[Request, list[str]]:
    """Return a line as a request to an engine, and the texts that end its answer.

    Raises ValueError for what a body asks and cannot be done.
    """
    body = asked.body
    _check(body)
    prompt, ends = _prompt(model, asked)
    most = body.get("max_completion_tokens", body.get("max_tokens"))
    if most is None:
        room = max(1, model.context - len(prompt))
        most = (
            min(LONGEST, room) if defaults.max_tokens is None else defaults.max_tokens
        )
    stops = body.get("stop") or []
    stops = [stops] if isinstance(stops, str) else list(stops)
    if not all(isinstance(stop, str) and stop for stop in stops):
        raise ValueError(f"stop={shown(stops)} must be a text or a list of texts.")
    top_p = body.get("top_p", defaults.top_p)
    return Request(
        prompt,
        most,
        temperature=_number(body, "temperature", defaults.temperature),
        top_p=None if top_p == 1 else top_p,
        seed=defaults.seed if body.get("seed") is None else body["seed"],
        stop=ends,
    ), stops


def serve(
    engine: Engine, asked: Sequence[Asked], defaults: Defaults, *, ahead: int = 16
) -> Iterator[Line]:
    """Yield an answer to each request as it ends.

    ahead: how many are in the engine at once, waiting ones included.
    """
    tokenizer, coming = engine.model.tokenizer, iter(asked)
    open_: dict[int, tuple[Asked, Request, list[str], list[int]]] = {}
    left = True
    while left or engine.busy:
        while left and len(open_) < ahead:
            one = next(coming, None)
            if one is None:
                left = False
                break
            try:
                what, stops = request(engine.model, one, defaults)
                open_[engine.submit(what)] = (one, what, stops, [])
            except ValueError as error:
                yield _failed(one, "invalid_request", str(error))
        for event in engine.step():
            if event.request not in open_:
                continue  # cancelled below
            one, what, stops, tokens = open_[event.request]
            if event.token is not None:
                tokens.append(event.token)
            reason = event.reason
            text = ""
            if stops or reason:
                text, is_cut = _cut(_text(tokenizer, what.prompt, tokens), stops)
                if is_cut and reason is None:
                    engine.cancel(event.request)
                reason = "stop" if is_cut and reason != "error" else reason
            if reason is not None:
                del open_[event.request]
                if reason == "error":
                    yield _failed(one, "server_error", event.error)
                else:
                    yield _line(engine.model, one, what, text, len(tokens), reason)


def _check(body: Mapping[str, Any]) -> None:
    for key in body:
        if key not in KNOWN:
            raise ValueError(
                f"the body holds {key!r}, which is not known here; leave it out."
            )
    if body.get("n", 1) != 1 or body.get("stream"):
        raise ValueError(
            f"n={shown(body.get('n', 1))}, stream={shown(body.get('stream'))}: a batch "
            "gives one whole answer; leave them out."
        )


def _prompt(model: Any, asked: Asked) -> tuple[list[int], tuple[int, ...]]:
    """Return the tokens that are read, and those that end the answer."""
    if asked.url == CHAT:
        messages = asked.body.get("messages")
        if not isinstance(messages, list):
            raise ValueError("the body lacks messages, a list; give at least one.")
        return chat_template.prompt(model, messages), chat_template.ends(model)
    prompt = asked.body.get("prompt")
    if isinstance(prompt, list) and all(map(is_whole, prompt)):
        return prompt, endings.end_tokens(model)
    if not isinstance(prompt, str):
        raise ValueError(
            f"prompt={shown(prompt)} must be one text, or one list of token ids."
        )
    encodable("prompt", prompt)
    return model.tokenizer(prompt)["input_ids"], endings.end_tokens(model)


def _number(body: Mapping[str, Any], key: str, default: float) -> float:
    value = body.get(key)
    if value is None:
        return default
    if not is_number(value):
        raise ValueError(f"{key}={shown(value)} must be a number.")
    return value


def _text(tokenizer: Any, prompt: Sequence[int], tokens: list[int]) -> str:
    """Return what the tokens say, decoded behind the prompt: some drop a space."""
    whole, start = (
        tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        for ids in ([*prompt, *tokens], prompt)
    )
    return whole[len(start) :]


def _cut(text: str, stops: Sequence[str]) -> tuple[str, bool]:
    """Return a text up to the first of the stops, and whether there was one."""
    places = [place for stop in stops if (place := text.find(stop)) >= 0]
    return (text[: min(places)], True) if places else (text, False)


def _line(
    model: Any, asked: Asked, what: Request, text: str, tokens: int, reason: str
) -> Line:
    choice: Line = {"index": 0, "finish_reason": reason, "logprobs": None}
    if asked.url == CHAT:
        choice["message"] = {"role": "assistant", "content": text}
    else:
        choice["text"] = text
    read = len(what.prompt)
    body = {
        "id": f"cmpl-{asked.digest}",
        "object": "chat.completion" if asked.url == CHAT else "text_completion",
        "model": model.name,
        "choices": [choice],
        "usage": {
            "prompt_tokens": read,
            "completion_tokens": tokens,
            "total_tokens": read + tokens,
        },
    }
    response = {"status_code": 200, "request_id": asked.digest, "body": body}
    line = {"id": asked.id, "custom_id": asked.name}
    return line | {"response": response, "error": None}


def _failed(asked: Asked, code: str, message: str) -> Line:
    error = {"code": code, "message": message}
    line = {"id": asked.id, "custom_id": asked.name}
    return line | {"response": None, "error": error}
