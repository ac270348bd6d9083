"""What a room shows: to `dir()` and the tab key, to `help()`, to an import by name."""

import importlib
import pydoc
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import llmlab

HOME = Path(llmlab.__file__).parent
ROOMS = sorted(path.parent for path in HOME.rglob("__init__.py"))
MODULES = sorted(path for path in HOME.rglob("*.py") if path.stem != "__main__")
EXERCISES = "llmlab.checks."  # each stands in a file of its own name


def named(path):
    parts = path.relative_to(HOME.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def room_names():
    return [named(path) for path in ROOMS]


def fresh_python(code):
    """Run code in a new interpreter and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", room_names())
def test_dir_of_a_room_is_what_is_public(name):
    room = importlib.import_module(name)
    assert dir(room) == sorted(room.__all__)
    assert len(set(room.__all__)) == len(room.__all__)
    assert not [word for word in dir(room) if word.startswith("_")]


@pytest.mark.parametrize("name", room_names())
def test_all_that_a_room_shows_is_there(name):
    room = importlib.import_module(name)
    for word in dir(room):
        shown = getattr(room, word)
        if isinstance(shown, ModuleType):
            assert shown.__name__ == f"{name}.{word}", "a module of another room"
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = room.nothing_of_the_kind


def test_models_show_the_modules_that_labs_use():
    from llmlab import models

    assert {"generation", "training", "surgery", "calibration", "load"} <= {
        *dir(models)
    }


def test_what_a_room_shows_is_imported_when_it_is_first_used():
    code = (
        "import sys, llmlab\n"
        "print('torch' in sys.modules, 'models' in dir(llmlab))\n"
        "from llmlab import models\n"
        "print('llmlab.models.training' in sys.modules)\n"
        "print(models.training.train.__name__, llmlab.show.figure.__name__)"
    )
    assert fresh_python(code).splitlines() == ["False True", "False", "train figure"]


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_an_import_by_name_gives_the_module(path):
    """A function of the same name in the room would hide it."""
    name = named(path)
    if name.startswith(EXERCISES) or name == "llmlab":
        return
    module = importlib.import_module(name)
    room, _, word = name.rpartition(".")
    assert getattr(sys.modules[room], word) is module, f"{room} has another {word}"


def test_help_on_llmlab_lists_every_room_in_one_line():
    described = re.findall(r"^(\w+) {2,}(\S.*)$", llmlab.__doc__, re.MULTILINE)
    rooms = {path.name for path in ROOMS if path.parent == HOME}
    assert sorted(room for room, _ in described) == sorted(rooms)
    assert {*dir(llmlab)} == rooms | {"LABS", "Lab", "WORDS"}
    shown = pydoc.plain(pydoc.render_doc(llmlab))
    for room, line in described:
        assert re.search(rf"^ +{room} +{re.escape(line)}$", shown, re.MULTILINE)
