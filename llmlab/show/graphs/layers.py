"""The operators of a layer by stage, before and after fusing, kernels framed."""

import difflib
import itertools
from collections.abc import Sequence
from typing import Any

from llmlab.core import arguments
from llmlab.show import draw, style
from llmlab.show.draw import boxes, pictures
from llmlab.show.draw import words as letters
from llmlab.show.draw.layouts import ROOM, Piece
from llmlab.show.figures import Picture

Kernel = tuple[str, Sequence[str]]  # its stage, and the operators that it runs
GAP, BESIDE = 24, 6  # pixels between both sides; between two boxes
SIDE = (ROOM - GAP) / 2
FRAMED = 2 * boxes.PADDING  # pixels that a frame adds to what is in it
WIDEST = SIDE - FRAMED - 2 * boxes.PADDING  # of the words in a box
DEVICE = "_for_cpu"
CUT = "\N{HORIZONTAL ELLIPSIS}"
ALONE, FUSED, GONE = draw.tint(0), draw.tint(1), draw.tint(3)


@style.by_the_rules
def layer(
    before: Sequence[Any], after: Sequence[Any], *,
    title: str = "A layer, operator by operator", note: str = "",
) -> Picture:  # fmt: skip
    """Draw what a layer starts, by stage, before fusing and after it.

    before, after: kernels in their order, each (stage, operators), such as
    ("attention", ["mm", "mm"]); a single operator may be a text. A kernel of several
    operators is framed. note: a line below. ValueError: no kernels, something else
    among them, more than fit into a picture.
    """
    sides = _kernels("before", before), _kernels("after", after)
    words = "before", "after"
    headings = [
        _wide(draw.text(f"{word}: {_counted(side)}", bold=True))
        for word, side in zip(words, sides, strict=True)
    ]
    stages = dict.fromkeys(stage for side in sides for stage, _ in side)
    gone = {name: _gone(name, sides) for name in stages}
    rows = [draw.row(*headings, gap=GAP)]
    rows += [_stage(name, sides, gone[name]) for name in stages]
    if any(gone.values()):
        rows.append(draw.legend(("stays", ALONE), ("goes", GONE)))
    if any(len(names) > 1 for side in sides for _, names in side):
        rows.append(
            draw.legend(("one operator", ALONE), ("in one kernel with others", FUSED))
        )
    alt = " ".join(_told(word, side) for word, side in zip(words, sides, strict=True))
    sheet = pictures.laid_out(draw.column(*rows, gap=10), (), title, note)
    return pictures.of_data(sheet, alt=alt)


def _kernels(name: str, given: Sequence[Any]) -> list[tuple[str, list[str]]]:
    kernels = []
    for each in given:
        if not isinstance(each, tuple | list) or len(each) != 2 or not each[1]:
            raise ValueError(
                f"{name} holds {arguments.shown(each)}; a kernel is its stage and its "
                'operators, such as ("attention", ["mm", "mm"]).'
            )
        stage, names = each
        kernels.append((str(stage), [names] if isinstance(names, str) else [*names]))
    if not kernels:
        raise ValueError(f"{name}=[] has nothing to draw; give at least one kernel.")
    return kernels


def _gone(stage: str, sides: Sequence[Sequence[Kernel]]) -> set[int]:
    """Return which of the single operators before are there no more, by number.

    Both sides are laid along each other in their order. What went into a kernel of
    several operators is still there; a frame of before says nothing of what it holds.
    """
    before, after = ([n for each, n in side if each == stage] for side in sides)
    numbered = [(number, name) for number, names in enumerate(before) for name in names]
    names = [name for _, name in numbered]
    others = [name for kernel in after for name in kernel]
    matched = difflib.SequenceMatcher(None, names, others, autojunk=False)
    stays = {
        numbered[block.a + k][0]
        for block in matched.get_matching_blocks()
        for k in range(block.size)
    }
    gone = {n for n, kernel in enumerate(before) if len(kernel) == 1} - stays
    marked, first = set(), 0
    for _, run in itertools.groupby(before):  # of equal neighbours the last ones go
        end = first + len(list(run))
        marked |= {*range(end - len(gone.intersection(range(first, end))), end)}
        first = end
    return marked


