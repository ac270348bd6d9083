"""Four steps of a decode loop, without a cache and with one."""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from llmlab.show import draw
from llmlab.show.draw import Cell
from llmlab.show.draw.arrows import Arrow
from llmlab.show.draw.layouts import Piece
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

PROMPT = ("def", "add", "(", "a")
ANSWER = (",", "b", ")", ":")
STEPS = range(len(ANSWER))
TOKEN, NAME = 46, 58  # pixels: a cell, the names of the steps
READ, AGAIN, NEW, KEPT = draw.solid(0), draw.tint(1), draw.tint(2), draw.tint(3)


class Step(NamedTuple):
    """A step of a decode loop: the whole row, the text so far, the new token."""

    row: Piece
    text: Matrix
    new: Matrix


def rereading() -> Picture:
    """Draw four steps of a decode loop that keeps nothing between them."""
    steps, total = [], 0
    for k in STEPS:
        text = PROMPT + ANSWER[:k]
        known = len(text) - 1 if k else 0
        looks = [AGAIN] * known + [READ] * (len(text) - known)
        cells = [Cell(token, look) for token, look in zip(text, looks, strict=True)]
        words = f"reads {len(text)}" + (f", {known} again" if k else "")
        steps.append(_step(f"step {k + 1}", cells, ANSWER[k], words))
        total += len(text)
    key = draw.legend(
        ("read for the first time", READ), ("read again", AGAIN), ("new token", NEW)
    )
    return draw.picture(
        draw.column(*[each.row for each in steps], draw.space(height=2), key),
        *[draw.arrow(each.text, each.new) for each in steps],
        title="Without a cache, each step reads the whole text again",
        note=f"{total} tokens are read to write {len(ANSWER)}. Over the whole "
        "text the work grows with the square of its length.",
        alt=f"""Four steps of a decode loop without a cache, one row of tokens each.
        Step 1 reads the {len(PROMPT)} tokens of the prompt and gives one new token.
        Each later step reads all tokens so far: one for the first time, the others
        again. The tokens that are read again fill a triangle. {total} tokens are read
        to write {len(ANSWER)}, so over the whole text the work grows with the square of
        its length.""",
    )


def cached() -> Picture:
    """Draw the same four steps with a cache of keys and values."""
    steps = [_step("prefill", [Cell(token, READ) for token in PROMPT], ANSWER[0],
                   f"reads {len(PROMPT)}")]  # fmt: skip
    for k in STEPS[1:]:
        kept = len(PROMPT) + k - 1
        cells = [Cell("K V", KEPT)] * kept + [Cell(ANSWER[k - 1], READ)]
        words = f"reads 1, looks at {kept}"
        steps.append(_step(f"step {k + 1}", cells, ANSWER[k], words))
    key = draw.legend(
        ("token that is read", READ), ("cache: keys and values", KEPT),
        ("new token", NEW),
    )  # fmt: skip
    total = len(PROMPT) + len(ANSWER) - 1
    return draw.picture(
        draw.column(*[each.row for each in steps], key, gap=26),
        *[draw.arrow(each.text, each.new) for each in steps],
        *_kept(steps),
        title="With a cache, each step reads one token",
        note=f"{total} tokens are read to write {len(ANSWER)}, none of them twice. The "
        "price is memory: one column more in each step.",
        alt=f"""The same four steps with a cache. Prefill reads the {len(PROMPT)} tokens
        of the prompt once; their keys and values stay in the cache. Each later step
        reads one token, looks at the keys and values of all before it, and adds its
        own. {total} tokens are read to write {len(ANSWER)}, none of them twice; the
        cache grows by one column a step.""",
    )


def _step(name: str, cells: Sequence[Cell], new: str, words: str) -> Step:
    """Return a row: its name, the text so far, the new token, and what it cost."""
    text = draw.tokens(cells, width=TOKEN)
    token = draw.tokens([Cell(new, NEW)], width=TOKEN)
    loop = draw.row(draw.text(name, width=NAME), text, token, gap=28)
    longest = draw.tokens(PROMPT + ANSWER[1:], width=TOKEN).width
    cost = draw.text(words, width=draw.ROOM - NAME - longest - TOKEN - 3 * 28)
    row = draw.row(loop, draw.space(width=longest - text.width), cost, gap=14)
    return Step(row, text, token)


def _kept(steps: Sequence[Step]) -> list[Arrow]:
    """Return arrows from what a step read down to where it stays in the next."""
    arrows = []
    for above, below in itertools.pairwise(steps):
        columns = [i for i, each in enumerate(above.text.rows[0]) if each.look is READ]
        for i in columns:
            label = "keys and values stay" if i == len(PROMPT) - 1 else ""
            ends = above.text.cell(0, i), below.text.cell(0, i)
            arrows.append(draw.arrow(*ends, label, color=3))
    return arrows
