"""Exercise 7: what was used least recently makes room."""

import contextlib
import random
from functools import partial

from llmlab.checks import shown, values
from llmlab.checks.exercise import Exercise, MisfitError, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

GIVES = Value("whether it was a hit"), Value("the keys")


def lru_step(keys, key, capacity, *, refresh=True, goes=0, limit=0, calm=False,
             front=False, double=False):
    """Return whether the key was there, and the keys after this request.

    The knobs each make a typical mistake. goes: the place of the key that makes room;
    limit: keys more than the capacity that stay. calm: no hit makes room.
    """
    hit = key in keys
    if hit and not refresh:
        return hit, [*keys]
    rest = [*keys] if double else [one for one in keys if one != key]
    room = capacity + limit
    if rest and len(rest) >= room and not (calm and hit):
        del rest[goes]
    return hit, [key, *rest] if front else [*rest, key]


def _right(keys, key, capacity):
    return lru_step(keys, key, capacity)


def observed(answer, keys, key, capacity):
    """Return the hit in a word, and the keys."""
    hit, after = values.unpack(answer, GIVES, "lru_step")
    return _word(hit), after


def _word(hit):
    plain = hit
    with contextlib.suppress(Exception):  # whatever an object does when it is asked
        plain = hit.item()  # of NumPy and torch
    if not isinstance(plain, bool | int) or plain not in (0, 1):
        raise MisfitError("whether it was a hit: True or False",
                          expected="True or False", got=shown.value(hit),
                          hint="`key in keys` is True where it is there: a hit.")
    return "hit" if plain else "miss"


def _room_first(keys, key, capacity, *, but_for_key=False):
    """Make room before it is known whether any is needed."""
    rest = [one for one in keys if one != key] if but_for_key else [*keys]
    if len(keys) >= capacity:
        rest = rest[1:]
    return key in keys, [*(one for one in rest if one != key), key]


def _below(keys, key, capacity):
    """Keep fewer keys than the capacity, and none where it is one."""
    hit, after = lru_step(keys, key, 10**9)
    return hit, after[1:] if len(after) >= capacity else after


def _smallest_goes(keys, key, capacity):
    hit, after = lru_step(keys, key, 10**9)
    least = min(after)
    return hit, after if len(after) <= capacity else [x for x in after if x != least]


def _forgets(keys, key, capacity):
    """Give the keys back as they were after a miss."""
    return (True, _right(keys, key, capacity)[1]) if key in keys else (False, [*keys])


def _only_full(keys, key, capacity):
    """Leave the new key out where all places are taken."""
    full = len(keys) >= capacity and key not in keys
    return (False, [*keys]) if full else _right(keys, key, capacity)


def _swapped(keys, key, capacity):
    """Let a hit change places with the last one."""
    if key not in keys:
        return _right(keys, key, capacity)
    after = [*keys]
    place = after.index(key)
    after[place], after[-1] = after[-1], after[place]
    return True, after


def _emptied(keys, key, capacity):
    """Throw everything away where there is no room."""
    hit, after = lru_step(keys, key, 10**9)
    return hit, after if len(after) <= capacity else [key]


def _cases():
    yield case([3, 8, 5], 3, 3)
    yield case([3, 8, 5], 6, 3)  # no room
    yield case([3, 8, 5], 6, 4)  # room for one
    yield case([3, 8, 5], 6, 9)
    yield case([4, 1, 7, 2], 7, 4)  # one from the middle
    yield case([4, 1, 7, 2], 2, 4)  # the newest
    yield case([4, 1, 7, 2], 1, 6)  # a hit with room
    yield case([], 5, 2)
    yield case([9], 4, 1)
    yield case([9], 9, 1)
    yield case([0, 6], 0, 2)
    yield case([5, 0], 7, 2)
    yield case([7, 2, 9, 1, 3], 4, 5)  # by use, not by number
    yield case([2, 7, 9, 1, 3], 0, 5)
    dice = random.Random(0)
    for count in (6, 7):
        keys = dice.sample(range(30), count)
        yield case(keys, dice.choice(keys[1:-1]), count)
        yield case(keys, 40, count)


EXERCISE = Exercise(
    name="lru_step",
    right=_right,
    gives=GIVES,
    cases=lambda: [*_cases()],
    covers="hits and misses, with room and without",
    hints=(
        "Whoever was used last stands last; so the first one has waited longest.",
        "A hit takes the key out of its place and puts it at the end; a miss puts it "
        "at the end, and the first one goes if there are more than capacity.",
        "hit = key in keys; keys = [one for one in keys if one != key] + [key]; "
        "return hit, keys[-capacity:].",
    ),
    hint="the key goes to the end; of more than `capacity` keys the first one goes.",
    observe=observed,
    tolerance=0.0,
    mistakes={
        "a hit is a use, too: its key moves to the end. This is first in, first out.":
            partial(lru_step, refresh=False),
        "the newest one goes here; the first has waited longest.":
            partial(lru_step, goes=-1),
        "this makes room too early: exactly `capacity` keys may stay.": (
            partial(lru_step, limit=-1),
            partial(lru_step, limit=-1, calm=True),
            lambda keys, key, size: lru_step(keys, key, max(1, size - 1)),
            _below,
            lambda keys, key, size: lru_step(keys, key, size if key in keys else 0),
        ),
        "nothing goes here: with the new one at most `capacity` keys stay.":
            partial(lru_step, limit=1),
        "a hit needs no room: none of the others goes.": (
            _room_first, partial(_room_first, but_for_key=True),
        ),
        "a hit moves its key; here it stands in two places.": (
            partial(lru_step, double=True),
            partial(lru_step, double=True, limit=10**9),
        ),
        "least recently used first: what is used now goes to the end.": (
            partial(lru_step, front=True), partial(lru_step, front=True, goes=-1),
            lambda *a: (_right(*a)[0], _right(*a)[1][::-1]),
        ),
        "it was a hit if the key was there before this request.": (
            lambda *a: (True, _right(*a)[1]),
        ),
        "this says that there was no hit, even where there was one.":
            lambda *a: (False, _right(*a)[1]),
        "a hit is where the key was there; this says the opposite.":
            lambda *a: (not _right(*a)[0], _right(*a)[1]),
        "a miss is computed and then kept: its key goes to the end.": _forgets,
        "what is new is kept, and the first one makes room for it.": _only_full,
        "the others keep their order: take the key out, put it at the end.": _swapped,
        "one makes room, not all of them.": _emptied,
        "this goes by the keys' numbers; it is their order that says who waited.": (
            lambda keys, key, size: _right(sorted(keys), key, size),
            lambda *a: (_right(*a)[0], sorted(_right(*a)[1])),
            _smallest_goes,
        ),
        "these are the right values in another order: the hit first, then the keys.":
            lambda *a: _right(*a)[::-1],
    },
)
