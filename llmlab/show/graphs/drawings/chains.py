"""A chain of operators: what goes out to memory and back, and what one kernel keeps."""

from collections.abc import Sequence

from llmlab.show import draw
from llmlab.show.draw import Cell
from llmlab.show.draw.arrows import Arrow
from llmlab.show.draw.geometry import around
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

# y = relu(a * b + c): what each operator reads, and what it writes.
CHAIN = (("multiply", "ab", "t"), ("add", "tc", "u"), ("relu", "u", "y"))
KEPT = {"t", "u"}  # made and used inside of the one kernel
GIVEN, BETWEEN, RESULT = draw.tint(0), draw.tint(1), draw.tint(2)
LOOKS = {"a": GIVEN, "b": GIVEN, "c": GIVEN, "t": BETWEEN, "u": BETWEEN, "y": RESULT}
SIDE, RISE = 40, 52  # pixels of a tensor; between memory and an operator
Moves = tuple[str, str]  # tensors read and written


def chain() -> Picture:
    """Draw three operators on their way to memory, and one kernel that is all three."""
    read = "".join(dict.fromkeys(name for _, names, _ in CHAIN for name in names
                                 if name not in KEPT))  # fmt: skip
    apart = [_kernel(name, (reads, writes)) for name, reads, writes in CHAIN]
    one = _kernel("all three at once", (read, CHAIN[-1][2]), note="keeps t and u")
    moved = sum(len(reads) + len(writes) for _, reads, writes in CHAIN), len(read) + 1
    left = _side("three operators, three kernels", [each for each, _ in apart],
                 f"{moved[0]} tensors moved")  # fmt: skip
    right = _side("one kernel", [one[0]], f"{moved[1]} tensors moved")
    arrows = [arrow for _, some in (*apart, one) for arrow in some]
    return draw.picture(
        draw.column(
            draw.row(left, right, gap=44, align="start"),
            draw.legend(("given", GIVEN), ("in between", BETWEEN), ("result", RESULT)),
            gap=22,
        ),
        *arrows,
        title="What one kernel makes and uses itself never goes to memory",
        note="y = relu(a · b + c), all tensors of one size. A tensor of n values in "
        "fp32 is 4 · n bytes each time that it is read or written. The arithmetic is "
        "the same on both sides.",
        alt=f"""The chain y = relu(a times b plus c), twice. Left, three operators with
        the memory below them: multiply reads a and b and writes t; add reads t and c
        and writes u; relu reads u and writes y. That is {moved[0]} tensors moved.
        Right, one kernel does all three: it reads a, b and c once and writes y, and
        keeps t and u to itself. That is {moved[1]} tensors moved, for the same
        arithmetic.""",
    )  # fmt: skip


def _kernel(name: str, moves: Moves, *, note: str = "") -> tuple[Piece, list[Arrow]]:
    """Return a box over its tensors in memory, and arrows up from them and down."""
    reads, writes = moves
    cells = [Cell(each, LOOKS[each]) for each in reads + writes]
    memory = draw.matrix([cells], width=SIDE, height=SIDE - 8)
    width = SIDE * len(cells) + 2 * (len(cells) - 1)
    box = draw.box(name, note=note, width=max(width, 86), height=52)
    piece = draw.column(box, draw.space(0, RISE), memory, gap=0, align="center")
    arrows = [draw.arrow(memory.cell(0, j), _over(box, memory, j))
              for j in range(len(reads))]  # fmt: skip
    last = len(cells) - 1
    arrows.append(draw.arrow(_over(box, memory, last), memory.cell(0, last), color=2))
    return piece, arrows


def _over(box: Piece, memory: Matrix, column: int) -> Part:
    """Return the stretch of a box that lies over a tensor."""
    left = (box.width - memory.width) / 2
    rect = memory.cell(0, column).rect
    below = type(rect)(rect.x + left, 0, rect.width, box.height)
    return Part(box, around([below]))


def _side(heading: str, kernels: Sequence[Piece], below: str) -> Piece:
    """Stand kernels side by side between a heading and what they move."""
    row = draw.row(*kernels, gap=18, align="end")
    floor = draw.box("memory", width=row.width, look=draw.FADED)
    total = draw.text(below, bold=True)
    return draw.column(draw.text(heading), row, floor, total, gap=10)
