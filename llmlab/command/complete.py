"""`llmlab complete`: a model writes on from a text, shown while it is written.

A terminal shows the text before it; a pipe gets only what follows.
"""

import argparse
import sys

from llmlab.command import terminal, writing


def run(options: argparse.Namespace) -> int:
    """Write what follows a text, at most `--max-tokens` of it."""
    text = _text(options)
    model, sampling = writing.model_and_sampling(options)

    from llmlab.models import generation, pieces

    prompt = model.tokenizer(text)["input_ids"]
    end = model.tokenizer.eos_token_id
    tokens = generation.stream(
        model,
        prompt,
        max_tokens=options.max_tokens,
        sampling=sampling,
        stop=() if end is None else (end,),
    )
    if sys.stdout.isatty():
        print(terminal.paint(text, "dim"), end="", flush=True)
    last = "\n"
    for piece in pieces.whole(model.tokenizer, tokens, after=prompt):
        print(piece, end="", flush=True)
        last = piece
    if not last.endswith("\n"):
        print(flush=True)
    return 0


def _text(options: argparse.Namespace) -> str:
    text = options.text
    if text is None and sys.stdin is not None and not sys.stdin.isatty():
        text = sys.stdin.read()
    if not text:
        raise ValueError(
            "TEXT is missing, which the model is to go on from; give one, such as "
            "`llmlab complete 'def main():'`, or a file: `llmlab complete < file.py`."
        )
    return text
