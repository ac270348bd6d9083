"""Expansion of repeating calendar entries into concrete dates.

A rule is built from one of the classes below and iterated; the iteration is
endless unless the rule has an ``until`` date.  Use :func:`between` to look at
a single page of the calendar.
"""

from abc import ABC, abstractmethod
from calendar import monthrange
from datetime import date, timedelta
from itertools import dropwhile, takewhile

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = range(7)


class Rule(ABC):
    def __init__(self, start, every=1, until=None, skip=()):
        self.start = start
        self.every = every
        self.until = until
        self.skip = frozenset(skip)

    @abstractmethod
    def candidates(self):
        """Generate all dates in ascending order, without looking at until."""

    def __iter__(self):
        for day in self.candidates():
            if self.until is not None and day > self.until:
                return
            if day >= self.start and day not in self.skip:
                yield day


class Weekly(Rule):
    def __init__(self, start, weekdays=None, **kwargs):
        super().__init__(start, **kwargs)
        self.weekdays = sorted(weekdays or [start.weekday()])

    def candidates(self):
        monday = self.start - timedelta(days=self.start.weekday())
        while True:
            for weekday in self.weekdays:
                yield monday + timedelta(days=weekday)
            monday += timedelta(weeks=self.every)


class MonthlyByWeekday(Rule):
    """For instance the second Tuesday (nth=2) or the last Friday (nth=-1)."""

    def __init__(self, start, weekday, nth, **kwargs):
        super().__init__(start, **kwargs)
        if nth not in (1, 2, 3, 4, -1):
            raise ValueError(f"there is not always a weekday number {nth}")
        self.weekday = weekday
        self.nth = nth

    def candidates(self):
        year, month = self.start.year, self.start.month
        while True:
            first_weekday, length = monthrange(year, month)
            first = 1 + (self.weekday - first_weekday) % 7
            matches = range(first, length + 1, 7)
            index = self.nth if self.nth < 0 else self.nth - 1
            yield date(year, month, matches[index])
            carry, month = divmod(month - 1 + self.every, 12)
            year += carry
            month += 1


def between(rule, first, last):
    """List the dates of a rule from first to last, both included."""
    later = dropwhile(lambda day: day < first, rule)
    return list(takewhile(lambda day: day <= last, later))
