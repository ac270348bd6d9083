"""Claims of texts: their records, and the verdict on one of them."""

import pytest

from llmlab import show
from llmlab.core import records
from llmlab.core.quantities import SPEED_UP
from llmlab.measure import claims, comparison
from llmlab.measure.claims import FAILS, HOLDS, OPEN, PARTLY, Claim, Claims

CLAIMS = Claims(
    (
        Claim("smaller is faster", "1.2 × as fast", HOLDS),
        Claim("fewer bits cost nothing", "+3.1 %", FAILS),
        Claim("less is computed", "half the products", PARTLY, kind="estimated"),
    )
)


def test_only_a_claim_that_holds_counts_one():
    facts = CLAIMS.records()
    assert [fact.value for fact in facts] == [1, 0, 0]
    assert [fact.kind for fact in facts] == ["measured", "measured", "estimated"]
    assert facts[1].details["measured"] == "+3.1 %"


def test_a_verdict_is_asked_for_by_the_beginning_of_its_claim():
    assert CLAIMS.verdict("fewer bits") == FAILS
    with pytest.raises(ValueError, match="start='larger' begins no claim"):
        CLAIMS.verdict("larger")


def test_claims_are_shown_as_sentences():
    lines = repr(show.table(CLAIMS)).splitlines()
    assert lines[0].split() == ["claim", "measured", "verdict"]
    assert "half the products" in lines[-1] and PARTLY in lines[-1]


@pytest.mark.parametrize(
    ("cases", "verdict"),
    [
        ((True, True), HOLDS),
        ((True, False), PARTLY),
        ((False, False), FAILS),
        ((), OPEN),
    ],
)
def test_what_is_said_of_every_case_holds_in_part_where_some_fail(cases, verdict):
    assert claims.of_cases(iter(cases)) == verdict


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        (comparison.FASTER, HOLDS),
        (comparison.SLOWER, FAILS),
        (comparison.SAME, OPEN),
    ],
)
def test_faster_holds_where_a_comparison_says_so(word, verdict):
    fact = records.measured(SPEED_UP, 2.0, details={"verdict": word})
    assert claims.of_speed(fact) == verdict


def test_the_ends_of_a_fact_without_an_interval_are_its_value():
    alone = records.measured(SPEED_UP, 2.0)
    sure = records.measured(SPEED_UP, 2.0, low=0.0, high=3.0)
    assert (claims.low_end(alone), claims.high_end(alone)) == (2.0, 2.0)
    assert (claims.low_end(sure), claims.high_end(sure)) == (0.0, 3.0)


def test_a_share_is_written_with_its_sign():
    assert claims.percent(0.0149) == "+1.5 %"
    assert claims.percent(-0.25, digits=0) == "-25 %"
