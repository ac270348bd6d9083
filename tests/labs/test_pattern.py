"""The labs follow their pattern, and each rule of it can fail."""

import counts
import meanings
import nbformat
import pattern
import pytest
import small_lab as small
from nbformat.v4 import new_code_cell, new_markdown_cell
from notebooks import each_solution, listed_as, read


def faults_with(changes):
    """Return the faults of the small lab with other sources in some cells."""
    made = small.notebook()
    for cell_id, source in changes.items():
        small.cell(made, cell_id).source = source
    return pattern.faults(made)


def replaced(cell_id, old, new):
    """Return the source of a cell of the small lab with one thing changed."""
    source = small.cell(small.notebook(), cell_id).source
    assert old in source
    return source.replace(old, new)


def code(*sources):
    return [new_code_cell(source, id=f"{n}") for n, source in enumerate(sources)]


def value(name, made):
    (found,) = [one for one in counts.counts(made) if one.name == name]
    return found


# --- the labs


@each_solution
def test_a_lab_follows_the_pattern(path):
    assert pattern.faults(read(path)) == []


@each_solution
def test_a_lab_keeps_to_its_numbers(path):
    over = [one for one in counts.counts(read(path)) if not one.holds]
    assert not over, f"python solutions/counts.py {listed_as(path).split()[0]}"


# --- the rules can fail


def test_the_small_lab_follows_the_pattern_and_keeps_to_its_numbers():
    assert pattern.faults(small.notebook()) == []
    assert [one for one in counts.counts(small.notebook()) if not one.holds] == []


@pytest.mark.parametrize(
    ("cell_id", "old", "new", "fault"),
    [
        ("title", "?", "", "no question"),
        ("title", "- FILL: the third\n", "", "above 2 points"),
        ("title", "Before you start", "Needs", "Before you start"),
        ("title", "1.2 GB of memory", "little", "GB of memory"),
        ("title", "| section |", "| part |", "has 0 tables of sections"),
        ("title", "| 16 | 5 | 2 |", "| 16 | 5 | 3 |", "3 points, but its cells 2"),
        ("title", "| 28 | 5 |", "| 12 | 5 |", "12 minutes; exercises 20"),
        ("title", "| 100 |", "| 99 |", "minutes are 100"),
        ("title", "| 20 | 11 |", "| 21 | 11 |", "seconds are 20"),
        ("title", "| 20 | 11 |", "| 20 | 12 |", "points are 11"),
        ("title", "| 28 | 5 |", "| 28 | many |", "'many' in the table"),
        ("title", "4. FILL: section 4", "4. Other", "4. FILL: section 4, 4. Other"),
        ("tools", "measure.settle()", "", "measure.settle()"),
        ("first-task", "★☆☆", "★☆", "three stars"),
        ("first-task", " · 8 minutes", "", "4 exercises have 3 headings"),
        ("second-task", "Exercise 2", "Exercise 3", "in order"),
        ("first", "# Exercise 1", "# Exercise 2", "does not open with"),
        ("check-first", "first(first)", "first(second)", "not check.first(first)"),
        ("first-predict", "None", '"B"', "leave None"),
        ("first-predict", "FILL first", "other", "answers this guess"),
        ("first-guess", "- **C** 1 ×: because FILL", "", "the choices A, B"),
        ("first-guess", "**B** 3 ×", "**B** 4 ×", "`- **B** 3 …: a reason`"),
        ("first-guess", "×: because FILL", "×", "a reason"),
        ("first-takeaway", "**Takeaway.**", "So:", "PEXCMSL is not"),
        ("first-takeaway", "**Elsewhere.**", "And:", "ends with **Elsewhere.**"),
        ("stretch", "### Stretch", "### More", "`### Stretch`"),
        ("stretch", "## Your turn", "## Mine", "## Your turn, ## In the wild"),
        ("experiment", "| what is held", "| what else", "has a table with"),
        ("wild", "In the wild", "Elsewhere", "## In the wild"),
        ("read-on", "onnxruntime.ai/docs", "example.org", "https://example.org stands"),
        ("read-on", "1706.03762", "1706.03763", "1706.03763 stands in no list"),
        ("second-table", "show.", "first_fact = 1\nshow.", "'first_fact' is"),
    ],
)
def test_a_fault_is_found_and_said(cell_id, old, new, fault):
    (said, *_) = [
        one
        for one in faults_with({cell_id: replaced(cell_id, old, new)})
        if fault in one
    ]
    assert "\n" not in said


@pytest.mark.parametrize("missing", ["example-first", "check-first", "first-predict"])
def test_a_cell_that_is_missing_is_found(missing):
    made = small.notebook()
    made.cells.remove(small.cell(made, missing))
    assert pattern.faults(made)


def test_an_answer_in_words_is_one_cell_that_a_person_grades():
    made = small.notebook()
    small.cell(made, "answer").metadata = {}
    assert any("one markdown cell" in fault for fault in pattern.faults(made))


def test_a_result_before_its_exercise_is_found():
    made = small.notebook()
    result = small.cell(made, "first-result")
    made.cells.remove(result)
    made.cells.insert(made.cells.index(small.cell(made, "first-task")), result)
    assert any("PMEXCSTL" in fault for fault in pattern.faults(made))


