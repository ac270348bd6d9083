"""What the last token of a text looks at, beside what its answer rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from llmlab.attention_vs_rnn import importance
from llmlab.attention_vs_rnn.quantities import ATTENTION_WEIGHT, EFFECT_OF_REMOVAL
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record


@dataclass(frozen=True)
class LookedAt:
    """Weights and effects of the tokens or words of a text."""

    text: str
    answer: str
    facts: tuple[Record, ...]

    def records(self) -> list[Record]:
        """Return "attention weight" and "effect of removal" of each, and the cost."""
        return list(self.facts)

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens or words, in the order of the text."""
        return tuple(fact.details["key token"] for fact in self._of(ATTENTION_WEIGHT))

    @property
    def looked_at(self) -> str:
        """The word that gets the largest weight."""
        return _largest(self._of(ATTENTION_WEIGHT))

    @property
    def needed(self) -> str:
        """The word whose removal costs the answer most."""
        return _largest(self._of(EFFECT_OF_REMOVAL))

    @property
    def agreement(self) -> float:
        """How alike the two orders are: Spearman's rank correlation, -1 to 1."""
        return importance.rank_agreement(self.facts)

    def weight(self, word: str) -> Record:
        """Return the weight of a word, all its places together.

        Raises ValueError for a word that the text does not have.
        """
        for fact in self._of(ATTENTION_WEIGHT):
            if fact.details["key token"].strip() == word:
                return fact
        raise ValueError(f"word={word!r} is not in the text; choose of {self.words}.")

    def _of(self, what: object) -> list[Record]:
        return [fact for fact in self.facts if fact.name == str(what)]


def looked_at(
    model: LanguageModel, text: str, answer: str, *, by: str = "token"
) -> LookedAt:
    """Measure what the last token of a text looks at, and what its answer rests on.

    The weight is the mean over all layers and heads; the effect is what the first
    token of `answer` costs more, in bits, when a value is taken away in all of them.
    by: "token", or "word" for tokens joined up to the next blank, which are then taken
    away together. Raises ValueError for another word, and what `importance.readings`
    refuses.
    """
    if by not in ("token", "word"):
        raise ValueError(f"by={by!r} is neither 'token' nor 'word'.")
    readings = importance.readings(model, text, answer, by_word=by == "word")
    facts = [
        replace(fact, details=dict(fact.details) | {"text": text})
        if fact.details
        else fact
        for fact in readings
    ]
    return LookedAt(text, answer, tuple(facts))


def _largest(facts: Sequence[Record]) -> str:
    return max(facts, key=lambda fact: fact.value).details["key token"].strip()
