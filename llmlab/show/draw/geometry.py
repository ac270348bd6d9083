"""Rectangles in pixels of the page: x to the right, y downward from the top."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rect:
    """A rectangle by its upper left corner and its size."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + self.width / 2, self.y + self.height / 2

    def moved(self, x: float, y: float) -> "Rect":
        """Return the same rectangle, shifted."""
        return Rect(self.x + x, self.y + y, self.width, self.height)

    def grown(self, by: float) -> "Rect":
        """Return a rectangle larger by so much on all four sides."""
        return Rect(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)

    def holds(self, other: "Rect") -> bool:
        """Say whether the other lies inside, edges included."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def meets(self, other: "Rect") -> bool:
        """Say whether the two share some area."""
        return (
            self.x < other.right
            and other.x < self.right
            and self.y < other.bottom
            and other.y < self.bottom
        )


def around(rects: list[Rect]) -> Rect:
    """Return the smallest rectangle that holds all of them."""
    x, y = min(each.x for each in rects), min(each.y for each in rects)
    right, bottom = max(each.right for each in rects), max(e.bottom for e in rects)
    return Rect(x, y, right - x, bottom - y)
