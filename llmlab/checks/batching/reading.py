"""Read plans, batches and whole numbers, whatever containers they came in.

What the engine is handed must be whole: a plan of 3.0 tokens is none.
"""

from collections.abc import Mapping
from typing import Any

from llmlab.checks import shown, values
from llmlab.checks.exercise import MisfitError, Value
from llmlab.checks.shown import Written
from llmlab.core.arguments import is_whole

WHOLE = "`//` keeps whole numbers whole, `/` gives floats; int(x) makes a tensor whole."
PLAN = "return a dict: plan[row.id] = tokens, for those that get some."
IDS = "the keys are ids: row.id, neither rows nor places in a list."
PAIRS = "return a list with a pair for each batch: (start, members)."
MEMBERS = "members are a list of places in arrivals, counted from 0."


def whole(value: Any, what: str) -> int:
    """Return a whole number; MisfitError for 3.0 and tensors."""
    if not is_whole(value):
        raise MisfitError(f"{what}: a whole number", expected="an int",
                          got=shown.value(value), hint=WHOLE)  # fmt: skip
    return int(value)


def plan(answer: Any) -> Written:
    """Write a plan {id: tokens} in the order of the ids."""
    if not isinstance(answer, Mapping):
        raise MisfitError("the plan is a dict", expected="a dict {id: tokens}",
                          got=shown.value(answer), hint=PLAN)  # fmt: skip
    tokens = {}
    for name in answer:
        if not is_whole(name):
            raise MisfitError("the plan names requests by their ids",
                              expected="ids as keys", got=shown.value(name),
                              hint=IDS)  # fmt: skip
        tokens[int(name)] = whole(answer[name], f"the tokens of request {int(name)}")
    return Written(dict(sorted(tokens.items())))


def batches(answer: Any, most: int) -> Written:
    """Write pairs (start, members) with six digits; `most` pairs and a few more."""
    pairs = values.pulled(answer, most)
    if pairs is None:
        raise MisfitError("the batches are a list of pairs",
                          expected="a list of pairs (start, members)",
                          got=shown.value(answer), hint=PAIRS)  # fmt: skip
    return Written(f"[{', '.join(_batch(pair, most) for pair in pairs)}]")


def _batch(pair: Any, most: int) -> str:
    both = Value("its start"), Value("its members")
    start, members = values.unpack(pair, both, "each batch")
    moment = values.read(start, 0.0, Value("when a batch leaves"))
    try:
        places = values.read(members, [0] * most, Value("the members of a batch"))
    except MisfitError as misfit:
        raise MisfitError(misfit.promise, expected=misfit.expected, got=misfit.got,
                          hint=MEMBERS) from None  # fmt: skip
    named = ", ".join(f"{place:g}" for place in places)
    return f"({moment:.6g}, [{named}])"
