"""Which tests a run holds: everything, less what is for another time, which it names.

    --lane together|alone   one half of `make test`: tests/lanes.py runs both
    --labs all|WORDS        which notebooks are executed; without it tests/rotation.py
                            chooses
    --lab WORD              what belongs to one lab, and nothing else
    --everything            all suites and all labs, as `make test-all` does
    --extra NAME            the suite of an extra; it fails where nothing of it runs

A plugin of conftest.py. tests/summary.py names at the end what was left out.
"""

import re
import shutil
from collections import Counter

import one_lab
import pytest
import rotation

# The heavy suites, each a marker. What of them did not run is said at the end.
SUITES = (
    "binder", "browser", "classes", "cuda", "elsewhere", "fpga", "grading", "jax",
    "minute", "notebook", "onnx", "openvino", "redis", "release", "sanitize", "slow",
    "smollm2", "torchao", "wheel",
)  # fmt: skip
LATER = (
    "classes",
    "elsewhere",
    "minute",
    "release",
    "sanitize",
)  # for make test-all, or asked for by name
SERVERS = {"redis": "redis-server"}  # suite -> the program that it needs
FIRST = ("notebook", "grading", "wheel", "binder", "slow")  # else one lane ends late


def pytest_addoption(parser):
    """Add the options at the top of this file."""
    group = parser.getgroup("llmlab")
    lanes = ["together", "alone"]
    group.addoption("--lane", choices=lanes, help="a half of the suite")
    group.addoption("--labs", metavar="WORDS", help="labs to execute; all: every one")
    group.addoption("--lab", metavar="WORD", help="what belongs to one lab, only")
    group.addoption("--everything", action="store_true", help="leave nothing out")
    group.addoption("--extra", metavar="NAME", help="the suite of an extra, only")


def pytest_configure(config):
    """Turn a lab's word into the files that hold its tests."""
    config.left_out = {}  # reason -> how many tests
    config.known_suites = Counter()
    if config.option.lab is not None:
        config.args = [str(path) for path in one_lab.files(config.option.lab)]


def pytest_ignore_collect(collection_path, config):
    """Spare a lane or an extra that has little to do from reading all the rest."""
    wanted = "alone" if config.option.lane == "alone" else config.option.extra
    if wanted and collection_path.name.startswith("test_"):
        text = collection_path.read_text(encoding="utf-8")
        return f"mark.{wanted}" not in text or None
    return None


@pytest.hookimpl(trylast=True)  # pytest-randomly has shuffled then
def pytest_collection_modifyitems(config, items):
    """Leave out what is for another time, and begin with the files that take long."""
    option = config.option
    config.known_suites.update(name for item in items for name in suites_of(item))
    if option.extra is not None:
        leave_out(config, items, lambda item: option.extra not in suites_of(item))
    elif option.lab is not None:
        leave_out(config, items, lambda item: not one_lab.belongs(item, option.lab))
    if not option.everything and not option.extra and not _by_name(config):
        _leave_out_what_is_for_later(config, items)
    if not option.everything and not option.lab and not _by_name(config):
        _leave_out_labs(config, items)
    if option.lane is not None:
        alone = option.lane == "alone"
        leave_out(config, items, lambda item: _is(item, "alone") is not alone)
        slow = {item.path for item in items if any(_is(item, one) for one in FIRST)}
        items.sort(key=lambda item: item.path not in slow)


def suites_of(item):
    """Return the heavy suites that a test belongs to."""
    return [name for name in SUITES if _is(item, name)]


def leave_out(config, items, unwanted, reason=None):
    """Deselect tests; the end of the run gives the reason, if any."""
    left = [item for item in items if unwanted(item)]
    if left:
        gone = set(left)
        items[:] = [item for item in items if item not in gone]
        config.hook.pytest_deselected(items=left)
    if left and reason:
        config.left_out[reason] = config.left_out.get(reason, 0) + len(left)


def _leave_out_what_is_for_later(config, items):
    for name in LATER:
        if name not in config.option.markexpr:
            why = f"{name}: for `make test-all` or `pytest -m {name}`"
            leave_out(config, items, lambda item, name=name: _is(item, name), why)
    for name, program in SERVERS.items():
        if shutil.which(program) is None:
            why = f"{name}: there is no {program} here"
            leave_out(config, items, lambda item, name=name: _is(item, name), why)


def _leave_out_labs(config, items):
    rotated = [item for item in items if _is(item, "rotated")]
    if not rotated:
        return
    due = rotation.due(config.option.labs)
    config.due_labs = due

    def is_not_due(item):
        return _is(item, "rotated") and notebook_of(item.nodeid) not in due

    leave_out(config, items, is_not_due, "labs whose outputs are from this very tree")


def notebook_of(nodeid):
    """Return the notebook that a test's id names: "04_quantization", or None."""
    named = re.search(r"\[(?:.*-)?(\d\d[a-z]?_\w+)\]$", nodeid)
    return named[1] if named else None


def _by_name(config):
    """Say whether somebody asks for a test by its name, which then runs."""
    return any("::" in word or "elsewhere" in word for word in config.args)


def _is(item, name):
    return item.get_closest_marker(name) is not None
