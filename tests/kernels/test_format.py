"""A format is one object and one word, and each says all of the other."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab import kernels, quantization
from llmlab.kernels.format import BITS, Format, checked

FORMATS = st.builds(
    Format,
    bits=st.sampled_from(BITS),
    group_size=st.sampled_from(["channel", "tensor"]) | st.integers(1, 10**9 - 1),
    symmetric=st.sampled_from([True, False, None]),
    activations=st.booleans(),
)


@given(FORMATS)
def test_word_and_format_say_the_same(format):
    word = str(format)
    assert Format.parse(word) == format
    assert hash(Format.parse(word)) == hash(format)


@given(FORMATS, FORMATS)
def test_two_formats_never_share_a_word(one, other):
    assert (str(one) == str(other)) == (one == other)


@given(st.from_regex(r"int[0-9](-(g[0-9]+|tensor|sym|asym|dynamic|)){0,4}"))
def test_a_word_that_is_read_is_the_word_that_is_written(word):
    try:
        found = Format.parse(word)
    except ValueError:
        return
    assert str(found) == word


@pytest.mark.parametrize(
    ("format", "word"),
    [
        (Format(), "int8"),
        (Format(activations=True), "int8-dynamic"),
        (Format(bits=4, group_size=32), "int4-g32"),
        (Format(bits=4, group_size=32, symmetric=True), "int4-g32-sym"),
        (Format(symmetric=False), "int8-asym"),
        (Format(bits=2, group_size="tensor"), "int2-tensor"),
        (
            Format(group_size="tensor", symmetric=False, activations=True),
            "int8-tensor-asym-dynamic",
        ),
    ],
)
def test_a_word_says_what_differs_from_the_usual(format, word):
    assert str(format) == word


def test_8_bits_are_about_zero_and_fewer_have_a_zero_point():
    assert [Format(bits=bits).symmetric for bits in BITS] == [False] * 6 + [True]


WORDS = ["", "int", "int1", "int9", "int4 g32", "int4-g", "int4-g0", "int4-g032"]
WORDS += ["int4-32", "int8-sym", "int4-asym", "int4-dynamic-g32", "INT8", "int8-", None]
WORDS += ["int8-gptq", "int8\n", "int4-g٣٢", 8, "int4-g9999999999"]


@pytest.mark.parametrize("word", WORDS)
def test_words_that_are_none_are_refused_in_one_sentence(word):
    with pytest.raises(ValueError, match="is no format; write") as refusal:
        Format.parse(word)
    assert str(refusal.value).count("\n") == 0


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({"bits": 1}, "bits=1 is not among"),
        ({"bits": 4.0}, "bits=4.0"),
        ({"bits": True}, "bits=True"),
        ({"group_size": 0}, "group_size=0"),
        ({"group_size": "row"}, '"channel"'),
        ({"group_size": True}, "group_size=True"),
        ({"group_size": None}, "group_size=None"),
        ({"symmetric": 1}, "symmetric=1"),
        ({"activations": "yes"}, "activations='yes'"),
    ],
)
def test_what_is_no_format_is_refused(knobs, words):
    with pytest.raises(ValueError, match=words):
        Format(**knobs)


def test_a_format_stays_what_it_is():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Format().bits = 4


def test_a_word_in_the_place_of_a_format_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"hand in Format\.parse\('int4-g32'\)"):
        checked("int4-g32")
    assert kernels.Format is quantization.Format is Format
