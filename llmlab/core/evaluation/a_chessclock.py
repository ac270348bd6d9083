from __future__ import annotations

import enum
import time
from collections.abc import Callable


class Side(enum.Enum):
    WHITE = "white"
    BLACK = "black"

    @property
    def other(self) -> Side:
        return Side.BLACK if self is Side.WHITE else Side.WHITE


class Mode(enum.Enum):
    SUDDEN_DEATH = enum.auto()
    INCREMENT = enum.auto()  # the bonus is added after every move
    DELAY = enum.auto()  # the first seconds of every move are free


class FlagFallen(Exception):
    def __init__(self, side: Side) -> None:
        super().__init__(f"{side.value} has run out of time")
        self.side = side


class ChessClock:
    """A two-sided clock.

    Args:
        seconds: Thinking time for each side.
        bonus: Increment or delay, depending on the mode.
        mode: How the bonus is applied.
        now: Source of monotonic time, replaceable for tests.
    """

    def __init__(
        self,
        seconds: float,
        bonus: float = 0.0,
        mode: Mode = Mode.SUDDEN_DEATH,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.remaining = {Side.WHITE: float(seconds), Side.BLACK: float(seconds)}
        self.moves = {Side.WHITE: 0, Side.BLACK: 0}
        self.bonus = bonus
        self.mode = mode
        self.running: Side | None = None
        self._now = now
        self._started = 0.0

    def start(self, side: Side = Side.WHITE) -> None:
        if self.running is not None:
            raise RuntimeError("the clock is already running")
        self.running = side
        self._started = self._now()

    def press(self) -> Side:
        """End the current move and start the clock of the other side."""
        if self.running is None:
            raise RuntimeError("the clock is not running")
        side = self.running
        left = self.left(side)
        if left <= 0:
            self.remaining[side] = 0.0
            self.running = None
            raise FlagFallen(side)
        if self.mode is Mode.INCREMENT:
            left += self.bonus
        self.remaining[side] = left
        self.moves[side] += 1
        self.running = side.other
        self._started = self._now()
        return self.running

    def left(self, side: Side) -> float:
        """Return the time left for a side, counting the move in progress."""
        if side is not self.running:
            return self.remaining[side]
        used = self._now() - self._started
        if self.mode is Mode.DELAY:
            used = max(0.0, used - self.bonus)
        return self.remaining[side] - used
