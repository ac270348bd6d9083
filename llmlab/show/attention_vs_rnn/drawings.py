"""Drawings of lab 2: the ideas behind its exercises. Nothing in them is measured.

causal     scores under a mask, shared out, times the values
heads      queries, keys and values cut into heads, joined again
lstm       a step of an LSTM: what its four gates decide
distance   how a gradient comes back: through every step, or at once
joining    two steps of a linear recurrence are one step of the same kind
doubling   a scan by doubling: in every round a state reaches twice as far
"""

from itertools import pairwise

from llmlab.show import draw
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

WORDS = ("def", "f", "(", "x", ")")
SHARES = (  # of a value, by row; a row adds up to 1
    (1.0,),
    (0.3, 0.7),
    (0.5, 0.2, 0.3),
    (0.1, 0.6, 0.1, 0.2),
    (0.4, 0.1, 0.1, 0.3, 0.1),
)
TOKENS = 8  # of the scan
STEP, ROUND = 64, 34  # pixels: of a token across, between the rounds


def causal() -> Picture:
    """Draw causal attention as a product of matrices: shares times values."""
    rows = [
        [draw.Cell(f"{share:.1f}", draw.shade(0.75 * share)) for share in row]
        + [None] * (len(WORDS) - len(row))
        for row in SHARES
    ]
    weights = draw.matrix(
        rows, row_labels=WORDS, column_labels=WORDS, row_letter="T",
        column_letter="S", outlined_rows=[3], width=38,
    )  # fmt: skip
    values = draw.matrix(
        [[draw.tint(1)] * 3 for _ in WORDS], row_letter="S", column_letter="H"
    )
    mixed = draw.matrix(
        [[draw.tint(2)] * 3 for _ in WORDS], column_letter="H", outlined_rows=[3]
    )
    return draw.picture(
        draw.row(
            draw.column(weights, draw.text("shares: softmax of the scores"), gap=8),
            _sign("×"),
            draw.column(values, draw.text("values"), gap=8, align="center"),
            _sign("="),
            draw.column(mixed, draw.text("mixture"), gap=8, align="center"),
            gap=14,
            align="end",
        ),
        title="Every token asks those before it, and itself",
        note="Row x is outlined: it takes a tenth of the value of def, six tenths of "
        "that of f, and so on. What comes later has a score of minus infinity, so its "
        "share is 0 and the field stays empty.",
        alt="A square of shares, a row for each token that asks and a column for each "
        "token that is asked. Above the diagonal it is empty, and every row adds up to "
        "1. Multiplied by the values, a row of shares gives a mixture of the values of "
        "the tokens so far.",
    )


def _sign(word: str) -> Piece:
    """Return a sign that stands half as high as the matrices beside it."""
    return draw.column(draw.text(word), draw.space(height=76))


def heads() -> Picture:
    """Draw how three heads are cut out of one product, and joined again."""
    looks = [draw.tint(color) for color in (0, 1, 2)]
    cells = [look for look in looks for _ in range(2)]

    def part() -> Matrix:
        return draw.matrix([cells] * 3, width=20, height=20)

    cut = [part() for _ in range(3)]
    named = [
        draw.column(draw.text(word), one, gap=6, align="center")
        for word, one in zip(("queries", "keys", "values"), cut, strict=True)
    ]
    own = [
        draw.box(f"head {index}", note="attends", look=look)
        for index, look in enumerate(looks)
    ]
    joined = draw.column(part(), draw.text("joined (T, D)"), gap=6, align="center")
    product = draw.box("x @ inputs.T", note="(T, 3 D)")
    output = draw.box("@ output.T", note="(T, D)")
    parts = draw.frame(draw.column(*named, gap=12, align="center"), "cut in three")
    several = draw.frame(draw.column(*own, gap=22), "three heads")
    return draw.picture(
        draw.row(product, parts, several, joined, output, gap=19),
        draw.arrow(product, parts),
        draw.arrow(parts, several),
        draw.arrow(several, joined),
        draw.arrow(joined, output),
        title="Several heads: neighbouring columns of one product",
        note="T = 3 tokens, D = 6 columns, three heads of H = 2. A head sees its own "
        "columns of queries, keys and values, in the same colour, and no others.",
        alt="One product gives queries, keys and values side by side. Each is cut into "
        "three heads of two neighbouring columns. Every head attends with its own "
        "columns, the results are joined in the same order, and one more product "
        "mixes them.",
    )


def lstm() -> Picture:
    """Draw a step of an LSTM: two states, and what four gates do to them."""
    wide, narrow, gap = 124, 108, 20
    cell = draw.box("cell", look=draw.tint(1), width=narrow)
    keep = draw.box("f × cell", note="forget: keep", width=wide)
    add = draw.box("+ i × g", note="input: add", width=wide)
    new = draw.box("new cell", look=draw.tint(1), width=wide)
    show = draw.box("tanh(new cell)", note="output: × o", width=wide)
    hidden = draw.box("new hidden", look=draw.tint(0), width=narrow)
    seen = draw.box("x, hidden", look=draw.tint(0), width=narrow)
    gates = draw.box(
        "i  f  g  o", note="one sum of products, cut in four", width=3 * wide + 2 * gap
    )
    left = draw.space(width=narrow + 2 * (wide + gap))  # what show stands right of
    return draw.picture(
        draw.column(
            draw.row(cell, keep, add, new, gap=gap),
            draw.row(left, show, hidden, gap=gap),
            draw.row(seen, gates, gap=gap),
            gap=34,
        ),
        draw.arrow(cell, keep), draw.arrow(keep, add), draw.arrow(add, new),
        draw.arrow(new, show), draw.arrow(show, hidden), draw.arrow(seen, gates),
        draw.arrow(gates, keep, "f"), draw.arrow(gates, add, "i, g"),
        draw.arrow(gates, show, "o"),
        title="A step of an LSTM: the cell is only scaled and added to",
        note="i, f and o are sigmoids, between 0 and 1; g is a tanh, what could be "
        "added. The sum is x @ weight_ih.T + hidden @ weight_hh.T + bias.",
        alt="Above, the old cell is multiplied by the forget gate f, then the input "
        "gate i times the candidate g is added, which gives the new cell. The new "
        "hidden state is the output gate o times the tanh of the new cell. Below, one "
        "sum of products of the token and the hidden state is cut into the four; an "
        "arrow leads from it to where each is used.",
    )  # fmt: skip


