"""Drawings of lab 7: the ideas behind its exercises. Nothing in them is measured.

kept      keys and values of old tokens stay, and a step computes one row
pages     a row's page table says where its tokens lie in memory
tree      prompts that begin alike share pages, as a tree
answers   what a request may meet before the model has to work
"""

import itertools
from collections.abc import Sequence

from llmlab.show import draw, style
from llmlab.show.draw import Cell, Look
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

KEPT, NEW, OTHER, QUIET = draw.tint(0), draw.tint(1), draw.tint(2), draw.FADED
OUTCOMES = (
    "its stored answer",
    "the answer to that text",
    "the model reads only the rest",
)
BARE = Look(edge=style.CARD)  # words without a box
TOKENS = ("def", "add", "(", "a", ",")
WIDE, HIGH = 158, 54  # pixels of a station
SIZE = 4  # tokens of a page
TABLES = {"A": ((2, 4), 6), "B": ((6,), 3)}  # pages of a row, its tokens
BEFORE = 209, 90  # pixels left of the tables


def kept() -> Picture:
    """Draw keys and values of five tokens, read again and kept."""
    again = _projections([NEW] * len(TOKENS))
    cached = _projections([KEPT] * (len(TOKENS) - 1) + [NEW])
    both = draw.row(
        _named("reading again", again), _named("with a cache", cached), gap=72
    )
    return draw.picture(
        draw.column(both, draw.legend(("computed in this step", NEW),
                                      ("kept from earlier steps", KEPT)), gap=16),
        title="Keys and values of old tokens do not change, so they can stay",
        note="Each token asks with a query of its own, once. So queries are not kept.",
        alt=f"""Keys and values of {len(TOKENS)} tokens, a row for each token, twice.
        Where everything is read again, all {len(TOKENS)} rows are computed in a step.
        With a cache, the {len(TOKENS) - 1} rows of the old tokens are kept from
        earlier steps and only the row of the newest token is computed.""",
    )  # fmt: skip


def _projections(looks: Sequence[Look]) -> Piece:
    columns = [
        _named(name, draw.matrix([[look] for look in looks], width=74, height=24))
        for name in ("keys", "values")
    ]
    words = draw.matrix([[Cell(token, BARE)] for token in TOKENS], width=44, height=24)
    return draw.row(words, *columns, gap=6, align="end")


def pages() -> Picture:
    """Draw two texts, their page tables, and the pages of memory they point to."""
    memory = draw.memory(
        [draw.page("0", SIZE, color=4), *(_page(number) for number in range(1, 7))],
        slots=SIZE, slot_width=19,
    )  # fmt: skip
    tables = {
        name: draw.matrix([list(map(str, own))], width=34, height=28)
        for name, (own, _) in TABLES.items()
    }
    texts = [
        draw.column(
            draw.text(f"text {name}, {count} tokens", width=146, align="center"),
            tables[name], gap=6, align="center",
        )
        for name, (_, count) in TABLES.items()
    ]  # fmt: skip
    (first, second), (left, right) = texts, BEFORE
    arrows = [
        draw.arrow(_cell(tables[name], place), memory.page(page), color=color)
        for color, (name, (own, _)) in enumerate(TABLES.items())
        for place, page in enumerate(own)
    ]
    # Each table stands above its pages, so that no arrow crosses another.
    texts_row = draw.row(draw.space(left), first, draw.space(right), second, gap=8)
    legend = draw.legend(
        ("text A", KEPT), ("text B", NEW), ("place unused", draw.WASTED),
        ("free page", draw.FREE),
    )  # fmt: skip
    shown = draw.column(draw.column(texts_row, memory, gap=70), legend, gap=24)
    return draw.picture(
        shown,
        *arrows,
        title="A page table says where the tokens of a text lie",
        note=f"Pages of {SIZE} tokens, their numbers below. Page 0 holds zeros and is "
        "never handed out. At most the last page of a text has places unused.",
        alt=f"""Two texts with their page tables, above a strip of memory of seven pages
        with {SIZE} places each. The table of text A, of 6 tokens, says 2 and 4: its
        first four tokens lie in page 2, the other two in page 4. The table of text B,
        of 3 tokens, says 6. Page 0 is reserved and holds zeros; pages 1, 3 and 5 are
        free.""",
    )


def _page(number: int):
    for color, (own, count) in enumerate(TABLES.values()):
        if number in own:
            used = min(SIZE, count - SIZE * own.index(number))
            return draw.page("AB"[color], used, color=color)
    return draw.FREE_PAGE


def _cell(table: Matrix, place: int) -> Part:
    return table.cell(0, place)


def tree() -> Picture:
    """Draw pages of chats as a tree whose first pages are shared."""
    header = [_node(f"page {number}", "instructions", KEPT) for number in (1, 2)]
    anna = [_node("page 3", "Anna asks", NEW), _node("page 6", "the answer", NEW)]
    ben = [_node("page 4", "Ben asks", OTHER), _node("page 5", "asks on", OTHER)]
    chats = draw.column(draw.row(*anna, gap=44), draw.row(*ben, gap=44), gap=26)
    return draw.picture(
        draw.row(*header, chats, gap=44),
        draw.arrow(header[0], header[1]),
        draw.arrow(header[1], anna[0]),
        draw.arrow(header[1], ben[0]),
        draw.arrow(anna[0], anna[1]),
        draw.arrow(ben[0], ben[1]),
        title="Prompts that begin alike share the pages of their beginning",
        note="A page is found by its tokens and by all that comes before it: the way "
        "from the left. Whole pages only, so nobody writes into a shared one.",
        alt="""A tree of pages, from left to right. Pages 1 and 2 hold the instructions
        that every chat begins with. Behind page 2 the tree parts: page 3 with Anna's
        question leads to page 6 with the answer, page 4 with Ben's question leads
        to page 5. Both chats share pages 1 and 2.""",
    )


def _node(label: str, note: str, look: Look) -> Piece:
    return draw.box(label, note=note, look=look, width=104)


def answers() -> Picture:
    """Draw the caches that a request passes before the model works."""
    asked = {"same request?": KEPT, "similar text?": OTHER, "same beginning?": NEW}
    names = ("exact cache", "semantic cache", "prefix cache")
    steps = [
        draw.box(question, note=name, look=look, width=WIDE, height=HIGH)
        for (question, look), name in zip(asked.items(), names, strict=True)
    ]
    model = draw.box("model", width=84, height=HIGH)
    below = [
        draw.box(answer, look=QUIET, width=WIDE, height=HIGH) for answer in OUTCOMES
    ]
    columns = [
        draw.column(step, low, gap=52, align="center")
        for step, low in zip(steps, below, strict=True)
    ]
    ends = draw.column(model, draw.space(84, 52 + HIGH), gap=0)
    path = [*steps, model]
    return draw.picture(
        draw.row(*columns, ends, gap=38),
        *(draw.arrow(a, b, "no") for a, b in itertools.pairwise(path)),
        *(draw.arrow(a, b, "yes") for a, b in zip(steps, below, strict=True)),
        title="The earlier a request is answered, the less is computed",
        note="An exact cache and a prefix cache change no token. A semantic cache may "
        "hand out the answer to another question.",
        alt="""A request passes four stations from left to right. The exact cache asks:
        the same request? Then its stored answer is returned. The semantic cache asks:
        a similar text? Then the answer to that other text is returned, which may be
        wrong. The prefix cache asks: the same beginning? Then the model reads only the
        rest. If all say no, the model reads and writes everything.""",
    )


def _named(name: str, piece: Piece) -> Piece:
    return draw.column(draw.text(name), piece, gap=9, align="center")
