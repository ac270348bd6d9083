"""A tile is carried from the large, slow memory to the small, fast one, and used."""

from llmlab.show import draw
from llmlab.show.draw import Cell, Look
from llmlab.show.draw.geometry import around
from llmlab.show.draw.layouts import Part, Piece
from llmlab.show.draw.matrices import Matrix
from llmlab.show.figures import Picture

LEFT, RIGHT, SUMS = draw.tint(0), draw.tint(1), draw.tint(2)
SIDE, TILE = 6, 2  # numbers along a matrix, along a tile
SMALL, LARGE = 18, 26  # pixels of a number in memory, above it
SLOT, WORDS, GAP = 118, 58, 56  # pixels of a matrix; between two; between levels
FIRST = {LEFT: 0, RIGHT: TILE, SUMS: TILE}  # the first column of the tile held


def levels() -> Picture:
    """Draw two tiles on their way from the memory to the unit that multiplies."""
    names = {LEFT: "a", RIGHT: "b", SUMS: "c"}
    registers = {look: _grid([[Cell(name, look)]], LARGE)
                 for look, name in names.items()}  # fmt: skip
    cache = {look: _grid([[look] * TILE] * TILE, LARGE) for look in names}
    memory = {look: _grid(_rows(look), SMALL) for look in names}
    rows = (
        _level("registers", "a few numbers", registers, ("×", "added to")),
        _level("cache", "megabytes, fast", cache),
        _level("memory", "gigabytes, slow", memory),
    )
    arrows = [
        joint
        for color, look in enumerate((LEFT, RIGHT))
        for joint in (
            draw.arrow(_held(memory[look], look), cache[look], "loaded", color=color),
            draw.arrow(cache[look], registers[look], f"used {TILE} times", color=color),
        )
    ]
    arrows += [
        draw.arrow(registers[SUMS], cache[SUMS], "summed", color=2),
        draw.arrow(cache[SUMS], _held(memory[SUMS], SUMS), "stored once", color=2),
    ]
    return draw.picture(
        draw.column(*rows, gap=GAP),
        *arrows,
        title="What was carried up is used several times",
        note=f"A product of matrices in tiles of {TILE} × {TILE}. A number that is "
        "loaded is used twice, so half as many are loaded as without tiles. Larger "
        "tiles load less, as long as three of them fit.",
        alt=f"""Three levels, one above the other: at the bottom the memory, gigabytes
        and slow; above it the cache, megabytes and fast; at the top registers, a few
        numbers. In memory lie two factors and their product, {SIDE} by {SIDE} numbers
        each, with a tile of {TILE} by {TILE} coloured in each. The tiles of the two
        factors are loaded into the cache once, and from there each of their numbers
        goes up {TILE} times, where a times b is added to c. The tile of sums stays in
        the cache meanwhile and is stored in memory once.""",
    )


def _level(
    name: str, note: str, pieces: dict[Look, Matrix], signs: tuple[str, str] = ("", "")
) -> Piece:
    """Stand the pieces of a level in three slots, with words between them."""
    words = draw.column(
        draw.text(name, bold=True), draw.text(note, quiet=True),
        draw.space(112), gap=0,
    )  # fmt: skip
    slots: list[Piece] = [words]
    for piece, sign in zip(pieces.values(), ("", *signs), strict=True):
        before = draw.text(sign) if sign else draw.space()
        slots += [_slot(before, WORDS), _slot(piece, SLOT)]
    return draw.row(*slots, gap=0)


def _slot(piece: Piece, width: float) -> Piece:
    return draw.column(piece, draw.space(width), gap=0, align="center")


def _grid(rows, side: float) -> Matrix:
    return draw.matrix(rows, width=side, height=side)


def _rows(look: Look) -> list[list[Look]]:
    """A matrix in memory; its first rows hold the tile, so that arrows run free."""
    held = range(FIRST[look], FIRST[look] + TILE)
    return [
        [look if i < TILE and j in held else draw.FADED for j in range(SIDE)]
        for i in range(SIDE)
    ]


def _held(matrix: Matrix, look: Look) -> Part:
    """Return the tile of a matrix as an end for an arrow."""
    first = FIRST[look]
    corners = [matrix.cell(0, first), matrix.cell(TILE - 1, first + TILE - 1)]
    return Part(matrix, around([each.rect for each in corners]))
