"""The two limits of a chip, and a layer that moves along them with its tokens."""

import math
from dataclasses import dataclass

from llmlab.show import draw, style
from llmlab.show.draw import words as letters
from llmlab.show.draw.geometry import Rect
from llmlab.show.draw.layouts import Piece
from llmlab.show.draw.sheet import Sheet
from llmlab.show.figures import Picture

WIDTH, NUMBER = 1024, 4  # inputs and outputs of the linear; bytes of a number
TOKENS = (1, 8, 64, 512)
LOWEST, HIGHEST = 0.25, 512.0  # FLOPs a byte at both ends of the drawing
RIDGE = 12.0  # of the invented chip
LEFT, BELOW, ABOVE = 18, 54, 80  # pixels beside, below and above the plot
HEADROOM = 60  # of the plot, above the roof
RISE = 22  # pixels for a doubling
MEMORY, ARITHMETIC = draw.tint(0), draw.tint(1)
LAYER = style.series(2)


@dataclass(frozen=True, eq=False)
class Roof(Piece):
    """A line that rises to the ridge and is level from there, on doubling axes."""

    width: float = 640
    height: float = 306

    @property
    def _floor(self) -> float:
        return self.height - BELOW

    def at(self, intensity: float) -> tuple[float, float]:
        """Return where the roof lies over an intensity, from the upper left."""
        share = math.log2(intensity / LOWEST) / math.log2(HIGHEST / LOWEST)
        below = max(0.0, math.log2(RIDGE / intensity))
        return LEFT + share * (self.width - LEFT), ABOVE + RISE * below

    def paint(self, sheet: Sheet, x: float, y: float) -> None:
        self._paint_fields(sheet, x, y)
        corners = [self.at(place) for place in (LOWEST, RIDGE, HIGHEST)]
        roof = [(x + right, y + down) for right, down in corners]
        sheet.line(roof, color=style.INK, width=2.4)
        self._paint_axes(sheet, x, y)
        for tokens in TOKENS:
            self._paint_stand(sheet, x, y, tokens)

    def _paint_fields(self, sheet: Sheet, x: float, y: float) -> None:
        """Colour what lies left and right of the ridge, and name it."""
        ridge, high = self.at(RIDGE)[0], ABOVE - HEADROOM
        named = "waits for bytes", "waits for arithmetic"
        limits = "bandwidth × intensity", "peak FLOPs per second"
        starts, ends = (LEFT, ridge), (ridge, self.width)
        for start, end, look, name, limit in zip(
            starts, ends, (MEMORY, ARITHMETIC), named, limits, strict=True
        ):
            room = Rect(x + start, y + high, end - start, self._floor - high)
            sheet.shadow(room, look.fill)
            sheet.write(name, x + start + 14, y + high + 18, align="left", bold=True,
                        fill=look.fill)  # fmt: skip
            sheet.write(limit, x + start + 14, y + high + 40, align="left",
                        size=letters.SMALL, fill=look.fill)  # fmt: skip

    def _paint_axes(self, sheet: Sheet, x: float, y: float) -> None:
        left, floor = x + LEFT, y + self._floor
        sheet.line([(left, floor), (x + self.width, floor)], head=True)
        sheet.line([(left, floor), (left, y + ABOVE - HEADROOM)], head=True)
        sheet.write("FLOPs per second", left, y + 6, align="left")
        sheet.write("arithmetic intensity, FLOPs per byte", x + self.width, floor + 38,
                    align="right")  # fmt: skip
        ridge, top = self.at(RIDGE)
        sheet.line([(x + ridge, y + top), (x + ridge, floor)], dashed=True)
        sheet.write("ridge", x + ridge, floor + 13, size=letters.SMALL)

    def _paint_stand(self, sheet: Sheet, x: float, y: float, tokens: int) -> None:
        """Draw where the layer comes to with so many tokens, down to its intensity."""
        intensity = flops_per_byte(tokens)
        right, down = self.at(intensity)
        floor, fill = self._floor, (MEMORY, ARITHMETIC)[intensity > RIDGE].fill
        sheet.line([(x + right, y + down), (x + right, y + floor)], color=LAYER.color)
        sheet.dot(x + right, y + down, color=LAYER.color, marker=LAYER.marker, size=9)
        words = f"{tokens} token{'s' if tokens > 1 else ''}"
        sheet.write(words, x + right + 10, y + down + 20, align="left", fill=fill)
        sheet.write(f"{intensity:.2g}" if intensity < 100 else f"{intensity:.0f}",
                    x + right, y + floor + 13, size=letters.SMALL)  # fmt: skip


def flops_per_byte(tokens: int) -> float:
    """Return the FLOPs per byte of the linear: its weights are read once."""
    moved = NUMBER * (WIDTH * WIDTH + 2 * tokens * WIDTH)
    return 2 * tokens * WIDTH * WIDTH / moved


def roof() -> Picture:
    """Draw the two limits of a chip and one linear layer under them, by its tokens."""
    return draw.picture(
        Roof(),
        title="The lower of two limits is the roof over a layer",
        note="Triangles: a linear of 1024 inputs and outputs in fp32. With more tokens "
        "each weight that is read is used more often. An invented chip; both axes "
        "double in equal steps. A real run lies on the roof or below it.",
        alt="""A roof over two axes: arithmetic intensity, in FLOPs per byte, to the
        right, and FLOPs per second upward. From the left the roof rises as bandwidth
        times intensity: there a layer waits for bytes. At the ridge it reaches the
        peak of the arithmetic and is level from there: a layer waits for arithmetic.
        A linear layer of 1024 inputs and outputs in fp32 lies under it four times.
        With 1 token, 0.5 FLOPs per byte, it is low on the slope; with 8 tokens, 3.9,
        higher up; with 64 tokens, 28, beyond the ridge; and 512 tokens, 128, come no
        higher than 64: from the ridge on, more tokens bring no more FLOPs a second.""",
    )
