"""Which tests belong to one lab: `pytest --lab quantization` runs these and no others.

They are the tests that `llmlab where` lists, and of those that run over every lab, the
ones whose id names its notebook or its exercises.
"""

import pytest

import llmlab
from llmlab.command import labs, where

# These run over every notebook or every exercise, each under an id of its own.
OVER_ALL = (
    "labs/test_notebooks.py",
    "labs/test_notebook_runs.py",
    "labs/test_pattern.py",
    "labs/test_glossary.py",
    "labs/test_pages.py",
    "labs/test_slices.py",
    "checks/test_mutants.py",
    "labs/test_grading.py",
    "labs/test_inputs.py",
    "grading/test_grader.py",
)


def listed(word):
    """Return the test files of a lab."""
    return [path for what, path in where.places(word) if what.startswith("tests")]


def files(word):
    """Return all files that hold tests of a lab; UsageError if it has none."""
    known = [each for each in llmlab.WORDS if listed(each)]
    if word not in known:
        raise pytest.UsageError(
            f"--lab={word!r} is no word of a lab that has tests; choose one of "
            f"{', '.join(known)}"
        )
    return [*listed(word), *(labs.package().parent / "tests" / f for f in OVER_ALL)]


def belongs(item, word):
    """Say whether a collected test is of this lab."""
    if any(item.path.is_relative_to(path) for path in listed(word)):
        return True
    name = item.callspec.id if hasattr(item, "callspec") else ""
    notebooks = [labs.file(lab).removesuffix(".ipynb") for lab in labs.rows(word)]
    return name in notebooks or name.startswith(f"{word}.")
