"""What a code model is asked besides its bits per byte.

How much does it gain from what stands before? Does what it writes parse, and does it
write its training text out by heart? The last two are shares of greedy continuations at
places drawn with a seed.
"""

import ast
import dataclasses
import itertools
import random
import textwrap
from collections.abc import Callable, Iterable

import numpy
from torch import Tensor

from llmlab.core import progress, records
from llmlab.core.quantities import BITS_PER_TOKEN
from llmlab.core.records import Record
from llmlab.measure import bootstrap, intervals, labels, quality
from llmlab.models import generation
from llmlab.zoo.quantities import BODIES_THAT_PARSE, COPIED_VERBATIM

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
            bootstrap.of_scores(
                BITS_PER_TOKEN,
                parts,
                bootstrap.ratio,
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
    as it stands. The interval is drawn over texts, as functions of one are alike.
    """
    places = [(n, *place) for n, text in enumerate(texts) for place in heads(text)]
    if not places:
        raise ValueError(
            f"texts hold no function of {BODY_LINES.start} to {BODY_LINES.stop - 1} "
            "lines to write; hand in longer ones."
        )
    chosen = random.Random(0).sample(places, min(bodies, len(places)))
    counts: dict[int, list[int]] = {}  # by text: how many parse, how many were asked
    for text, before, head in progress.track(chosen, "writing bodies"):
        prompt = model.tokenizer(before)["input_ids"][-CONTEXT:]
        stop = (model.tokenizer.eos_token_id,)
        new = list(generation.stream(model, prompt, max_tokens=NEW, stop=stop))
        count = counts.setdefault(text, [0, 0])
        count[0] += parses(head, model.tokenizer.decode(new))
        count[1] += 1
    parts = numpy.array([*counts.values()])
    fact = bootstrap.estimate(
        BODIES_THAT_PARSE,
        parts,
        bootstrap.ratio,
        subject=labels.label(model),
        details={"asked": len(chosen), "texts": len(counts)},
    )
    if fact.value in (0, 1) or len(counts) == 1:  # nothing differs to draw among
        low, high = intervals.of_share(round(fact.value * len(parts)), len(parts))
        low, high = min(low, fact.value), max(high, fact.value)
        return dataclasses.replace(fact, low=low, high=high)
    return fact


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
    model, read: Callable[[int], Tensor], steps: range, *, places: int = PLACES
) -> Record:
    """Return the share of greedy continuations that copy what the training read.

    read: the batch (B, T) of each of these steps. At places drawn with a seed,
    none across the end of a file, the model reads 64 tokens and writes 64 (Carlini et
    al. 2023 call what comes back extractable). The interval is Wilson's.
    """
    dice, hits = random.Random(0), 0
    for _ in progress.track(range(places), "looking for copies"):
        chunk = _chunk(read, steps, dice, model.tokenizer.eos_token_id)
        prompt, copy = chunk[:COPIED], chunk[COPIED:]
        written = generation.stream(model, prompt, max_tokens=COPIED)
        hits += all(new == old for new, old in zip(written, copy, strict=True))
    low, high = intervals.of_share(hits, places)
    return records.measured(
        COPIED_VERBATIM,
        hits / places,
        low=low,
        high=high,
        subject=labels.label(model),
        details={"asked": places},
        seed=0,
    )


def _chunk(
    read: Callable[[int], Tensor], steps: range, dice: random.Random, end: int
) -> list[int]:
    """Draw a place of a batch that does not cross the end of a file."""
    for _ in range(1000):
        batch = read(dice.choice(steps))
        row = batch[dice.randrange(len(batch))].tolist()
        start = dice.randrange(len(row) - 2 * COPIED + 1)
        chunk = row[start : start + 2 * COPIED]
        if end not in chunk:
            return chunk
    raise ValueError(f"steps={steps}: no {2 * COPIED} tokens in a row are of one file.")