def _stage(stage: str, sides: Sequence[Sequence[Kernel]], gone: set[int]) -> Piece:
    """Stand what both sides run in a stage beside each other, below its name."""
    parts = []
    for kernels, marked in zip(sides, (gone, set[int]()), strict=True):
        own = [names for each, names in kernels if each == stage]
        lines = _lines(_pieces(own, marked), SIDE)
        parts.append(_wide(*(lines or [draw.text("nothing", quiet=True)])))
    both = draw.row(*parts, gap=GAP, align="start")
    return draw.column(draw.text(stage, quiet=True), both, gap=BESIDE)


def _pieces(kernels: Sequence[Sequence[str]], gone: set[int]) -> list[Piece]:
    """Return a box for each operator that runs alone, a frame for several."""
    pieces: list[Piece] = []
    marked = [(tuple(names), number in gone) for number, names in enumerate(kernels)]
    for (names, goes), count in _runs(marked):
        if len(names) == 1:
            look = GONE if goes else ALONE
            pieces.append(draw.box(_label(names[0], count), look=look))
            continue
        inner = [draw.box(_label(*each), look=FUSED) for each in _runs(names)]
        frame = draw.column(*_lines(inner, SIDE - FRAMED), gap=BESIDE)
        pieces.append(draw.frame(frame, _times("one kernel", count)))
    return pieces


def _lines(pieces: Sequence[Piece], width: float) -> list[Piece]:
    """Stand pieces side by side, in lines no wider than this."""
    lines: list[list[Piece]] = []
    used = width
    for piece in pieces:
        if used + BESIDE + piece.width > width:
            lines.append([])
            used = -BESIDE
        lines[-1].append(piece)
        used += BESIDE + piece.width
    return [draw.row(*line, gap=BESIDE) for line in lines]


def _wide(*pieces: Piece) -> Piece:
    """Give pieces below each other the width of a side."""
    return draw.column(*pieces, draw.space(SIDE), gap=BESIDE)


def _label(name: str, count: int) -> str:
    """Return what is written in a box: of a name that is too long the beginning."""
    label = _times(name, count)
    if letters.width_of(label) > WIDEST:
        name = name.strip("_").removesuffix(DEVICE)  # every operator here is for it
        label = _times(name, count)
    while letters.width_of(label) > WIDEST:
        name = name.removesuffix(CUT)[:-1] + CUT
        label = _times(name, count)
    return label


def _runs(names: Sequence[Any]) -> list[tuple[Any, int]]:
    """Count neighbours that are equal."""
    return [(name, len(list(some))) for name, some in itertools.groupby(names)]


def _times(name: str, count: int) -> str:
    return name if count == 1 else f"{name} × {count}"


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(_times(*run) for run in _runs(names))


def _counted(kernels: Sequence[Kernel]) -> str:
    operators, count = sum(len(names) for _, names in kernels), len(kernels)
    if operators == count:
        return "1 operator" if count == 1 else f"{count} operators"
    word = "1 kernel" if count == 1 else f"{count} kernels"
    return f"{word} for {operators} operators"


def _told(word: str, kernels: Sequence[Kernel]) -> str:
    """Say the kernels of one side, stage by stage."""
    said = [f"{word.capitalize()} fusing {_counted(kernels)}."]
    for stage in dict.fromkeys(stage for stage, _ in kernels):
        own = [names for each, names in kernels if each == stage]
        alone = [name for names in own if len(names) == 1 for name in names]
        parts = [_shortened(alone)] if alone else []
        parts += [
            f"one kernel of {_shortened(names)}" for names in own if len(names) > 1
        ]
        said.append(f"{stage}: {'; '.join(parts)}.")
    return " ".join(said)
