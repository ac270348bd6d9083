"""A small lab for tests: the skeleton that every new lab gets."""

from llmlab.new_lab import notebook as skeleton

QUESTION = "What need not be computed twice?"


def notebook():
    """Return a fresh notebook that follows the pattern."""
    return skeleton.build("caching", "07", QUESTION)


def without_examples():
    """Return it as somebody writes it: the cut puts the examples in."""
    made = notebook()
    made.cells = [one for one in made.cells if not one.id.startswith("example-")]
    return made


def example(name):
    """Return the text of an exercise's example, as a check would give it."""
    return f"# The example of {name}.\n{name}([0, 2])  # [2]"


def cell(made, cell_id):
    """Return the cell of a notebook that has this id."""
    (found,) = [one for one in made.cells if one.id == cell_id]
    return found
