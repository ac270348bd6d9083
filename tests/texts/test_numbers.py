"""Number words follow the rules of spelling; held-out bands and frozen pairs stay."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as some

from llmlab import texts
from llmlab.texts import number_bands, number_words

FROZEN_SHA256 = "fdc5878854a3c644cfe0f7479334216787b49fc83bffe03bfb6b7d14a05bb0e5"
BELOW_A_MILLION = some.integers(0, 999_999)
ANY = some.integers(0, number_words.LIMIT - 1)

# Written by hand, from grammars, not from the code.
FRENCH = {
    0: "zéro",
    1: "un",
    10: "dix",
    16: "seize",
    17: "dix-sept",
    20: "vingt",
    21: "vingt et un",
    22: "vingt-deux",
    31: "trente et un",
    60: "soixante",
    61: "soixante et un",
    69: "soixante-neuf",
    70: "soixante-dix",
    71: "soixante et onze",
    72: "soixante-douze",
    77: "soixante-dix-sept",
    80: "quatre-vingts",
    81: "quatre-vingt-un",
    89: "quatre-vingt-neuf",
    90: "quatre-vingt-dix",
    91: "quatre-vingt-onze",
    97: "quatre-vingt-dix-sept",
    99: "quatre-vingt-dix-neuf",
    100: "cent",
    101: "cent un",
    111: "cent onze",
    121: "cent vingt et un",
    171: "cent soixante et onze",
    180: "cent quatre-vingts",
    181: "cent quatre-vingt-un",
    200: "deux cents",
    201: "deux cent un",
    280: "deux cent quatre-vingts",
    999: "neuf cent quatre-vingt-dix-neuf",
    1_000: "mille",
    1_001: "mille un",
    1_100: "mille cent",
    1_789: "mille sept cent quatre-vingt-neuf",
    2_000: "deux mille",
    2_200: "deux mille deux cents",
    16_017: "seize mille dix-sept",
    21_000: "vingt et un mille",
    21_021: "vingt et un mille vingt et un",
    71_071: "soixante et onze mille soixante et onze",
    80_000: "quatre-vingt mille",
    80_080: "quatre-vingt mille quatre-vingts",
    81_000: "quatre-vingt-un mille",
    100_000: "cent mille",
    101_000: "cent un mille",
    180_000: "cent quatre-vingt mille",
    200_000: "deux cent mille",
    200_200: "deux cent mille deux cents",
    280_000: "deux cent quatre-vingt mille",
    999_999: "neuf cent quatre-vingt-dix-neuf mille neuf cent quatre-vingt-dix-neuf",
    1_000_000: "un million",
    80_000_000: "quatre-vingts millions",
    200_000_000: "deux cents millions",
    200_200_001: "deux cents millions deux cent mille un",
}
ENGLISH = {  # as Americans and as the British spell
    0: ("zero", "zero"),
    13: ("thirteen", "thirteen"),
    40: ("forty", "forty"),
    99: ("ninety-nine", "ninety-nine"),
    100: ("one hundred", "one hundred"),
    101: ("one hundred one", "one hundred and one"),
    342: ("three hundred forty-two", "three hundred and forty-two"),
    1_000: ("one thousand", "one thousand"),
    1_005: ("one thousand five", "one thousand and five"),
    1_100: ("one thousand one hundred", "one thousand one hundred"),
    200_080: (
        "two hundred thousand eighty",
        "two hundred thousand and eighty",
    ),
    115_212: (
        "one hundred fifteen thousand two hundred twelve",
        "one hundred and fifteen thousand two hundred and twelve",
    ),
    1_000_000: ("one million", "one million"),
    3_000_003: ("three million three", "three million and three"),
}


@pytest.mark.parametrize("number", FRENCH)
def test_tricky_french_numbers_are_spelled_classically(number):
    assert number_words.french(number) == FRENCH[number]


@pytest.mark.parametrize("number", ENGLISH)
def test_english_numbers_are_spelled_in_both_ways(number):
    assert number_words.english(number) == ENGLISH[number][0]
    assert number_words.english(number, conjunction=True) == ENGLISH[number][1]


@given(ANY)
def test_words_are_read_back_as_the_number_they_spell(number):
    assert number_words.read_french(number_words.french(number)) == number
    for conjunction in (False, True):
        text = number_words.english(number, conjunction=conjunction)
        assert number_words.read_english(text) == number


def test_every_number_below_ten_thousand_is_read_back():
    for number in range(10_000):
        assert number_words.read_french(number_words.french(number)) == number
        assert number_words.read_english(number_words.english(number)) == number


@given(BELOW_A_MILLION, BELOW_A_MILLION)
def test_two_numbers_have_two_spellings(one, other):
    if one != other:
        assert number_words.french(one) != number_words.french(other)
        assert number_words.english(one) != number_words.english(other)


@given(some.integers(1, 999), some.integers(1, 999))
def test_thousands_and_rest_stand_one_behind_the_other(thousands, rest):
    whole = number_words.french(1000 * thousands + rest)
    assert (
        whole == f"{number_words.french(1000 * thousands)} {number_words.french(rest)}"
    )


@given(ANY)
def test_plurals_stand_last_or_before_million(number):
    words = number_words.french(number).replace("-", " ").split()
    for place, word in enumerate(words):
        assert word != "milles"
        if word in ("cents", "vingts"):
            assert words[place + 1 : place + 2] in ([], ["millions"])
            assert words[place - 1] in number_words.FRENCH_UNITS[2:10]


@pytest.mark.parametrize("number", [-1, number_words.LIMIT])
@pytest.mark.parametrize("spell", [number_words.english, number_words.french])
def test_numbers_without_words_are_refused(spell, number):
    with pytest.raises(ValueError, match=f"number={number} .* choose one from 0"):
        spell(number)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "vingt-et-un",  # as the reform of 1990 spells
        "quatre-vingt",
        "deux cent",
        "deux cents un",
        "quatre-vingts mille",
        "un mille",
        "un cent",
        "onze onze",
        "huitante",
        "mille  un",
        "seven",
    ],
)
def test_french_that_is_misspelled_is_refused(text):
    with pytest.raises(ValueError, match="is not how french spells"):
        number_words.read_french(text)


@pytest.mark.parametrize(
    "text", ["", "fourty", "one hundred and", "twenty one", "sept", "hundred", "Seven"]
)
def test_english_that_is_misspelled_is_refused(text):
    with pytest.raises(ValueError, match="is not how english spells"):
        number_words.read_english(text)


def test_a_tenth_of_the_bands_is_held_out_whole():
    assert len(number_bands.held_out()) == 100
    assert not {0, 1} & set(number_bands.held_out())
    numbers_of = number_bands.held_out_numbers()
    assert len(set(numbers_of)) == len(numbers_of) == 100_000
    assert sum(map(number_bands.is_held_out, range(number_bands.LIMIT))) == 100_000
    assert all(map(number_bands.is_held_out, numbers_of))
    for digits in (4, 5, 6):
        assert any(len(str(number)) == digits for number in numbers_of)


def test_the_frozen_pairs_are_those_that_one_command_draws(tmp_path):
    assert hashlib.sha256(number_bands.FILE.read_bytes()).hexdigest() == FROZEN_SHA256
    number_bands.write(tmp_path / "drawn.tsv")
    assert (tmp_path / "drawn.tsv").read_bytes() == number_bands.FILE.read_bytes()


def test_two_thousand_frozen_pairs_of_held_out_numbers_ship():
    pairs = texts.number_pairs()
    assert len({pair.number for pair in pairs}) == len(pairs) == 2000
    for number, english, french in pairs:
        assert number_bands.is_held_out(number)
        assert (
            number_words.read_english(english)
            == number_words.read_french(french)
            == number
        )


def test_the_first_part_of_the_frozen_pairs_is_a_fair_sample():
    halves = [texts.number_pairs()[:1000], texts.number_pairs()[1000:]]
    means = [sum(pair.number for pair in half) / 1000 for half in halves]
    assert means[0] == pytest.approx(means[1], rel=0.1)


def test_a_damaged_file_of_pairs_is_refused(tmp_path):
    (tmp_path / "pairs.tsv").write_text("7\tseven\n")
    with pytest.raises(ValueError, match="holds no number pairs"):
        number_bands.load(tmp_path / "pairs.tsv")
