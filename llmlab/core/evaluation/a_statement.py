"""Import bank statements from CSV files.

Every bank has its own column names, date format and decimal mark, which are
described by a profile. All rows end up as `Transaction` records.
"""

import csv
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import NamedTuple, TextIO


class Transaction(NamedTuple):
    booked: date
    payee: str
    amount: Decimal


class ImportProblem(Exception):
    def __init__(self, line: int, message: str):
        super().__init__(f"line {line}: {message}")
        self.line = line


PROFILES = {
    "north": {
        "delimiter": ";",
        "date": "Buchungstag",
        "payee": "Empfänger",
        "amount": "Betrag",
        "date_format": "%d.%m.%Y",
        "decimal": ",",
    },
    "coast": {
        "delimiter": ",",
        "date": "Date",
        "payee": "Description",
        "amount": "Amount",
        "date_format": "%m/%d/%Y",
        "decimal": ".",
    },
}


def parse_amount(text: str, decimal: str) -> Decimal:
    thousands = "." if decimal == "," else ","
    text = text.strip().replace(thousands, "").replace(decimal, ".")
    return Decimal(text)


def read_transactions(stream: TextIO, profile_name: str) -> Iterator[Transaction]:
    profile = PROFILES[profile_name]
    reader = csv.DictReader(stream, delimiter=profile["delimiter"])
    wanted = {profile["date"], profile["payee"], profile["amount"]}
    missing = wanted - set(reader.fieldnames or ())
    if missing:
        raise ImportProblem(1, "missing columns: " + ", ".join(sorted(missing)))
    for row in reader:
        try:
            booked = datetime.strptime(
                row[profile["date"]], profile["date_format"]
            ).date()
            amount = parse_amount(row[profile["amount"]], profile["decimal"])
        except (ValueError, InvalidOperation) as exc:
            raise ImportProblem(reader.line_num, "bad date or amount") from exc
        payee = " ".join(row[profile["payee"]].split())
        yield Transaction(booked, payee, amount)


def total_by_payee(transactions) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for transaction in transactions:
        payee = transaction.payee
        totals[payee] = totals.get(payee, Decimal(0)) + transaction.amount
    return totals


def total_by_month(transactions) -> dict[str, Decimal]:
    totals: dict[str, Decimal] = {}
    for transaction in transactions:
        month = transaction.booked.strftime("%Y-%m")
        totals[month] = totals.get(month, Decimal(0)) + transaction.amount
    return totals
