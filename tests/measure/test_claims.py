"""Claims of texts: their records, and the verdict on one of them."""

import pytest

from llmlab import show
from llmlab.measure.claims import FAILS, HOLDS, PARTLY, Claim, Claims

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
