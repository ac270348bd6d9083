"""Tokens as text while they come, cut between whole characters.

A token may end in the middle of a character: byte pairs cut UTF-8 where they like. Then
the tail of the text is U+FFFD, and it waits for the tokens that complete it.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

BROKEN = "\ufffd"
MOST = 3  # bytes of a character without its last one
SEEN = 8  # tokens of the prompt that decide whether a space comes first


def whole(
    tokenizer: Any, tokens: Iterable[int], *, after: Sequence[int] = ()
) -> Iterator[str]:
    """Yield the text of the tokens, in pieces of whole characters, none of them empty.

    after: the tokens before, since some tokenizers drop a space at the start of a text.
    Joined, the pieces are the text that all tokens make; special ones make none.
    """
    before = list(after)[-SEEN:]
    start = len(_text(tokenizer, before))
    held: list[int] = []
    said = 0
    for token in tokens:
        held.append(token)
        text = _text(tokenizer, [*before, *held])[start:]
        end = len(text) - _waiting(text)
        if end > said:
            yield text[said:end]
            said = end
    rest = _text(tokenizer, [*before, *held])[start:][said:]
    if rest:
        yield rest


def _waiting(text: str) -> int:
    """Count the signs at the end of a text that may be part of a character to come."""
    broken = len(text) - len(text.rstrip(BROKEN))
    return min(broken, MOST)


def _text(tokenizer: Any, tokens: Sequence[int]) -> str:
    return tokenizer.decode(
        tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
    )
