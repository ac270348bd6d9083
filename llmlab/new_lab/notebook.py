"""The cells of a new lab, in the pattern of all labs.

Four sections go from why to elsewhere, with a drawing, a guess, an exercise, its
example and check, a result and a table; the end has the learner's turn. What is to be
written says FILL. The exercises are small and right, so that the skeleton runs.
"""

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NAMES = ("first", "second", "third", "fourth")  # of the exercises, until they have one
POINTS, BY_HAND, MINUTES = 2, 3, (16, 16, 28, 20)
STARS = ("★☆☆", "★★☆", "★★★", "★★☆")
ELSEWHERE = (
    "https://docs.pytorch.org",
    "https://huggingface.co/docs/transformers",
    "https://docs.vllm.ai",
    "https://github.com/ggml-org/llama.cpp",
)
METADATA = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def build(word: str, number: str, question: str) -> NotebookNode:
    """Return the notebook of a lab; number as in its file's name: "07"."""
    cells = [
        new_markdown_cell(_top(number, question), id="title"),
        *_start(word),
        *(cell for place in range(len(NAMES)) for cell in _section(word, place)),
        *_end(),
    ]
    made = new_notebook(cells=cells, metadata=METADATA)
    nbformat.validate(made)
    return made


def _top(number: str, question: str) -> str:
    rows = [
        f"| {_title(place)} | {minutes} | 5 | {POINTS} |"
        for place, minutes in enumerate(MINUTES)
    ]
    sums = sum(MINUTES) + 20, 5 * len(NAMES), POINTS * len(NAMES) + BY_HAND
    table = "\n".join(
        [
            "| section | you, minutes | machine, seconds | points |",
            "| --- | --- | --- | --- |",
            *rows,
            f"| Your turn | 20 | 0 | {BY_HAND} |",
            f"| **together** | {sums[0]} | {sums[1]} | {sums[2]} |",
        ]
    )
    return f"""# {number} · {question}

> FILL: who asks this, in the story of the owner of `coder`, and why it matters.

**You will be able to**

- FILL: the first thing, with a verb
- FILL: the second
- FILL: the third

**Before you start:** FILL: what to know, and which labs come first.

{table}

**Machine:** 2 minutes of machine time on two cores, 1.2 GB of memory."""


def _start(word: str) -> list[NotebookNode]:
    tools = f"""from llmlab import checks, journal, measure, show
from llmlab.checks import {word} as check
from llmlab.core import records

journal.open("{word}")
measure.settle()"""
    return [new_code_cell(tools, id="tools")]


def _title(place: int) -> str:
    return f"{place + 1}. FILL: section {place + 1}"


def _section(word: str, place: int) -> list[NotebookNode]:
    name, number = NAMES[place], place + 1
    opening = f"""## {_title(place)}

FILL: why, in this machine's numbers. Then the idea, step by step."""
    guess = """**Guess.** FILL: what will come out?

- **A** 10 ×: because FILL
- **B** 3 ×: because FILL
- **C** 1 ×: because FILL"""
    core = " · core" if name == "third" else ""
    task = f"""### Exercise {number} {STARS[place]} · {MINUTES[place] - 8} minutes{core}

FILL: what to write, what it is given, and each case that the check asks."""
    closing = f"""**Takeaway.** FILL: three sentences.

**Elsewhere.** FILL: its names, and where it lives: [FILL]({ELSEWHERE[place]})."""
    return [
        new_markdown_cell(opening, id=f"{name}-idea"),
        new_code_cell(f"show.{word}.drawings.{name}()", id=f"{name}-drawing"),
        new_markdown_cell(guess, id=f"{name}-guess"),
        new_code_cell(_predict(name), id=f"{name}-predict"),
        new_markdown_cell(task, id=f"{name}-task"),
        new_code_cell(_answer(name, number), id=name, metadata=_solution(name)),
        new_code_cell(
            _example(name, number), id=f"example-{name}", metadata={"tags": ["example"]}
        ),
        new_code_cell(
            f"check.{name}({name})", id=f"check-{name}", metadata=_grade(name)
        ),
        new_code_cell(_result(name), id=f"{name}-result"),
        new_code_cell(f"show.table({name}_fact)", id=f"{name}-table"),
        new_markdown_cell(closing, id=f"{name}-takeaway"),
    ]


def _predict(name: str) -> str:
    return f"""journal.predict(
    "FILL {name}", None, unit="×", choices={{"A": 10, "B": 3, "C": 1}}
)"""


def _answer(name: str, number: int) -> str:
    return f'''# Exercise {number}: keep the values above zero.
def {name}(values):
    """Return the values above zero, in their order."""
    ### BEGIN SOLUTION
    kept = []
    for value in values:
        if value > 0:
            kept.append(value)
    return kept
    ### END SOLUTION'''


def _example(name: str, number: int) -> str:
    """Return the text that the check gives; the cut writes it anew from there."""
    return (
        f"# The example of exercise {number}; your function should give the value on "
        f"the right.\n{name}([3, -1, 4])  # [3, 4]"
    )


def _result(name: str) -> str:
    return f"""{name}_size = len({name}([3, -1, 4]))
{name}_fact = records.measured("FILL {name}", {name}_size, "×")
journal.measured("FILL {name}", {name}_fact)"""


def _end() -> list[NotebookNode]:
    stretch = """## Your turn

### Stretch ★★★ · 20 minutes

FILL: an exercise without a stub, that goes on where the core stopped."""
    question = """### Question

FILL: a question that two or three sentences with a number of this lab can answer."""
    frame = """### Experiment

FILL: an invitation. Design it before you run it:

| part | yours |
| --- | --- |
| question | |
| guess | |
| what is varied | |
| what is held | |
| result | |"""
    wild = """## In the wild

FILL: a system that many people use, with its numbers and whose they are."""
    on = """## Read on

- FILL: [a paper](https://arxiv.org/abs/1706.03762)
- FILL: [a page](https://onnxruntime.ai/docs)"""
    return [
        new_markdown_cell(stretch, id="stretch"),
        new_markdown_cell(question, id="question"),
        new_markdown_cell("FILL: a good answer.", id="answer", metadata=_by_hand()),
        new_markdown_cell(frame, id="experiment"),
        new_markdown_cell(wild, id="wild"),
        new_markdown_cell(on, id="read-on"),
    ]


def _grading(grade_id: str, fields: dict[str, bool | int]) -> dict:
    flags = {"grade": False, "locked": False, "solution": False, "task": False}
    return {"nbgrader": {"grade_id": grade_id, "schema_version": 3} | flags | fields}


def _solution(name: str) -> dict:
    return _grading(name, {"solution": True})


def _grade(name: str) -> dict:
    fields = {"grade": True, "locked": True, "points": POINTS}
    return _grading(f"check-{name}", fields)


def _by_hand() -> dict:
    return _grading("answer", {"grade": True, "solution": True, "points": BY_HAND})
