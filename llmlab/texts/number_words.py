"""Whole numbers in English and French words, and back: what `translator` learns from.

French is spelled the classical way, not by the reform of 1990, which hyphenates every
word of a numeral. Both are correct; the classical spelling is the one that most books,
cheques and libraries still use, and the harder one to learn, since the link between
two words says something:

- a hyphen joins what is below one hundred (dix-sept, quatre-vingt-onze), unless
- `et` does: before un and onze (vingt et un, soixante et onze), but quatre-vingt-un and
  quatre-vingt-onze;
- a space stands everywhere else (deux cent un, trente et un mille);
- vingt and cent take an s when multiplied and last (quatre-vingts, deux cents), and
  before million, a noun; mille ends the s of both (quatre-vingt mille, deux cent
  mille), takes none itself, and stands without un (mille, mille un).

English is spelled without `and` (one hundred one), or with it as the British do. The
models know numbers below one million; words reach further to ask for more than that.
"""

LIMIT = 10**9  # words end below one billion
MILLION, THOUSAND = 10**6, 10**3

ENGLISH_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
).split()
ENGLISH_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
FRENCH_UNITS = (
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze "
    "quinze seize dix-sept dix-huit dix-neuf"
).split()
FRENCH_TENS = "vingt trente quarante cinquante soixante soixante quatre-vingt".split()
FRENCH_TENS.append(FRENCH_TENS[-1])  # 70 and 90 count on from 60 and 80

ENGLISH_VALUES = {word: value for value, word in enumerate(ENGLISH_UNITS)}
ENGLISH_VALUES |= {word: 10 * tens for tens, word in enumerate(ENGLISH_TENS, 2)}
EIGHTY = "huitante"  # one word for it, as some Swiss say
FRENCH_VALUES = {word: value for value, word in enumerate(FRENCH_UNITS[:17])}
FRENCH_VALUES |= {word: 10 * tens for tens, word in enumerate(FRENCH_TENS[:5], 2)}
FRENCH_VALUES[EIGHTY] = 80


def english(number: int, *, conjunction: bool = False) -> str:
    """Spell a number from 0 to 999,999,999; `conjunction` adds the British `and`."""
    _check(number)
    words = []
    for size, name in ((MILLION, "million"), (THOUSAND, "thousand")):
        count, number = divmod(number, size)
        if count:
            words += [_english_hundreds(count, conjunction), name]
    if number or not words:
        if conjunction and words and number < 100:
            words.append("and")
        words.append(_english_hundreds(number, conjunction))
    return " ".join(words)


def _english_hundreds(number: int, conjunction: bool) -> str:
    hundreds, rest = divmod(number, 100)
    words = [ENGLISH_UNITS[hundreds], "hundred"] if hundreds else []
    if hundreds and rest and conjunction:
        words.append("and")
    if rest >= 20:
        tens, unit = divmod(rest, 10)
        tail = f"-{ENGLISH_UNITS[unit]}" if unit else ""
        words.append(ENGLISH_TENS[tens - 2] + tail)
    elif rest or not hundreds:
        words.append(ENGLISH_UNITS[rest])
    return " ".join(words)


def french(number: int) -> str:
    """Spell a number from 0 to 999,999,999 in the classical spelling."""
    _check(number)
    words = []
    millions, number = divmod(number, MILLION)
    thousands, number = divmod(number, THOUSAND)
    if millions:
        words += [_french_hundreds(millions), "millions" if millions > 1 else "million"]
    if thousands > 1:
        words.append(_french_hundreds(thousands, last=False))
    if thousands:
        words.append("mille")
    if number or not words:
        words.append(_french_hundreds(number))
    return " ".join(words)


def _french_hundreds(number: int, *, last: bool = True) -> str:
    """Spell 0 to 999; `last` says that no mille follows to end the s of the plural."""
    hundreds, rest = divmod(number, 100)
    words = [FRENCH_UNITS[hundreds]] if hundreds > 1 else []
    if hundreds:
        words.append("cents" if hundreds > 1 and not rest and last else "cent")
    if rest or not hundreds:
        words.append(_french_tens(rest) + ("s" if rest == 80 and last else ""))
    return " ".join(words)


def _french_tens(number: int) -> str:
    if number < 20:
        return FRENCH_UNITS[number]
    tens, unit = divmod(number, 10)
    if tens in (7, 9):
        unit += 10
    link = " et " if unit in (1, 11) and tens < 8 else "-"
    tail = link + FRENCH_UNITS[unit] if unit else ""
    return FRENCH_TENS[tens - 2] + tail


def read_english(text: str) -> int:
    """Return the number that these words spell, with or without `and`.

    Raises ValueError unless they are spelled exactly as `english` does.
    """
    plain = text.replace("-", " ").replace(" and ", " ")
    number = _sum(plain.split(), ENGLISH_VALUES)
    if number is not None:
        if text in (english(number), english(number, conjunction=True)):
            return number
    raise ValueError(_misspelled(text, number, english))


def read_french(text: str) -> int:
    """Return the number that these words spell; ValueError unless `french` does."""
    plain = text.replace("quatre-vingts", EIGHTY).replace("quatre-vingt", EIGHTY)
    plain = plain.replace("cents", "cent").replace(" et ", " ").replace("-", " ")
    number = _sum(plain.split(), FRENCH_VALUES)
    if number is None or text != french(number):
        raise ValueError(_misspelled(text, number, french))
    return number


def _sum(words: list[str], values: dict[str, int]) -> int | None:
    """Add up words from left to right; None for a word that is no number's."""
    total = group = 0
    for word in words:
        if word in values:
            group += values[word]
        elif word in ("hundred", "cent"):
            group = 100 * max(group, 1)
        elif word in ("thousand", "mille"):
            total, group = total + THOUSAND * max(group, 1), 0
        elif word in ("million", "millions"):
            total, group = total + MILLION * max(group, 1), 0
        else:
            return None
    number = total + group
    return number if words and number < LIMIT else None


def _check(number: int) -> None:
    if not 0 <= number < LIMIT:
        raise ValueError(
            f"number={number} has no words here; choose one from 0 to {LIMIT - 1:,}."
        )


def _misspelled(text: str, number: int | None, spell) -> str:
    meant = "" if number is None else f" {number} is spelled {spell(number)!r}."
    return f"text={text!r} is not how {spell.__name__} spells a number.{meant}"
