import sqlite3
from contextlib import closing
from datetime import date, timedelta

SCHEMA = """
CREATE TABLE IF NOT EXISTS book (
    id      INTEGER PRIMARY KEY,
    title   TEXT NOT NULL,
    copies  INTEGER NOT NULL DEFAULT 1
);
CREATE TABLE IF NOT EXISTS loan (
    id        INTEGER PRIMARY KEY,
    book_id   INTEGER NOT NULL REFERENCES book(id),
    card      TEXT NOT NULL,
    due       TEXT NOT NULL,
    returned  TEXT
);
"""

LOAN_DAYS = 21
FINE_PER_DAY = 15  # cents


class LoanError(Exception):
    pass


class Library:
    def __init__(self, path=":memory:"):
        self.db = sqlite3.connect(path)
        self.db.executescript(SCHEMA)

    def close(self):
        self.db.close()

    def add_book(self, title, copies=1):
        with self.db:
            cursor = self.db.execute(
                "INSERT INTO book (title, copies) VALUES (?, ?)", (title, copies)
            )
        return cursor.lastrowid

    def available(self, book_id):
        row = self.db.execute(
            "SELECT copies FROM book WHERE id = ?", (book_id,)
        ).fetchone()
        if row is None:
            raise LoanError(f"no such book: {book_id}")
        (out,) = self.db.execute(
            "SELECT COUNT(*) FROM loan WHERE book_id = ? AND returned IS NULL",
            (book_id,),
        ).fetchone()
        return row[0] - out

    def lend(self, book_id, card, today):
        if self.available(book_id) < 1:
            raise LoanError(f"all copies of book {book_id} are on loan")
        due = today + timedelta(days=LOAN_DAYS)
        with self.db:
            cursor = self.db.execute(
                "INSERT INTO loan (book_id, card, due) VALUES (?, ?, ?)",
                (book_id, card, due.isoformat()),
            )
        return cursor.lastrowid

    def give_back(self, loan_id, today):
        """Close a loan and return the fine in cents."""
        row = self.db.execute(
            "SELECT due, returned FROM loan WHERE id = ?", (loan_id,)
        ).fetchone()
        if row is None or row[1] is not None:
            raise LoanError(f"loan {loan_id} is not open")
        with self.db:
            self.db.execute(
                "UPDATE loan SET returned = ? WHERE id = ?",
                (today.isoformat(), loan_id),
            )
        late = (today - date.fromisoformat(row[0])).days
        return max(late, 0) * FINE_PER_DAY


if __name__ == "__main__":
    with closing(Library()) as library:
        book = library.add_book("A Field Guide to Lichens", copies=2)
        loan = library.lend(book, "C-1007", date(2023, 3, 1))
        print("fine:", library.give_back(loan, date(2023, 3, 30)))
