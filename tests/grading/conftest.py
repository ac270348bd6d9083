"""One warm process for all tests of grading: to start it takes longer than they do."""

import pytest
from grading.graders import LIMITS, assignment
from notebooks import SOLUTIONS

from llmlab.grading import Grader


@pytest.fixture(scope="session")
def grader():
    """Give a grader of all labs, with the solutions at hand."""
    with Grader([*map(assignment, SOLUTIONS)], limits=LIMITS) as one:
        yield one
