"""Roman numerals and English ordinals, with their tests."""

import unittest

ROMAN_DIGITS = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
]

IRREGULAR = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def to_roman(n):
    if not 0 < n < 4000:
        raise ValueError("not between 1 and 3999: %d" % n)
    result = ""
    for value, letters in ROMAN_DIGITS:
        while n >= value:
            result += letters
            n -= value
    return result


def from_roman(text):
    n = 0
    rest = text.upper()
    for value, letters in ROMAN_DIGITS:
        while rest.startswith(letters):
            n += value
            rest = rest[len(letters) :]
    # Writing the number back catches everything that is not canonical.
    if rest or n == 0 or n >= 4000 or to_roman(n) != text.upper():
        raise ValueError("not a Roman numeral: %r" % text)
    return n


def ordinal(n):
    """Return the number with its suffix, as in '1st' or '112th'."""
    if n % 100 in (11, 12, 13):
        return "%dth" % n
    return "%d%s" % (n, {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th"))


def ordinal_word(word):
    """Turn 'twenty-two' into 'twenty-second'."""
    head, hyphen, last = word.rpartition("-")
    if last in IRREGULAR:
        last = IRREGULAR[last]
    elif last.endswith("y"):
        last = last[:-1] + "ieth"
    else:
        last += "th"
    return head + hyphen + last


class RomanTest(unittest.TestCase):
    def test_round_trip(self):
        for n in range(1, 4000):
            self.assertEqual(from_roman(to_roman(n)), n)

    def test_known_years(self):
        self.assertEqual(to_roman(1987), "MCMLXXXVII")
        self.assertEqual(to_roman(2024), "MMXXIV")
        self.assertEqual(from_roman("mmxxiv"), 2024)

    def test_rejects_nonsense(self):
        for text in ("", "IIII", "VX", "IC", "MMMM", "hello"):
            self.assertRaises(ValueError, from_roman, text)


class OrdinalTest(unittest.TestCase):
    def test_numbers(self):
        self.assertEqual(ordinal(1), "1st")
        self.assertEqual(ordinal(11), "11th")
        self.assertEqual(ordinal(22), "22nd")
        self.assertEqual(ordinal(113), "113th")

    def test_words(self):
        self.assertEqual(ordinal_word("forty"), "fortieth")
        self.assertEqual(ordinal_word("sixty-two"), "sixty-second")


if __name__ == "__main__":
    unittest.main()
