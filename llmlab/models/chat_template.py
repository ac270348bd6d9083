"""A conversation as the tokens that a model was taught to read, and where a turn ends.

A model that follows instructions learnt from conversations written in one form, with
signs of its own round every turn. Its tokenizer carries that form as a *chat template*.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from llmlab.core import arguments
from llmlab.core.model import LanguageModel

Message = Mapping[str, str]  # {"role": "user", "content": "…"}
MARK = "answer"  # stands for what an assistant says


def prompt(model: LanguageModel, messages: Sequence[Message]) -> list[int]:
    """Return the tokens of a conversation up to where the assistant begins to answer.

    messages: each with "role" (system, user or assistant) and "content". Raises
    ValueError for a model without a template and for messages that it does not take.
    """
    check(model)
    text = _rendered(model.tokenizer, _checked(messages), answer=True)
    return model.tokenizer(text, add_special_tokens=False)["input_ids"]


def ends(model: LanguageModel) -> tuple[int, ...]:
    """Return the tokens that end a turn: the template's, the tokenizer's, the config's.

    The template's is the one that follows what an assistant said.
    """
    tokenizer = model.tokenizer
    generation = getattr(model, "generation_config", None)
    configured = getattr(generation, "eos_token_id", None)
    listed = configured if isinstance(configured, list) else [configured]
    tokens = {tokenizer.eos_token_id, *listed, _end_of_turn(tokenizer)}
    return tuple(sorted(token for token in tokens if token is not None))


def fitting(
    model: LanguageModel, messages: Sequence[Message], *, max_tokens: int
) -> list[Message]:
    """Return the messages without the oldest turns, as few of these as need to go.

    What is left and an answer of `max_tokens` fit into the model's context. What the
    system says first stays. Raises ValueError where the last message alone is too long.
    """
    messages = [*_checked(messages)]
    arguments.whole("max_tokens", max_tokens, least=1)
    first = int(messages[0]["role"] == "system")
    for start in _starts(messages, first):
        kept = messages[:first] + messages[start:]
        read = len(prompt(model, kept))
        if read + max_tokens <= model.context:
            return kept
    raise ValueError(
        f"the last message makes a prompt of {read} tokens, and with max_tokens="
        f"{arguments.shown(max_tokens)} the context of {model.context} is too small "
        "for it; shorten the message or choose a smaller max_tokens."
    )


def check(model: LanguageModel) -> None:
    """Raise ValueError for a model that has no chat template."""
    if getattr(getattr(model, "tokenizer", None), "chat_template", None) is None:
        raise ValueError(
            f"model {getattr(model, 'name', '')!r} has no chat template, so it was not "
            "taught to converse; let it write on (generation.complete, or `llmlab "
            "complete`), or take one that has a template, such as 'smollm2'."
        )


def _starts(messages: list[Message], first: int) -> list[int]:
    """Return where the messages that stay may begin: now, or at a later user's turn."""
    users = [
        place
        for place, message in enumerate(messages)
        if place > first and message["role"] == "user"
    ]
    return [first, *users]


def _checked(messages: Sequence[Message]) -> list[dict[str, str]]:
    no_list = isinstance(messages, str | bytes | Mapping) or not isinstance(
        messages, Collection
    )
    if no_list or not messages:
        raise ValueError(
            f"messages={messages!r:.60} is no list of messages; give at least one, "
            'such as [{"role": "user", "content": "Hello"}].'
        )
    for place, message in enumerate(messages):
        if not isinstance(message, Mapping) or not all(
            isinstance(message.get(key), str) for key in ("role", "content")
        ):
            raise ValueError(
                f"messages[{place}]={message!r} needs a text as its 'role' and one as "
                'its \'content\', such as {"role": "user", "content": "Hello"}.'
            )
    return [dict(message) for message in messages]


def _rendered(tokenizer: Any, messages: list[dict[str, str]], *, answer: bool) -> str:
    try:
        return tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=answer
        )
    except Exception as error:  # a template refuses in its own words
        roles = [message["role"] for message in messages]
        raise ValueError(
            f"the chat template of this model does not take messages of the roles "
            f"{roles} ({' '.join(str(error).split())}); let user and assistant take "
            "turns, behind at most one system message."
        ) from error


def _end_of_turn(tokenizer: Any) -> int | None:
    """Return the special token behind what an assistant says, where there is one."""
    turns = [
        {"role": "user", "content": "question"},
        {"role": "assistant", "content": MARK},
    ]
    _, _, behind = _rendered(tokenizer, turns, answer=False).rpartition(MARK)
    tokens = tokenizer(behind.lstrip(), add_special_tokens=False)["input_ids"]
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    return tokens[0] if tokens and tokens[0] in special else None
