"""What a teacher says of one place: the right token, and all that it thinks of others.

Places are chosen by a rule: of programs that no model was trained on, those where the
teacher hesitates most between words, the right one among its ten likeliest.

Shapes: T tokens, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor

from llmlab import models, texts
from llmlab.core import records
from llmlab.core.records import Record
from llmlab.distillation.quantities import ELSEWHERE, TOKEN_SHARE
from llmlab.measure import bootstrap, quality
from llmlab.measure.scores import Texts

TEMPERATURES = (1.0, 2.0, 4.0)
STUDENTS = ("coder-small", "coder-distilled")
TOP = 10  # tokens of a place
READ = 400  # tokens of each program that places are looked for in
PLACES = 5
APART = 25  # tokens between two places of a program
LEAST = 0.85  # of the probability, for its ten likeliest tokens
BEFORE = 30  # letters that stand before a place, at most

Model = Any  # a core.model.LanguageModel that is an nn.Module, too


@dataclass(frozen=True)
class Place:
    """A place of a program: what stands before it, what follows, what models say."""

    before: str
    label: str
    tokens: tuple[str, ...]  # the teacher's likeliest, largest first, the label's among
    shares: Mapping[tuple[str, float], tuple[float, ...]]  # by model and temperature


@dataclass(frozen=True)
class Tokens:
    """Places where a teacher hesitates, and how much it gives to other tokens."""

    teacher: str
    places: tuple[Place, ...]
    elsewhere: Record  # the mean probability of all tokens but the right one

    @property
    def models(self) -> tuple[str, ...]:
        """The teacher, and the students beside it."""
        return tuple(dict.fromkeys(name for name, _ in self.places[0].shares))

    @property
    def temperatures(self) -> tuple[float, ...]:
        """The temperatures that were tried."""
        return tuple(dict.fromkeys(one for _, one in self.places[0].shares))

    def records(self) -> list[Record]:
        """Return what the teacher gives to each token of the first place."""
        place = self.places[0]
        return [
            records.measured(
                TOKEN_SHARE,
                share,
                subject=token,
                details={"temperature": temperature, "label": place.label},
            )
            for temperature in self.temperatures
            for token, share in zip(
                place.tokens, place.shares[self.teacher, temperature], strict=True
            )
        ]


def one_token(
    teacher: Model, *, students: Sequence[str] = STUDENTS,
    temperatures: Sequence[float] = TEMPERATURES, text: Texts | None = None,
) -> Tokens:  # fmt: skip
    """Look at places of programs where a teacher hesitates, at some temperatures.

    students: names of models of the same tokenizer that are asked, too. text: programs,
    by default the short frozen ones. ValueError: a student of another vocabulary, and a
    text without such a place.
    """
    text = texts.short_files() if text is None else text
    asked = {teacher.name: teacher}
    asked |= {name: _student(name, teacher) for name in students}
    found = _places(teacher, text)
    said = {name: _logits(model, found) for name, model in asked.items()}
    places = tuple(
        _described(teacher, ids, at, {name: rows[n] for name, rows in said.items()},
                   temperatures)
        for n, (ids, at) in enumerate(found)
    )  # fmt: skip
    return Tokens(teacher.name, places, _elsewhere(teacher, text))


def _student(name: str, teacher: Model) -> Model:
    model: Model = models.load(name)
    if model.tokenizer.get_vocab() != teacher.tokenizer.get_vocab():
        raise ValueError(
            f"students holds {name!r}, whose tokens are not those of "
            f"{teacher.name!r}; choose models of one tokenizer."
        )
    return model


def _places(teacher: Model, text: Texts) -> list[tuple[list[int], int]]:
    """Return programs as tokens, each with a place, the most open ones first."""
    ranked = []
    for document in _documents(text):
        ids = teacher.tokenizer(document, verbose=False)["input_ids"][:READ]
        with torch.inference_mode():
            logits = teacher(torch.tensor([ids]))[0].float()  # (T, V)
        for at in range(APART, len(ids) - 1):
            if (doubt := _doubt(teacher, logits[at], ids[at + 1])) > 0:
                ranked.append((doubt, ids, at))
    ranked.sort(key=lambda each: -each[0])
    chosen: list[tuple[list[int], int]] = []
    for _, ids, at in ranked:
        near = [ids is other and abs(at - place) < APART for other, place in chosen]
        same = [ids[at + 1] == other[place + 1] for other, place in chosen]
        if len(chosen) < PLACES and not any(near) and not any(same):
            chosen.append((ids, at))
    if not chosen:
        raise ValueError(
            "text has no place where the teacher hesitates between words; hand in "
            "programs of a few hundred tokens."
        )
    return chosen


def _documents(text: Texts) -> list[str]:
    if isinstance(text, str):
        return [text]
    return list(text.values() if isinstance(text, Mapping) else text)


def _doubt(teacher: Model, logits: Tensor, label: int) -> float:
    """Return how open a place is, 0 where it shows little: in nats over ten tokens."""
    shares = logits.softmax(-1).topk(TOP)
    if label not in shares.indices.tolist():
        return 0.0
    words = [teacher.tokenizer.decode([token]) for token in shares.indices.tolist()]
    begun = sum(word[:1] == " " and word[1:].isidentifier() for word in words)
    if begun < TOP - 2 or float(shares.values.sum()) < LEAST:
        return 0.0
    return float(-(shares.values * shares.values.log()).sum())


def _logits(model: Model, found: Sequence[tuple[list[int], int]]) -> list[Tensor]:
    """Return what a model says of each place, (V,)."""
    with torch.inference_mode():
        return [
            model(torch.tensor([ids[: at + 1]]))[0, -1].float() for ids, at in found
        ]


def _described(
    teacher: Model, ids: Sequence[int], at: int, said: Mapping[str, Tensor],
    temperatures: Sequence[float],
) -> Place:  # fmt: skip
    likeliest = said[teacher.name].topk(TOP).indices
    shares = {
        (name, temperature): tuple(
            (logits / temperature).softmax(-1)[likeliest].tolist()
        )
        for name, logits in said.items()
        for temperature in map(float, temperatures)
    }
    decode = teacher.tokenizer.decode
    before = _shortened(" ".join(decode(ids[: at + 1]).split()))
    words = tuple(_written(decode([token])) for token in likeliest.tolist())
    return Place(before, _written(decode([ids[at + 1]])), words, shares)


def _shortened(text: str) -> str:
    """Return the end of a text, from the beginning of a word on."""
    end = text[-BEFORE:]
    return end if end == text else end[end.find(" ") + 1 :]


def _written(word: str) -> str:
    """Return a token as a reader sees it: white space is named."""
    return word.strip() or {"\n": "new line"}.get(word, "blank")


def _elsewhere(teacher: Model, text: Texts) -> Record:
    scores = quality.score(teacher, text)
    others = 1 - 2.0**-scores.bits
    parts = scores.sums(others, numpy.ones(len(others)))
    return bootstrap.of_scores(ELSEWHERE, parts, bootstrap.ratio, scores)
