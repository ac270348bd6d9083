"""Scale the quantities of a recipe to another number of servings.

Each line of the input is "<quantity> <unit> <ingredient>", where the quantity
may be a whole number, a fraction (3/4) or a mixed number (1 1/2).  Lines that
do not start with a number are copied to the output unchanged.
"""

import re
import unittest
from fractions import Fraction

QUANTITY = re.compile(r"\s*(?:(\d+)\s+)?(\d+)(?:/(\d+))?\s+(.*)")

# Smaller unit, larger unit, how many of the first make one of the second.
PROMOTIONS = [
    ("tsp", "tbsp", 3),
    ("tbsp", "cup", 16),
    ("g", "kg", 1000),
    ("ml", "l", 1000),
]


def parse_line(line):
    match = QUANTITY.match(line)
    if not match:
        return None, line
    whole, top, bottom, rest = match.groups()
    if whole and not bottom:  # "2 14 oz cans": the first number counts
        return Fraction(int(whole)), f"{top} {rest}"
    if bottom and int(bottom) == 0:
        raise ValueError(f"zero denominator in {line!r}")
    amount = Fraction(int(top), int(bottom or 1))
    return amount + int(whole or 0), rest


def promote(amount, rest):
    unit, _, ingredient = rest.partition(" ")
    for small, large, ratio in PROMOTIONS:
        if unit == small and amount >= ratio:
            amount, unit = amount / ratio, large
    return amount, f"{unit} {ingredient}".rstrip()


def show(amount):
    amount = Fraction(round(amount * 8), 8) or Fraction(1, 8)
    whole, part = divmod(amount, 1)
    if not part:
        return str(whole)
    return f"{whole} {part}" if whole else str(part)


def scale(lines, factor):
    for line in lines:
        amount, rest = parse_line(line.rstrip("\n"))
        if amount is None:
            yield rest
        else:
            amount, rest = promote(amount * factor, rest)
            yield f"{show(amount)} {rest}"


class ScaleTest(unittest.TestCase):
    def check(self, line, factor, expected):
        self.assertEqual(list(scale([line], Fraction(factor))), [expected])

    def test_whole_numbers(self):
        self.check("3 eggs", 2, "6 eggs")
        self.check("10 g yeast", 3, "30 g yeast")

    def test_fractions(self):
        self.check("1/2 cup flour", 3, "1 1/2 cup flour")
        self.check("1 1/2 cup flour", 2, "3 cup flour")
        self.check("3/4 cup flour", "1/2", "3/8 cup flour")

    def test_promotion(self):
        self.check("1 tsp salt", 3, "1 tbsp salt")
        self.check("500 ml milk", 3, "1 1/2 l milk")

    def test_other_lines(self):
        self.check("Mix well.", 2, "Mix well.")


if __name__ == "__main__":
    unittest.main()
