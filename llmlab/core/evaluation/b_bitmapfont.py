# Draws short messages with a tiny 3x5 pixel font.
#
# Each glyph is five numbers, one per row from top to bottom.  The three low
# bits of a row are its pixels, with the most significant bit on the left.

import sys

GLYPH_WIDTH = 3
GLYPH_HEIGHT = 5

FONT = {
    " ": (0, 0, 0, 0, 0),
    "!": (2, 2, 2, 0, 2),
    "-": (0, 0, 7, 0, 0),
    ".": (0, 0, 0, 0, 2),
    ":": (0, 2, 0, 2, 0),
    "0": (7, 5, 5, 5, 7),
    "1": (2, 6, 2, 2, 7),
    "2": (7, 1, 7, 4, 7),
    "3": (7, 1, 3, 1, 7),
    "4": (5, 5, 7, 1, 1),
    "5": (7, 4, 7, 1, 7),
    "6": (7, 4, 7, 5, 7),
    "7": (7, 1, 2, 2, 2),
    "8": (7, 5, 7, 5, 7),
    "9": (7, 5, 7, 1, 7),
    "A": (2, 5, 7, 5, 5),
    "E": (7, 4, 6, 4, 7),
    "H": (5, 5, 7, 5, 5),
    "L": (4, 4, 4, 4, 7),
    "N": (6, 5, 5, 5, 5),
    "O": (2, 5, 5, 5, 2),
    "P": (6, 5, 6, 4, 4),
    "S": (3, 4, 2, 1, 6),
    "T": (7, 2, 2, 2, 2),
}

UNKNOWN = (7, 7, 7, 7, 7)


class Canvas:
    """A rectangle of pixels that are either set or clear."""

    def __init__(self, width, height):
        self.width = width
        self.height = height
        self.pixels = [bytearray(width) for _ in range(height)]

    def plot(self, x, y):
        # Anything outside the canvas is silently clipped.
        if 0 <= x < self.width and 0 <= y < self.height:
            self.pixels[y][x] = 1

    def draw_text(self, x, y, text, spacing=1):
        for char in text.upper():
            rows = FONT.get(char, UNKNOWN)
            for dy, bits in enumerate(rows):
                for dx in range(GLYPH_WIDTH):
                    if bits & (1 << (GLYPH_WIDTH - 1 - dx)):
                        self.plot(x + dx, y + dy)
            x += GLYPH_WIDTH + spacing
        return x

    def to_pbm(self):
        """Encode the canvas as a plain-text portable bitmap."""
        lines = ["P1", "%d %d" % (self.width, self.height)]
        for row in self.pixels:
            lines.append(" ".join(str(bit) for bit in row))
        return "\n".join(lines) + "\n"

    def __str__(self):
        return "\n".join(
            "".join("#" if bit else "." for bit in row) for row in self.pixels
        )


def banner(text):
    canvas = Canvas(len(text) * (GLYPH_WIDTH + 1) + 1, GLYPH_HEIGHT + 2)
    canvas.draw_text(1, 1, text)
    return canvas


if __name__ == "__main__":
    print(banner(" ".join(sys.argv[1:]) or "Open 24-7"))
