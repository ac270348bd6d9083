"""Spaced repetition flash cards, stored in a SQLite database."""

import contextlib
import datetime
import sqlite3

SCHEMA = """
CREATE TABLE IF NOT EXISTS card (
    id       INTEGER PRIMARY KEY,
    deck     TEXT NOT NULL,
    front    TEXT NOT NULL,
    back     TEXT NOT NULL,
    ease     REAL NOT NULL DEFAULT 2.5,
    interval INTEGER NOT NULL DEFAULT 0,
    due      TEXT NOT NULL,
    UNIQUE (deck, front)
);
CREATE INDEX IF NOT EXISTS card_due ON card (deck, due);
"""

AGAIN, HARD, GOOD, EASY = range(4)
EASE_CHANGE = {AGAIN: -0.20, HARD: -0.15, GOOD: 0.0, EASY: +0.15}
MINIMUM_EASE = 1.3


def next_interval(interval, ease, grade):
    """Return the number of days until the card should be shown again."""
    if grade == AGAIN:
        return 1
    if interval == 0:
        return 4 if grade == EASY else 1
    factor = {HARD: 1.2, GOOD: ease, EASY: ease * 1.3}[grade]
    return max(interval + 1, round(interval * factor))


class CardBox:
    def __init__(self, path=":memory:"):
        self.db = sqlite3.connect(path)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)

    def close(self):
        self.db.close()

    def add(self, deck, front, back, today=None):
        today = today or datetime.date.today()
        with self.db:
            cursor = self.db.execute(
                "INSERT INTO card (deck, front, back, due) VALUES (?, ?, ?, ?)",
                (deck, front, back, today.isoformat()),
            )
        return cursor.lastrowid

    def due(self, deck, today, limit=20):
        return self.db.execute(
            "SELECT * FROM card WHERE deck = ? AND due <= ? ORDER BY due, id LIMIT ?",
            (deck, today.isoformat(), limit),
        ).fetchall()

    def review(self, card_id, grade, today):
        row = self.db.execute(
            "SELECT ease, interval FROM card WHERE id = ?", (card_id,)
        ).fetchone()
        if row is None:
            raise LookupError("no card with id %d" % card_id)
        interval = next_interval(row["interval"], row["ease"], grade)
        ease = max(MINIMUM_EASE, row["ease"] + EASE_CHANGE[grade])
        due = today + datetime.timedelta(days=interval)
        with self.db:
            self.db.execute(
                "UPDATE card SET ease = ?, interval = ?, due = ? WHERE id = ?",
                (ease, interval, due.isoformat(), card_id),
            )
        return due


@contextlib.contextmanager
def open_box(path):
    box = CardBox(path)
    try:
        yield box
    finally:
        box.close()
