"""`llmlab chat`: talk with a model that follows instructions.

On a terminal the answer appears while it is written; Ctrl-C ends the answer and not the
chat. In a pipe each line is a message, and each answer is one line: its line breaks are
written as spaces.
"""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from typing import Any

from llmlab.command import terminal, writing

MOST = 512  # tokens of an answer, where nothing else is asked for
RESET, EXIT = "/reset", "/exit"
WAYS = "/reset starts anew, /exit or Ctrl-D ends the chat, Ctrl-C an answer."


def run(options: argparse.Namespace) -> int:
    """Converse until the input ends or `/exit`."""
    model, sampling = writing.model_and_sampling(options)

    from llmlab.models.conversation import Conversation

    most = options.max_tokens
    conversation = Conversation(
        model,
        system=options.system,
        max_tokens=min(MOST, model.context // 2) if most is None else most,
        sampling=sampling,
    )
    if sys.stdin is None:  # closed by the caller, who says nothing
        return 0
    if sys.stdin.isatty():
        _at_terminal(conversation)
    else:
        _in_pipe(conversation)
    return 0


def _in_pipe(conversation: Any) -> None:
    for line in sys.stdin:
        message = line.strip()
        if message == EXIT:
            return
        if message == RESET:
            conversation.reset()
        elif message:
            answer = "".join(conversation.answer(message))
            _tell_what_left(conversation)
            print(" ".join(answer.split()), flush=True)


def _at_terminal(conversation: Any) -> None:
    with contextlib.suppress(ImportError):  # Windows has none
        import readline  # noqa: F401 - arrows and history for input()
    _say(f"{conversation.model.name}: {WAYS}")
    for message in _messages():
        if message == EXIT:
            return
        if message == RESET:
            conversation.reset()
            _say("All is forgotten.")
        elif message.startswith("/") and message[1:].isalpha():
            _say(f"{message} is no command: {WAYS}")
        else:
            _show(conversation, message)


def _messages() -> Iterator[str]:
    """Yield what is typed, without empty lines, until the input ends."""
    while True:
        try:
            line = _ask().strip()
        except EOFError:
            print()
            return
        except KeyboardInterrupt:
            print()
            _say("/exit or Ctrl-D ends the chat.")
            continue
        if line:
            yield line


def _ask() -> str:
    if sys.stdout.isatty():
        return input("> ")
    print("> ", end="", file=sys.stderr, flush=True)  # answers go to a file
    return input()


def _show(conversation: Any, message: str) -> None:
    """Write an answer as it comes; Ctrl-C ends it, and a message too long is told."""
    try:
        answer = conversation.answer(message)
    except ValueError as error:
        _say(str(error))
        return
    _tell_what_left(conversation)
    with contextlib.closing(answer):
        try:
            for piece in answer:
                print(piece, end="", flush=True)
            print()
        except KeyboardInterrupt:
            print()
            _say("Stopped.")
    if conversation.cut:
        _say(f"Cut after {conversation.max_tokens} tokens; --max-tokens allows more.")


def _tell_what_left(conversation: Any) -> None:
    if count := conversation.left_out:
        what = "oldest message has" if count == 1 else f"{count} oldest messages have"
        _say(f"The context is full: the {what} left the conversation.")


def _say(text: str) -> None:
    """Say what is no answer: on stderr, so that answers alone go to a file."""
    print(terminal.paint(text, "dim", sys.stderr), file=sys.stderr, flush=True)
