#!/usr/bin/env python3
"""Split a shared holiday bill: who owes whom, in as few payments as possible."""

import sys
from collections import defaultdict


def read_expenses(stream):
    # each line: payer amount participant,participant,...
    for number, line in enumerate(stream, 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        try:
            payer, amount, people = line.split(None, 2)
            yield payer, round(float(amount) * 100), people.split(",")
        except ValueError:
            sys.exit("line %d: expected 'payer amount a,b,c', got %r" % (number, line))


def balances(expenses):
    saldo = defaultdict(int)
    for payer, cents, people in expenses:
        saldo[payer] += cents
        share, rest = divmod(cents, len(people))
        for i, person in enumerate(people):
            saldo[person.strip()] -= share + (1 if i < rest else 0)
    return saldo


def settle(saldo):
    owing = sorted((v, k) for k, v in saldo.items() if v < 0)
    getting = sorted(((v, k) for k, v in saldo.items() if v > 0), reverse=True)
    while owing and getting:
        debt, debtor = owing.pop(0)
        credit, creditor = getting.pop(0)
        paid = min(-debt, credit)
        yield debtor, creditor, paid
        if debt + paid:
            owing.insert(0, (debt + paid, debtor))
        if credit - paid:
            getting.insert(0, (credit - paid, creditor))


if __name__ == "__main__":
    for debtor, creditor, cents in settle(balances(read_expenses(sys.stdin))):
        print(f"{debtor} pays {creditor} {cents / 100:.2f}")
