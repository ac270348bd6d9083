"""What a code model is asked besides its bits per byte.

How much does it gain from what stands before? Does what it writes parse, and does it
write its training text out by heart? The last two are shares of greedy continuations at
places drawn with a seed, with Wilson intervals.
"""

import ast
import itertools
import random
import textwrap
from collections.abc import Iterable, Sequence

import numpy

from llmlab.core import progress, records
from llmlab.core.records import Record
from llmlab.measure import estimates, identity, intervals, quality
from llmlab.models import generation

EDGES = (0, 16, 64, 128, 256, 512, 768)  # of the bands of the context
BODIES, PLACES = 200, 200  # asked of each model
BODY_LINES = range(2, 16)  # a body to be written has as many lines
CONTEXT, NEW = 512, 128  # tokens before a body, and tokens to write it in
COPIED = 64  # tokens read, and as many that would be a copy


def by_position(model, texts: Iterable[str]) -> list[Record]:
    """Return the bits per token after few and after many tokens of context.

    Texts are cut into windows of the whole context, each read alone; intervals are
    drawn over texts. Details hold "from" and "to": tokens before the one foretold.
    """
    scores = quality.score(model, list(texts), stride=model.context)
    edges = [edge for edge in EDGES if edge < model.context] + [model.context]
    found = []
    for low, high in itertools.pairwise(edges):
        here = (scores.seen > low) & (scores.seen <= high)  # `seen` counts from 1
        parts = scores.sums(scores.bits * here, here)
        parts = parts[parts[:, 1] > 0]
        if not len(parts):  # no text is that long
            continue
        found.append(
            estimates.of_scores(
                "bits per token",
                "bit/token",
                parts,
                estimates.ratio,
                model,
                scores,
                details={"from": low, "to": high},
            )
        )
    return found


def parse_share(model, texts: Iterable[str], *, bodies: int = BODIES) -> Record:
    """Return the share of greedily written function bodies that parse.

    Of functions in `texts`, drawn with a seed, the model reads what stands up to the
    colon of the head and writes on; the body ends before the first line that is not
    indented deeper than the head. A body that does not end within `NEW` tokens counts
    as it stands.
    """
    places = [place for text in texts for place in heads(text)]
    chosen = random.Random(0).sample(places, min(bodies, len(places)))
    hits = 0
    for before, head in progress.track(chosen, "writing bodies"):
        prompt = model.tokenizer(before)["input_ids"][-CONTEXT:]
        stop = (model.tokenizer.eos_token_id,)
        new = list(generation.stream(model, prompt, max_tokens=NEW, stop=stop))
        hits += parses(head, model.tokenizer.decode(new))
    return _share("bodies that parse", hits, len(chosen), model)


def heads(text: str) -> list[tuple[str, str]]:
    """Return for each function: the text up to the end of its head, and the head."""
    lines = text.split("\n")
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first, last = node.lineno - 1, node.body[0].lineno - 1
        size = node.end_lineno - last
        if last > first and lines[last - 1].endswith(":") and size in BODY_LINES:
            head = "\n".join(lines[first:last])
            found.append(("\n".join(lines[:last]), head))
    return found


def parses(head: str, written: str) -> bool:
    """Say whether a function of this head and what was written for its body parses."""
    indent = len(head) - len(head.lstrip())
    return _valid(textwrap.dedent(head) + body_of(written, indent))


def body_of(written: str, indent: int = 0) -> str:
    """Cut what was written before its first line that stands outside the body."""
    first, *lines = written.split("\n")  # the first one goes on with the head's line
    for place, line in enumerate(lines):
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            return "\n".join([first, *lines[:place]])
    return written


def _valid(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


def verbatim_share(
    model, tokens: Sequence[int] | numpy.ndarray, *, places: int = PLACES
) -> Record:
    """Return the share of greedy continuations that copy the training text.

    At places of the training tokens drawn with a seed, the model reads 64 of them and
    writes 64 (Carlini et al. 2023 call what comes back extractable).
    """
    last = len(tokens) - 2 * COPIED
    dice, hits = random.Random(0), 0
    for _ in progress.track(range(places), "looking for copies"):
        start = dice.randrange(last)
        middle, end = start + COPIED, start + 2 * COPIED
        prompt, copy = ([int(t) for t in tokens[a:b]]
                        for a, b in ((start, middle), (middle, end)))  # fmt: skip
        hits += all(
            new == old
            for new, old in zip(
                generation.stream(model, prompt, max_tokens=COPIED), copy, strict=True
            )
        )
    return _share("continuations copied verbatim", hits, places, model)


def _share(name: str, hits: int, asked: int, model) -> Record:
    low, high = intervals.of_share(hits, asked)
    return records.measured(
        name,
        hits / asked,
        "1",
        low=low,
        high=high,
        subject=identity.label(model),
        details={"asked": asked},
        seed=0,
    )
