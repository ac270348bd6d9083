"""Finds the passages that two texts share, however much text there is."""

import numpy as np

RUN = 60  # tokens, and so at least as many bytes


class Search:
    """Finds runs of 60 bytes or more that another text shares with this one.

    Such a run holds six whole words of 8 bytes wherever it begins, so it is enough to
    look at every eighth byte of the other text.
    """

    WORDS = 6
    BASE = np.uint64(0x9E3779B97F4A7C15)

    def __init__(self, own: bytes):
        self.own = own
        every = [self._hashes(own[offset:]) for offset in range(8)]
        self.wanted = np.unique(np.concatenate(every))
        self.sieve = np.zeros(1 << 22, bool)
        self.sieve[self.wanted >> np.uint64(42)] = True

    def runs(self, data: bytes) -> set[bytes]:
        """Return every such run of the text, as far as it goes."""
        hashes = self._hashes(data)
        maybe = np.flatnonzero(self.sieve[hashes >> np.uint64(42)])
        places = np.searchsorted(self.wanted, hashes[maybe])
        same = self.wanted[places % len(self.wanted)] == hashes[maybe]
        found = maybe[same] * 8
        runs = {run for start in found for run in self._around(data, int(start))}
        return {run for run in runs if len(run) >= RUN}

    def _hashes(self, data: bytes) -> np.ndarray:
        words = np.frombuffer(data[: len(data) // 8 * 8], np.uint64)
        total = np.zeros(max(0, len(words) - self.WORDS + 1), np.uint64)
        with np.errstate(over="ignore"):
            for place in range(self.WORDS):
                total = total * self.BASE + words[place : place + len(total)]
        return total

    def _around(self, data: bytes, start: int):
        window = data[start : start + 8 * self.WORDS]
        if len(set(window)) < 4:
            return  # a ruler or an indent, which is few tokens, and stands everywhere
        place = self.own.find(window)
        while place >= 0:
            back = _alike(reversed(data[:start]), reversed(self.own[:place]))
            on = _alike(data[start:], self.own[place:])
            yield data[start - back : start + on]
            place = self.own.find(window, place + 1)


def _alike(one, other) -> int:
    """Count the bytes at the beginning that are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), 0)
