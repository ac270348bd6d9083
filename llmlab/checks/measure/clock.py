"""A clock for checks: it moves only while a token is awaited, so answers are exact."""

from collections.abc import Iterator


class Clock:
    """Call it to look at the time, in seconds; `looks` counts how often that was."""

    def __init__(self):
        self.now, self.looks = 1000.0, 0

    def __call__(self) -> float:
        self.looks += 1
        return self.now

    def stream(self, waits: list[float]) -> Iterator[int]:
        """Yield tokens, each after its seconds; hanging up takes 8 more, for none."""
        for token, wait in enumerate(waits):
            self.now += wait
            yield token
        self.now += 8.0
