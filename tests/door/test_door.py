"""The public door: whatever stands in an argument's place, one sentence or an answer.

Each function of the tables beside this file is called with right arguments but for one,
in whose place stands what a learner may put there. It may take it; else it says in one
sentence of its own which argument is meant. What the tables lack stands in
`not_asked.py` with a reason.
"""

import inspect
import math
import traceback
from pathlib import Path
from types import ModuleType

import door_arrays
import door_attention
import door_measure
import door_models
import door_pruning
import door_show
import door_techniques
import not_asked
import numpy
import pytest

import llmlab
from llmlab import journal

ROOM = str(Path(llmlab.__file__).parent)
BAD = {
    "None": None,
    "text": "abc",
    "bytes": b"abc",
    "bool": True,
    "nan": math.nan,
    "-1": -1,
    "huge": 10**400,
    "numpy": numpy.int64(3),
    "empty": [],
    "object": object(),
}
TABLES = (
    door_arrays,
    door_attention,
    door_measure,
    door_models,
    door_pruning,
    door_show,
    door_techniques,
)
DOOR = {one: right for table in TABLES for one, right in table.DOOR.items()}
CASES = [
    pytest.param(one, id=f"{one.__module__.removeprefix('llmlab.')}.{one.__name__}")
    for one in DOOR
]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for all: what this machine can do at most is measured once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.parametrize("function", CASES)
def test_an_argument_is_taken_or_refused_in_one_sentence(
    function, cache, tmp_path, monkeypatch
):
    monkeypatch.setenv("LLMLAB_CACHE", str(cache))
    monkeypatch.setenv("LLMLAB_TIME", "0.01")
    monkeypatch.chdir(tmp_path)
    faults = {
        f"{name}, {key}": fault(function, name, value)
        for name in DOOR[function]()
        for key, value in BAD.items()
    }
    assert not {case: said for case, said in faults.items() if said}


def fault(function, name, value):
    """Return what is wrong with the answer to a value in an argument's place."""
    arguments = DOOR[function]() | {name: value}
    try:
        function(**arguments)
    except (ValueError, OSError, journal.predictions.guesses.OpenGuess) as error:
        said = str(error)
        place = traceback.extract_tb(error.__traceback__)[-1]
        if not place.filename.startswith(ROOM):
            return f"said elsewhere: {said}"
        if not said or "\n" in said.strip() or len(said) >= 500:
            return f"no single sentence: {said}"
        if name not in said and repr(value) not in said:
            return f"does not name the argument: {said}"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        return f"{type(error).__name__} in {where}: {error}"
    return None


def public_functions(room=llmlab, seen=None):
    """Return the functions of llmlab that its rooms show, by their dotted names."""
    seen = {room} if seen is None else seen
    functions = {}
    for word in dir(room):
        shown = None if word.startswith("_") else getattr(room, word)
        if isinstance(shown, ModuleType):
            if shown not in seen and shown.__name__.startswith(room.__name__):
                seen.add(shown)
                functions |= public_functions(shown, seen)
        elif inspect.isfunction(shown) and shown.__module__.startswith("llmlab."):
            if hasattr(room, "__all__") or shown.__module__ == room.__name__:
                functions[shown] = f"{shown.__module__}.{shown.__qualname__}"
    return functions


def test_every_public_function_is_asked_or_listed_with_a_reason():
    asked = {f"{one.__module__}.{one.__qualname__}" for one in DOOR}
    public = {*public_functions().values()}
    rest = {name for name in public - asked if not not_asked.reason(name)}
    assert not rest, "put them into a table of tests/door, or into not_asked.py"


def test_what_is_listed_is_public_and_not_asked():
    asked = {f"{one.__module__}.{one.__qualname__}" for one in DOOR}
    public = {*public_functions().values()}
    for place, why in not_asked.REASONS.items():
        covered = {name for name in public if f"{name}.".startswith(f"{place}.")}
        assert covered, f"{place} is no longer there"
        assert covered - asked, f"all of {place} is asked; take it out"
        assert why
