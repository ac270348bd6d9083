"""What the classifier has to beat: the most common answer, and a bag of tokens.

The bag is a logistic regression on how often each token occurs, whatever the order,
learnt from the same snippets: what a model gains over it, it gains by reading. Shares
get their intervals by drawing whole files, since snippets of one file are alike.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from llmlab.core.quantities import ACCURACY
from llmlab.core.records import Record
from llmlab.measure import bootstrap
from llmlab.texts import Snippet
from llmlab.zoo.quantities import DIFFERENCE_IN_ACCURACY

STRENGTHS = (1.0, 3.0, 10.0, 30.0)  # of the regression: how little it is held back
HELD_BACK = 5  # every so many files choose among them

Answer = Callable[[Sequence[Snippet]], list[str]]


def hits(answers: Sequence[str], asked: Sequence[Snippet]) -> list[bool]:
    """Say of each answer whether it names the right module."""
    return [a == s.module for a, s in zip(answers, asked, strict=True)]


def accuracy(answers: Sequence[str], asked: Sequence[Snippet], subject: str) -> Record:
    """Return the share of right answers, with its interval over files."""
    parts = _by_file(asked, hits(answers, asked), np.ones(len(asked)))
    return _share(ACCURACY, parts, bootstrap.ratio, asked, subject)


def difference(
    ours: Sequence[str], theirs: Sequence[str], asked: Sequence[Snippet], subject: str
) -> Record:
    """Return by how much the first answers are right more often, paired by file."""
    columns = hits(ours, asked), hits(theirs, asked), np.ones(len(asked))
    parts = _by_file(asked, *columns)
    return _share(
        DIFFERENCE_IN_ACCURACY,
        parts,
        lambda sums: (sums[:, 0] - sums[:, 1]) / sums[:, 2],
        asked,
        subject,
    )


def majority(asked: Sequence[Snippet]) -> list[str]:
    """Answer always with the module that is right most often, known beforehand."""
    counts = Counter(snippet.module for snippet in asked)
    return [counts.most_common(1)[0][0]] * len(asked)


def bag_of_tokens(words, learnt_from: Sequence[Snippet]) -> Answer:
    """Fit the regression on snippets, and return what answers by it.

    Its strength is chosen on every fifth file; then it is fitted to all of them.
    """
    files = sorted({snippet.source for snippet in learnt_from})
    back = set(files[::HELD_BACK])
    fitting = [snippet for snippet in learnt_from if snippet.source not in back]
    judging = [snippet for snippet in learnt_from if snippet.source in back]

    def right(strength: float) -> int:
        answer = _fitted(words, fitting, strength)
        return sum(hits(answer(judging), judging))

    best = max(STRENGTHS, key=right) if fitting and judging else STRENGTHS[0]
    return _fitted(words, learnt_from, best)


def _fitted(words, chosen: Sequence[Snippet], strength: float) -> Answer:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    def tokens(code: str) -> list[int]:
        return words(code, truncation=True)["input_ids"]

    # Logarithms of counts, rare tokens weighing more: a good bag, not a straw man.
    made = make_pipeline(
        TfidfVectorizer(analyzer=tokens, sublinear_tf=True),
        LogisticRegression(C=strength, class_weight="balanced", max_iter=2000),
    )
    made.fit([s.code for s in chosen], [s.module for s in chosen])
    return lambda asked: made.predict([s.code for s in asked]).tolist()


def _by_file(asked: Sequence[Snippet], *columns: Sequence[float]) -> np.ndarray:
    """Add columns up by file: (files, columns)."""
    _, places = np.unique([snippet.source for snippet in asked], return_inverse=True)
    return np.stack([np.bincount(places, weights=column) for column in columns], axis=1)


def _share(what, parts, statistic, asked, subject: str) -> Record:
    facts = {"snippets": len(asked), "files": len(parts)}
    return bootstrap.estimate(what, parts, statistic, subject=subject, details=facts)
