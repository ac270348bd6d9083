"""Sentences on caches get the verdict that the measurements give them."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from llmlab.caching import quantities as q
from llmlab.caching.experiments import claims
from llmlab.core import records
from llmlab.measure.claims import FAILS, HOLDS, OPEN, PARTLY


def fact(what, value, *, low=None, high=None, **details):
    return records.measured(what, value, low=low, high=high, details=details)


@dataclass
class Measured:
    """What the experiments of the lab found, in the fewest numbers."""

    one_token: float = 1.0
    wasted: float = 0.02
    wide: float = 0.17
    pages: tuple = ("slower", "slower")
    int8: tuple = (0.0, -0.0005, 0.0005)
    sinks: tuple = (-0.01, -0.01)  # low ends
    sooner: tuple = ("faster", "no significant difference")
    stale: tuple = (0.8, 0.0)  # without and with the weights in the key
    wrong: float = 0.8

    def claims(self):
        return claims(
            reading=SimpleNamespace(ratio=self._reading),
            waste=SimpleNamespace(wasted=self._wasted),
            pages=SimpleNamespace(ratio=self._pages),
            bits=SimpleNamespace(lost=self._lost),
            windows=SimpleNamespace(without_sinks=self._sinks, lost=self._window),
            prefixes=SimpleNamespace(ratio=self._sooner),
            answers=SimpleNamespace(stale=self._stale),
            similar=SimpleNamespace(served=self._served, wrong=self._wrong),
        )

    def _reading(self, tokens):
        value = self.one_token if tokens == 1 else 7.0
        return fact(q.CACHE_SPEED_UP, value, low=0.9 * value, high=1.1 * value)

    def _wasted(self, page_size):
        wasted = {None: 0.7, 16: self.wasted, 128: self.wide}
        return fact(q.WASTED, wasted[page_size])

    def _pages(self, name, *, rows):
        assert name == "package"
        return fact(q.TIMES_AS_LONG, 1.3, verdict=self.pages[rows == 8])

    def _lost(self, bits):
        value, low, high = self.int8 if bits == 8 else (0.005, 0.004, 0.006)
        return fact(q.CACHE_LOSS, value, low=low, high=high, bits=bits)

    def _sinks(self, window):
        low = self.sinks[window == 256]
        return fact(q.CACHE_LOSS, 0.02, low=low, high=0.05, window=window)

    def _window(self, window, sinks):
        return fact(q.CACHE_LOSS, 0.19, window=window, sinks=sinks)

    def _sooner(self, trace):
        return fact(q.TIMES_SOONER, 5, verdict=self.sooner[trace == "independent"])

    def _stale(self, key):
        return fact(q.STALE, self.stale[key == "key with the weights"])

    def _served(self, threshold):
        return fact(q.SERVED, 0.9, threshold=threshold)

    def _wrong(self, threshold):
        return fact(q.WRONG, self.wrong, threshold=threshold)


@pytest.mark.parametrize(
    ("start", "measured", "verdict"),
    [
        ("a cache makes", Measured(), PARTLY),
        ("a cache makes", Measured(one_token=2.0), HOLDS),
        ("paging wastes", Measured(), PARTLY),
        ("paging wastes", Measured(wide=0.03), HOLDS),
        ("paging wastes", Measured(wasted=0.05), FAILS),
        ("pages cost", Measured(), FAILS),
        ("pages cost", Measured(pages=("faster", "slower")), PARTLY),
        ("pages cost", Measured(pages=("no significant difference",) * 2), HOLDS),
        ("int8 caches", Measured(), HOLDS),
        ("int8 caches", Measured(int8=(0.0005, -0.001, 0.002)), OPEN),
        ("int8 caches", Measured(int8=(0.003, 0.002, 0.004)), FAILS),
        ("attention sinks", Measured(), FAILS),
        ("attention sinks", Measured(sinks=(0.01, -0.01)), PARTLY),
        ("attention sinks", Measured(sinks=(0.01, 0.01)), HOLDS),
        ("prefix caching", Measured(), PARTLY),
        ("prefix caching", Measured(sooner=("faster", "faster")), HOLDS),
        ("prefix caching", Measured(sooner=("slower", "slower")), FAILS),
        ("an exact cache", Measured(), PARTLY),
        ("an exact cache", Measured(stale=(0.0, 0.0)), HOLDS),
        ("an exact cache", Measured(stale=(0.8, 0.1)), FAILS),
        ("similar questions", Measured(), FAILS),
        ("similar questions", Measured(wrong=0.01), HOLDS),
    ],
)
def test_a_verdict_follows_from_what_was_measured(start, measured, verdict):
    assert measured.claims().verdict(start) == verdict


def test_a_claim_says_what_was_measured():
    said = {row.claim: row.measured for row in Measured().claims().rows}
    assert said["paging wastes under 4 % of the memory"] == (
        "pages of 16 waste 2.0 %, pages of 128 waste 17.0 %, one piece 70.0 %"
    )
    assert len(said) == 8
