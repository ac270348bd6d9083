"""Pictures by length: small multiples, crossings marked in them, words from records."""

import pytest
from drawn import faults, words_of

from llmlab import show
from llmlab.core.records import Record
from llmlab.show import attention_vs_rnn as pictures
from llmlab.show.attention_vs_rnn.attended import readings_alt
from llmlab.show.attention_vs_rnn.by_length import costs_alt
from llmlab.show.attention_vs_rnn.score_times import scores_alt

LENGTHS = (64, 256, 1024, 4096)
NAMES = ("attention, fused", "lstm")


def record(name, value, unit="1", low=None, high=None, subject="", **details):
    return Record(
        name=name, value=value, unit=unit, kind="measured", low=low, high=high,
        subject=subject, details=details,
    )  # fmt: skip


def curves(name, unit, *powers, scale=1e-6):
    return [
        record(name, scale * n**power, unit, subject=subject, tokens=n)
        for subject, power in zip(NAMES, powers, strict=True)
        for n in LENGTHS
    ]


CROSSING = record(
    "crossing", 512.0, "token", 256.0, 1024.0, subject="attention, fused against lstm",
    of="prefill latency",
)  # fmt: skip
COSTS = [
    *curves("prefill latency", "s", 1.4, 1.1),
    *curves("decode latency per token", "s", 0.4, 0.0),
    *curves("prefill memory", "B", 1.0, 1.1, scale=100),
    *curves("state", "B", 1.0, 0.0, scale=1000),
]
GROWTH = [
    *curves("attention latency", "s", 2.2, 2.0, scale=1e-9),
    *curves("time for each score", "s", 0.2, 0.0, scale=1e-9),
    *curves("attention memory", "B", 2.0, 1.0, scale=4),
]
PAGES = [record("page faults", n // 4, "page", subject="yours", tokens=n)
         for n in LENGTHS]  # fmt: skip
CACHE = record("processor's cache", 1e6, "B", subject="the processor")
SCANS = [*curves("scan latency", "s", 1.0, 0.8)]
LOOKS = [
    record(name, value, unit, key=key, text=text, **{"key token": word})
    for text in ("a b", "c d e")
    for key, word in enumerate(text.split())
    for name, value, unit in (("attention weight", 0.5 - key / 10, "1"),
                              ("effect of removal", key - 1.0, "bit"))
]  # fmt: skip
PICTURES = {
    "costs": lambda: pictures.costs([*COSTS, CROSSING]),
    "growth": lambda: pictures.scores([*GROWTH, *PAGES, CACHE]),
    "scans": lambda: pictures.scans(SCANS),
    "looks": lambda: pictures.readings(LOOKS),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_keeps_the_rules_of_all(name):
    assert faults(PICTURES[name]) == []


def test_a_crossing_is_ringed_on_its_curve_and_a_letter_says_whose_it_is():
    fig = pictures.costs([*COSTS, CROSSING])
    reading, writing = fig.axes[:2]
    (ring,) = [line for line in reading.lines if list(line.get_xdata()) == [512]]
    assert ring.get_ydata()[0] == pytest.approx(1e-6 * 512**0.4)  # for each token
    words = words_of(fig)
    assert "attention, fused meets\nA  lstm, 512" in words and "A" in words
    assert "no crossing clear of the noise" in words  # of writing
    assert not [line for line in writing.lines if list(line.get_xdata()) == [512]]
    assert "cross at about 512 tokens" in costs_alt([*COSTS, CROSSING])
    assert "No crossing is clear of the noise." in costs_alt(COSTS)


def test_curves_that_cover_each_other_are_both_seen():
    same = [record("state", 1000.0, "B", subject=name, tokens=n)
            for name in NAMES for n in LENGTHS]  # fmt: skip
    facts = [fact for fact in COSTS if fact.name != "state"] + same
    covered, above = pictures.costs(facts).axes[2].lines[:2]
    assert covered.get_linewidth() > above.get_linewidth()
    apart = pictures.costs(COSTS).axes[2].lines
    assert apart[0].get_linewidth() == apart[1].get_linewidth()


def test_scans_name_every_length():
    axes = pictures.scans(SCANS).axes[0]
    assert [*axes.get_xticks()] == [*LENGTHS]


def test_reading_is_divided_by_the_tokens_and_writing_is_not():
    reading, writing, state = pictures.costs(COSTS).axes
    lstm = [[*axes.lines[1].get_ydata()] for axes in (reading, writing, state)]
    assert lstm[0] == pytest.approx([1e-6 * n**0.1 for n in LENGTHS])
    assert lstm[1] == pytest.approx([1e-6] * 4) and lstm[2] == [1000] * 4


def test_each_of_three_costs_has_a_panel_and_a_missing_one_is_refused():
    assert len(pictures.costs(COSTS).axes) == 3
    kept = [fact for fact in COSTS if fact.name != "state"]
    with pytest.raises(ValueError, match="no 'state', which a panel shows"):
        pictures.costs(kept)
    with pytest.raises(ValueError, match="no 'scan latency'"):
        pictures.scans(COSTS)
    with pytest.raises(ValueError, match="no 'time for each score'"):
        pictures.scores(COSTS)


def test_what_explains_the_time_is_drawn_or_said_to_be_unknown():
    panel = pictures.scores([*GROWTH, *PAGES, CACHE]).axes
    assert panel[2].lines[0].get_ydata()[-1] == 1024
    assert "processor's\ncache,\n1.00 MB" in words_of(panel[1].figure)
    assert "not counted on this system" in words_of(pictures.scores(GROWTH))
    alt = scores_alt([*GROWTH, *PAGES])
    assert "handed 1,024 new pages" in alt and "4,096 tokens take" in alt


def test_looks_have_a_line_of_panels_for_each_text():
    fig = pictures.readings(LOOKS)
    assert len(fig.axes) == 4
    assert words_of(fig).count("0.00") == 2  # a bar of 0 in each text
    assert '"a b": what gets attention' in words_of(fig)
    alt = readings_alt(LOOKS)
    assert "a b: the last token looks most at 'a'" in alt
    assert "taking 'e' away costs the answer most" in alt


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ([*COSTS, CROSSING], "What layers cost"),
        ([*GROWTH, *PAGES], "memory of attention by length"),
        (SCANS, "Times of scans"),
        (LOOKS, "looks most at"),
    ],
)
def test_a_result_is_drawn_by_its_quantities_with_its_own_words(facts, words):
    assert words in show.figure(facts).alt