def test_an_address_below_a_root_is_known_and_one_beside_it_is_not():
    assert pattern._is_below("https://docs.vllm.ai/en/latest", "https://docs.vllm.ai")
    assert pattern._is_below("https://docs.vllm.ai", "https://docs.vllm.ai")
    assert not pattern._is_below("https://docs.vllm.ai.net", "https://docs.vllm.ai")


# --- the numbers count what they say


def test_lines_of_the_learner_stand_between_the_marks_and_examples_count_for_nobody():
    made = small.notebook()
    assert value("learner's lines", made).value == 4 * 5
    given = value("given lines", made).value
    small.cell(made, "example-first").source += "\nx = 1\ny = 2"
    small.cell(made, "first").source = replaced(
        "first", "def first", "# no\n\ndef first"
    )
    assert value("given lines", made).value == given
    small.cell(made, "first-table").source += "\n\n# said\nshow.table(first_fact)"
    assert value("given lines", made).value == given + 1


def test_the_share_of_the_learner_is_of_all_lines():
    made = small.notebook()
    learner, given = value("learner's lines", made), value("given lines", made)
    share = 100 * learner.value / (learner.value + given.value)
    assert value("learner's share, %", made).value == round(share, 1)
    small.cell(made, "tools").source += "\nx = 1" * 100
    assert not value("learner's share, %", made).holds


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from llmlab import models\nmodels.load('coder')", {"models.load"}),
        ("import llmlab\nllmlab.models.load('coder')", {"models.load"}),
        ("from llmlab.core.records import Record\nRecord()", {"core.records.Record"}),
        ("from llmlab import measure\nmeasure.roofline.peaks()",
         {"measure.roofline.peaks"}),
        ("from llmlab import measure\nmeasure.roofline.peaks().flops",
         {"measure.roofline.peaks", ".flops"}),
        ("from llmlab import models\nm = models.load('a')\nm.context\nm.context",
         {"models.load", ".context"}),
        ("from llmlab import models\nx = [m.cost(1) for m in [models.load('a')]]",
         {"models.load", ".cost"}),
        ("from llmlab import show, journal, checks\nshow.table(1).records()\n"
         "journal.open('measure')\nchecks.Todo", set()),
        ("from llmlab.checks import measure as check\ncheck.percentile(1)", set()),
        ("import torch\ntorch.ones(3).median()\n'a'.join([])", set()),
        ("from llmlab import models\n%time models.load('a')", set()),
    ],
)  # fmt: skip
def test_a_name_of_our_api_is_counted_once(source, names):
    made = nbformat.v4.new_notebook(cells=code(*source.split("\n%%%\n")))
    assert counts.api_names.used(made) == names


def test_drawings_links_and_sections_are_counted():
    made = small.notebook()
    numbers = {one.name: one.value for one in counts.counts(made)}
    assert [numbers[n] for n in ("drawings", "links", "sections", "exercises")] == [
        4, 6, 4, 4,
    ]  # fmt: skip
    twice = "See https://docs.vllm.ai, [again](https://docs.vllm.ai). <https://a.org>."
    made.cells.append(new_markdown_cell(twice))
    assert counts.addresses(made)[-2:] == [
        "https://onnxruntime.ai/docs",
        "https://a.org",
    ]


def test_the_table_of_counts_marks_what_is_over():
    made = small.notebook()
    assert "✗" not in counts.report(made)
    made.cells += code(*["x = 1"] * 99)
    assert "✗ code cells" in counts.report(made)


def test_counting_says_which_words_there_are(capsys):
    assert counts.main(["sewing"]) == 1
    assert "'sewing' has no solution; choose one of measure" in capsys.readouterr().err


# --- names


@pytest.mark.parametrize(
    "sources",
    [
        ["for x in y: pass\nprint(x)"],
        ["for x in y: pass", "print(x)"],
        ["for x, z in y:\n    a = x", "b = [z for q in y]"],
        ["for a in y:\n    for x in a: pass\n    print(x)"],
        ["if y:\n    for x in y: pass\nprint(x)"],
        ["for x in y: pass\nx += 1"],
        ["a = 1", "a = 2"],
        ["a = 1", "a += 1"],
        ["a = 1", "for a in y: pass"],
        ["a, b = f()", "b = 2"],
        ["with f() as a: pass", "a = 1"],
        ["print(a := 1)", "a = 2"],
    ],
)
def test_a_name_that_cannot_be_trusted_is_found(sources):
    assert meanings.faults(code(*sources))


@pytest.mark.parametrize(
    "sources",
    [
        ["for x in y: print(x)", "for x in z: print(x)"],
        ["for x in y: pass\nx = 1\nprint(x)"],
        ["for x in y: pass", "[x for x in y]", "f = lambda x: x"],
        ["a = 1", "a = 1", "print(a)"],
        ["a = 1\na = 2", "print(a)"],
        ["a = {}", "a['x'] = 1", "a.size = 2"],
        ["[a for a in y]", "{a: 1 for a in z}", "a = 1"],
        ["%time a = 1", "a = 2"],
    ],
)
def test_a_name_that_can_be_trusted_passes(sources):
    assert meanings.faults(code(*sources)) == []