def distance() -> Picture:
    """Draw how the last output's gradient reaches a token five steps back."""
    words = ("cue", "2", "3", "4", "5", "last")
    states = [draw.box(word, look=draw.tint(0), width=58) for word in words]
    chain = [draw.arrow(later, earlier, "× 0.6") for earlier, later in pairwise(states)]
    asked = [draw.box(word, look=draw.tint(1), width=58) for word in words]
    last = draw.box("output of the last token", width=6 * 58 + 5 * 46)
    direct = [draw.arrow(last, one) for one in asked]
    return draw.picture(
        draw.column(
            draw.text("recurrence: back through every step"),
            draw.row(*states, gap=46),
            draw.space(height=10),
            draw.text("attention: back to every token at once"),
            draw.row(*asked, gap=46),
            draw.space(height=12),
            last,
            gap=12,
        ),
        *chain, *direct,
        title="How a gradient comes back to the cue",
        note="0.6 is an example. Five steps leave 0.6⁵ = 0.08 of the gradient, forty "
        "leave 0.6⁴⁰, about a billionth.",
        alt="Above, six states in a chain: the gradient goes from the last to the cue "
        "through all of them, and each step multiplies it by 0.6. Below, the output of "
        "the last token has an arrow of its own to every token, the cue too.",
    )  # fmt: skip


def joining() -> Picture:
    """Draw how two steps of a linear recurrence become one."""
    before, between, after = (
        draw.box(word, look=draw.tint(0), width=84) for word in ("h[0]", "h[1]", "h[2]")
    )
    start, end = (
        draw.box(word, look=draw.tint(0), width=84) for word in ("h[0]", "h[2]")
    )
    first = draw.box("× a[1]  + b[1]", width=128)
    second = draw.box("× a[2]  + b[2]", width=128)
    both = draw.box("× a[2] a[1]   + (a[2] b[1] + b[2])", width=384)
    return draw.picture(
        draw.column(
            draw.row(before, first, between, second, after, gap=22),
            draw.row(start, both, end, gap=22),
            gap=34,
        ),
        draw.arrow(before, first), draw.arrow(first, between),
        draw.arrow(between, second), draw.arrow(second, after),
        draw.arrow(start, both), draw.arrow(both, end),
        title="Two steps in a row are one step of the same kind",
        note="a is the decay, b what is new. The joined step has a decay and something "
        "new of its own, so it can be joined again.",
        alt="h[0] times a[1] plus b[1] gives h[1]; that times a[2] plus b[2] gives "
        "h[2]. Below, one step leads from h[0] to h[2]: times a[2] a[1], plus a[2] "
        "b[1] + b[2].",
    )  # fmt: skip


def doubling() -> Picture:
    """Draw a scan by doubling over eight tokens."""
    spans = [1, 2, 4]
    rounds = [_reach(1)] + [_reach(2 * span) for span in spans]
    names = ["at first"] + [f"span {span}" for span in spans]
    joints = [
        draw.arrow(_edge(upper, place - span, top=False), _edge(lower, place, top=True))
        for span, (upper, lower) in zip(spans, pairwise(rounds), strict=True)
        for place in range(span, TOKENS)
    ]
    lines = [
        draw.row(draw.text(name, width=70), one, gap=10)
        for name, one in zip(names, rounds, strict=True)
    ]
    return draw.picture(
        draw.column(*lines, gap=ROUND),
        *joints,
        title="A scan by doubling: three rounds for eight tokens",
        note="A field names the tokens that its step joins. In a round every field is "
        "joined with the one a span before it, all at the same time; green ones reach "
        "back to the first token and are done.",
        alt="Eight fields in four lines. At first each holds its own token. After a "
        "round with span 1 each joins two tokens, after span 2 four, after span 4 all "
        "from the first to its own. Arrows lead from the field a span before.",
    )


def _reach(tokens: int) -> Matrix:
    """Return a line of fields, each joined over so many tokens."""
    cells = []
    for place in range(1, TOKENS + 1):
        begin = max(1, place - tokens + 1)
        word = f"{begin}–{place}" if begin < place else f"{place}"
        cells.append(draw.Cell(word, draw.tint(2 if begin == 1 else 0)))
    return draw.matrix([cells], width=STEP - 12, gap=12)


def _edge(line: Matrix, place: int, *, top: bool) -> Part:
    """Return the middle of the upper or lower edge of a field."""
    rect = line.cell(0, place).rect
    y = rect.y - 4 if top else rect.bottom + 1
    return Part(line, Rect(rect.middle[0] - 1, y, 2, 0))
