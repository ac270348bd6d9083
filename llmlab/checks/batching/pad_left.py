"""Exercise 1: prompts of unequal length in one tensor, padding in front."""

import random
from functools import partial

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

INDEX = "all three are whole numbers, torch.int64: lists of ints become that, and " \
        "`.long()` makes it of floats or truth values."
REAL = "a real token may be equal to pad: lengths say what is padding, not tokens."


def filled(rows, width, fill, *, front=True):
    """Return a tensor (B, width) of rows, filled up in front or behind."""
    gaps = [[fill] * (width - len(row)) for row in rows]
    pairs = zip(gaps, map(list, rows), strict=True)
    return torch.tensor([gap + row if front else row + gap for gap, row in pairs])


def pad_left(prompts, pad, *, front=True, first=0, gap=0, fill=None, width=max):
    """Return tokens, mask and positions, (B, T) each.

    The knobs each make a typical mistake. first: position of the first token, gap:
    those of padding, fill: the token that is put there.
    """
    size = width(map(len, prompts))
    prompts = [prompt[:size] for prompt in prompts]
    ones = [[1] * len(prompt) for prompt in prompts]
    places = [range(first, first + len(prompt)) for prompt in prompts]
    fill = pad if fill is None else fill
    return (filled(prompts, size, fill, front=front),
            filled(ones, size, 0, front=front),
            filled(places, size, gap, front=front))


def _right(prompts, pad):
    return pad_left(prompts, pad)


def _shown(change):
    """Return the mistake of changing the three tensors."""
    return lambda prompts, pad: change(*_right(prompts, pad))


def _columns(mask):
    return torch.arange(mask.shape[1]).expand(mask.shape)


def _from_mask(tokens, mask):
    """Return tokens, a mask, and the positions that follow from it."""
    return tokens, mask, (mask.cumsum(1) - 1).clamp(min=0)


def _by_token(prompts, pad):
    tokens = _right(prompts, pad)[0]
    return tokens, (tokens != pad).long(), tokens


def _cut_in_front(prompts, pad):
    size = min(map(len, prompts))
    return _right([prompt[len(prompt) - size :] for prompt in prompts], pad)


def _cases():
    yield case([[5, 6, 7], [8]], 0)
    yield case([[4], [9, 2, 6, 1], [3, 3, 8]], 7)
    yield case([[2, 5, 2], [2], [6, 2, 2, 9, 2], [2, 8]], 2, about=REAL)
    yield case([[0, 4, 0], [11, 0, 3, 0, 0], [0, 0]], 0, about=REAL)
    yield case([[12, 0, 5, 9]], 3)
    yield case([[6, 1], [8, 4], [0, 9]], 1)
    dice = random.Random(0)
    for count, pad in ((6, 5), (3, 60)):
        sizes = dice.sample(range(1, 12), count)
        yield case([[dice.randint(0, 60) for _ in range(n)] for n in sizes], pad)


EXERCISE = Exercise(
    name="pad_left",
    right=_right,
    gives=(Value("the tokens", tensor=TENSOR, dtype=INDEX),
           Value("the mask", tensor=TENSOR, dtype=INDEX),
           Value("the positions", tensor=TENSOR, dtype=INDEX)),
    cases=lambda: [*_cases()],
    covers="with a pad that is a real token, too",
    hints=(
        "Rows become as long as the longest prompt; what is missing goes in front.",
        "missing = width - len(prompt) says all: pad, 0 and 0 stand so many times in "
        "front of the prompt, of ones, and of 0, 1, 2, …",
        "tokens.append([pad] * missing + prompt); mask.append([0] * missing + [1] * "
        "len(prompt)); positions.append([0] * missing + list(range(len(prompt)))).",
    ),
    hint="in front of each prompt `width - len(prompt)` times: pad, 0 in the mask, 0 "
         "in the positions.",
    tolerance=0.0,
    mistakes={
        "padding goes in front: the last column is the last token of every prompt.": (
            partial(pad_left, front=False),
            lambda prompts, pad: (
                *pad_left(prompts, pad, front=False)[:2],
                _columns(_right(prompts, pad)[1]),
            ),
            lambda prompts, pad: (
                pad_left(prompts, pad, front=False)[0], *_right(prompts, pad)[1:],
            ),
        ),
        "the mask is 1 where a token is real; here it is the other way round.": (
            _shown(lambda tokens, mask, at: (tokens, 1 - mask, at)),
            _shown(lambda tokens, mask, at: _from_mask(tokens, 1 - mask)),
        ),
        REAL: (
            lambda prompts, pad: _from_mask(*_by_token(prompts, pad)[:2]),
            lambda *a: (*_by_token(*a)[:2], _right(*a)[2]),
            lambda *a: (*_by_token(*a)[:2], _right(*a)[2] * _by_token(*a)[1]),
        ),
        "positions count the real tokens of a row from 0; here they count the columns.":
            (
                _shown(lambda tokens, mask, at: (tokens, mask, _columns(mask))),
                _shown(lambda tokens, mask, at: (tokens, mask, _columns(mask) * mask)),
            ),
        "padding has position 0; here it has a negative one.": (
            partial(pad_left, gap=-1),
            _shown(lambda tokens, mask, at: (
                tokens, mask,
                _columns(mask) - (1 - mask).sum(1, keepdim=True),
            )),
        ),
        "padding has position 0; here it has 1.": partial(pad_left, gap=1),
        "positions count from 0; here the first token has 1.":
            partial(pad_left, first=1),
        "padding has the position of no real token: 0, with the mask at 0, too.":
            _shown(lambda tokens, mask, at: (tokens, mask, at.flip(1))),
        "pad is the token to fill up with; here it is another one.": (
            partial(pad_left, fill=0), partial(pad_left, fill=-1),
        ),
        "the mask hides the padding: 0 there, 1 at real tokens.":
            (
                _shown(lambda tokens, mask, at: (tokens, torch.ones_like(mask), at)),
                _shown(lambda tokens, mask, at: (
                    tokens, torch.ones_like(mask), _columns(mask))),
            ),
        "no token goes: shorter prompts are filled up to the longest.": (
            partial(pad_left, width=min), _cut_in_front,
        ),
        "a prompt keeps the order of its tokens; here it is reversed.": (
            lambda prompts, pad: _right([p[::-1] for p in prompts], pad),
            lambda prompts, pad: (
                _right([p[::-1] for p in prompts], pad)[0], *_right(prompts, pad)[1:],
            ),
        ),
        "rows stay in the order of the prompts: they are not sorted by length.": (
            lambda prompts, pad: _right(sorted(prompts, key=len), pad),
            lambda prompts, pad: _right(sorted(prompts, key=len, reverse=True), pad),
        ),
        "a row is a prompt, (B, T); here it is a column.":
            _shown(lambda *three: tuple(one.T for one in three)),
        "the mask says which tokens are real: the padding of a row, not its length.":
            _shown(lambda tokens, mask, at: (tokens, mask.sum(1), at)),
    },
)
