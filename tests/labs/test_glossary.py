"""Terms are defined once, in a sentence; the glossary is made of these sentences."""

import json
from pathlib import Path

import glossary
import pytest
import small_lab as small
from notebooks import SOLUTIONS, each_solution, listed_as, read

TERMS = json.loads(Path(__file__).with_name("terms.json").read_text(encoding="utf-8"))


def lab(**sources):
    """Return the small lab with other texts in some cells."""
    made = small.notebook()
    for cell_id, source in sources.items():
        small.cell(made, cell_id.replace("_", "-")).source = source
    return made


def test_the_glossary_is_what_the_labs_say():
    page = glossary.PLACE.read_text(encoding="utf-8")
    said = glossary.glossary(glossary.solutions())
    assert page == said, "run python solutions/glossary.py"


@each_solution
def test_a_lab_defines_the_terms_that_it_must(path):
    defined = {one.term for one in glossary.entries(read(path), path.stem[:2])}
    assert set(TERMS[listed_as(path)]) <= defined


def test_the_list_of_terms_names_labs_and_no_term_twice():
    every = [term.casefold() for terms in TERMS.values() for term in terms]
    assert len(every) == len(set(every))
    assert {*map(listed_as, SOLUTIONS)} <= set(TERMS)


def test_a_term_stands_with_its_sentence_lab_and_section():
    made = lab(
        first_idea="## 1. Two waits\n\nA user waits. First ***prefill*** reads the "
        "prompt\nin one go, e.g. 256 tokens. Then comes more.\n\n- ***Decode*** is the "
        "rest, 2.5 ms each; it\n  writes."
    )
    assert glossary.glossary({"01": made}).splitlines()[4:] == [
        "**Decode** · Decode is the rest, 2.5 ms each; it writes. *(lab 01, 1. Two "
        "waits)*",
        "",
        "**prefill** · First prefill reads the prompt in one go, e.g. 256 tokens. "
        "*(lab 01, 1. Two waits)*",
    ]


def test_bold_words_and_italics_are_no_terms():
    made = lab(first_idea="## 1. A\n\n**Guess.** This is *not* one, ** nor *** this.")
    assert glossary.entries(made, "01") == []


def test_two_terms_may_share_a_sentence():
    made = lab(first_idea="## 1. A\n\nA ***key*** and a ***value*** are kept.")
    assert [one.term for one in glossary.entries(made, "01")] == ["key", "value"]
    assert {one.sentence for one in glossary.entries(made, "01")} == {
        "A key and a value are kept."
    }


def test_a_term_is_defined_once_over_all_labs():
    one = lab(first_idea="## 1. A\n\nA ***page*** is memory.")
    other = lab(second_idea="## 2. B\n\nThe ***Page*** again.")
    with pytest.raises(
        ValueError, match=r"lab 01, 1\. A, and in lab 07, 2\. B; set it"
    ):
        glossary.glossary({"01": one, "07": other})


def test_a_term_in_a_heading_has_no_sentence():
    with pytest.raises(ValueError, match="'Page' stands in a heading"):
        glossary.entries(lab(first_idea="## 1. The ***Page***"), "07")


def test_writing_says_whether_the_page_changed(tmp_path, capsys):
    place = tmp_path / "glossary.md"
    assert glossary.main(place) == glossary.main(place) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["glossary.md: written", "glossary.md: as it was"]
