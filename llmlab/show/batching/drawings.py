"""Drawings of lab 8: the ideas behind its exercises. Nothing in them is measured.

padding     prompts of unequal length in one tensor, with mask and positions
seats       static against continuous: who sits in which row of a step
budget      what one step hands out: a token to all that write, the rest to prompts
put_aside   the pool is full, so the youngest goes and is computed again
"""

from collections.abc import Sequence

from llmlab.show import draw, style
from llmlab.show.draw import Cell, Look
from llmlab.show.draw.layouts import Piece
from llmlab.show.figures import Picture

REAL, OTHER, THIRD = draw.tint(0), draw.tint(1), draw.tint(2)
PAD = draw.FADED
BARE = Look(edge=style.CARD)  # words without a box
PROMPTS = (("def", "add", "("), ("x",), ("for", "i"))
LOOKS = {name: draw.tint(color) for color, name in enumerate("ABCDEF")}
EMPTY = {".": draw.WASTED, " ": draw.FREE}
STATIC = ("AAA...DDDD", "BBBBBBEEE.", "CC....    ")
CONTINUOUS = ("AAAEEE", "BBBBBB", "CCDDDD")


def padding() -> Picture:
    """Draw three prompts padded on the left, their mask and their positions."""
    width = max(map(len, PROMPTS))
    tokens, mask, positions = [], [], []
    for prompt in PROMPTS:
        missing = width - len(prompt)
        tokens.append([Cell("pad", PAD)] * missing + [Cell(t, REAL) for t in prompt])
        mask.append([Cell("0", PAD)] * missing + [Cell("1", REAL)] * len(prompt))
        positions.append(
            [Cell("0", PAD)] * missing
            + [Cell(str(p), REAL) for p in range(len(prompt))]
        )
    last = [width - 1]
    grids = draw.row(
        _named("tokens", draw.matrix(tokens, width=46, outlined_columns=last)),
        _named("mask", draw.matrix(mask, width=34)),
        _named("positions", draw.matrix(positions, width=34)),
        gap=46,
    )
    return draw.picture(
        grids,
        title="Padding on the left: the last column is everybody's last token",
        note="The next token is read off behind the last column, outlined here. The "
        "mask hides the padding; positions count real tokens only.",
        alt=f"""Three prompts of 3, 1 and 2 tokens as rows of {width} columns, three
        times. Tokens: padding stands before the shorter prompts, so that the last
        column holds the last token of each. Mask: 0 for padding, 1 for real tokens.
        Positions: 0 for padding, then 0, 1, 2 from the first real token on.""",
    )


def seats() -> Picture:
    """Draw who sits in three rows, step by step, in static batches and continuously."""
    fixed = _named("static batches: 10 steps", _seats(STATIC))
    moving = _named("continuous: 6 steps", _seats(CONTINUOUS))
    legend = draw.legend(
        ("ended, still computed", draw.WASTED), ("no request there", draw.FREE)
    )
    shown = draw.column(fixed, moving, legend, gap=18)
    return draw.picture(
        shown,
        title="A seat that is left is taken in the next step",
        note="Five requests, A to E, on three rows; a cell is a token. Time runs from "
        "left to right.",
        alt="""Three rows of cells over time, twice; five requests A to E take 3, 6, 2,
        4 and 3 steps. In static batches A, B and C run until B ends after 6 steps, the
        rows of A and C are computed on from steps 4 and 3; then D and E run for 4
        more steps, the third row empty: 10 steps. Continuously, D takes C's row in
        step 3 and E takes A's row in step 4: all are done after 6 steps.""",
    )


def _seats(rows: Sequence[str]) -> Piece:
    cells = [
        [EMPTY[name] if name in EMPTY else Cell(name, LOOKS[name]) for name in row]
        for row in rows
    ]
    return draw.matrix(cells, width=34, height=26)


def budget() -> Picture:
    """Draw how a step's budget of 16 tokens is handed out."""
    single = [Cell(name, REAL) for name in "ABC"]
    chunk, rest = [Cell("D", OTHER)] * 9, [Cell("E", THIRD)] * 4
    tokens = draw.matrix([[*single, *chunk, *rest]], width=30, height=30, gap=2)
    left = draw.row(
        draw.matrix([[Cell("E", PAD)] * 7], width=30, height=30, gap=2),
        draw.text("F waits behind E", quiet=True), gap=18,
    )  # fmt: skip
    shown = draw.column(
        _named("this step: 16 tokens", draw.column(tokens, draw.space(0, 30))),
        _named("next step: what is left of E", left),
        gap=14,
    )
    ends = ((0, 2, "1 each for all that write"), (3, 11, "the rest of D's prompt"),
            (12, 15, "a chunk of E's"))  # fmt: skip
    return draw.picture(
        shown,
        *(
            draw.bracket(tokens.cell(0, a), tokens.cell(0, b), label=words)
            for a, b, words in ends
        ),
        title="One step hands out a budget of tokens",
        note="First a token to everybody who writes, for a user waits for it; then "
        "prompts in their order, in chunks, as far as budget and pages go.",
        alt="""A row of 16 cells, the budget of a step. Three cells go to A, B and C,
        one token each, because they write. Nine cells are the rest of D's prompt, four
        cells a chunk of E's prompt. The other seven tokens of E's prompt come in the
        next step; F waits behind E.""",
    )


def put_aside() -> Picture:
    """Draw a full pool before and after the youngest request is put aside."""
    before = draw.memory(
        [_page("A", 4, 0), _page("B", 4, 1), _page("A", 4, 0), _page("C", 4, 2),
         _page("B", 3, 1), _page("C", 2, 2)],
        slots=4, slot_width=15,
    )  # fmt: skip
    after = draw.memory(
        [_page("A", 4, 0), _page("B", 4, 1), _page("A", 4, 0), _page("A", 1, 0),
         _page("B", 4, 1), draw.FREE_PAGE],
        slots=4, slot_width=15,
    )  # fmt: skip
    line = draw.row(
        draw.box("C waits again", note="all of its 6 tokens to compute", look=THIRD),
        draw.text("its tokens are kept, its keys and values are not", quiet=True),
        gap=18,
    )
    shown = draw.column(
        _named("A has filled its pages and needs one more; none is free", before),
        _named("C, the youngest, is put aside: two pages come free", after),
        line, gap=16,
    )  # fmt: skip
    return draw.picture(
        shown,
        title="Where pages run out, the youngest goes and is computed again",
        note="A came first, then B, then C. The oldest is never put aside, so there is "
        "always one that comes to its end.",
        alt="""A pool of six pages with four places each, twice. Before: A holds two
        full pages, B one full page and one with three tokens, C one full page and one
        with two; no page is free and A needs one. After: C's two pages came free, A
        took one of them and wrote a token into it, B wrote on in its own page, one
        page is free. C waits again, with all of its 6 tokens to compute.""",
    )


def _page(name: str, used: int, color: int):
    return draw.page(name, used, color=color)


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name), piece, gap=8, align="start")
