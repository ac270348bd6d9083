"""The notebooks hold what the course promises: in step, gradable, readable.

What stands in them is looked at without a kernel; `test_notebook_runs` runs them.
"""

import ast
import base64
import os
import re
import statistics
from itertools import pairwise
from pathlib import Path

import cut
import nbformat
import pytest
import small_lab as small
from notebooks import (
    ROOT,
    SOLUTIONS,
    cells,
    each_solution,
    is_check,
    is_example,
    is_exercise,
    is_question,
    read,
    stated,
)

from llmlab.command import labs

LIMIT, FIGURE_LIMIT = 500_000, 40_000  # bytes
TIME_CLASSES = (1, 2, 5)  # minutes
FILLER = re.compile(
    r"\b(simply|obviously|basically|of course|let's|in order to|as you can see|note "
    r"that|it is important|very|really)\b",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`\n]*`|\$[^$\n]*\$", re.DOTALL)


def prose(path):
    """Return the markdown of a notebook, without its code and formulas."""
    return CODE.sub("", "\n\n".join(cell.source for cell in cells(path, "markdown")))


def pieces(path):
    """Return every representation in the outputs: (mime type, content)."""
    return [
        (mime, content)
        for cell in cells(path)
        for output in cell.outputs
        for mime, content in output.get("data", {}).items()
    ]


# --- the labs are the solutions without answers


@each_solution
def test_the_examples_are_those_of_the_checks(path):
    assert cut.text(cut.read(path)) == cut.text(read(path)), "run `make labs`"


def test_an_example_is_written_below_its_exercise_and_nothing_else_changes():
    made = small.without_examples()
    before = cut.text(made)
    once = cut.with_examples(made, small.example)
    assert cut.text(made) == before, "the notebook that is given stays"
    assert cut.text(cut.with_examples(once, small.example)) == cut.text(once)
    places = [place for place, cell in enumerate(once.cells) if is_exercise(cell)]
    assert len(places) == 4
    for place in places:
        name = once.cells[place].metadata.nbgrader.grade_id
        example, check = once.cells[place + 1 : place + 3]
        assert (example.id, example.source) == (f"example-{name}", small.example(name))
        assert example.metadata.tags == ["example"] and is_check(check)
    assert [cell for cell in once.cells if not is_example(cell)] == made.cells


def test_an_example_that_went_stale_is_written_anew_and_keeps_its_outputs():
    made = cut.with_examples(small.notebook(), small.example)
    (stale, *_) = filter(is_example, made.cells)
    stale.source, stale.execution_count = "first(1)  # 2", 7
    (fresh, *_) = filter(is_example, cut.with_examples(made, small.example).cells)
    assert fresh.source == small.example("first") and fresh.execution_count == 7


def test_an_example_without_an_exercise_is_refused():
    made = cut.with_examples(small.notebook(), small.example)
    (lost, *_) = filter(is_example, made.cells)
    lost.id = "example-lost"
    with pytest.raises(ValueError, match=r"example-lost: no exercise .* delete it"):
        cut.with_examples(made, small.example)


def test_the_cut_takes_the_answer_in_words_and_leaves_the_question():
    lab = cut.cut(small.notebook())
    (question,) = filter(is_question, lab.cells)
    assert question.source == cut.ANSWER
    assert "### Question" in lab.cells[lab.cells.index(question) - 1].source


@each_solution
def test_a_lab_is_the_cut_of_its_solution(path):
    lab = ROOT / "labs" / path.name
    assert lab.read_text(encoding="utf-8") == cut.text(cut.cut(read(path))), (
        "run `make labs`"
    )


@each_solution
def test_cutting_twice_gives_the_same(path):
    once = cut.cut(read(path))
    assert cut.text(cut.cut(once)) == cut.text(once)


def test_there_is_no_lab_without_a_solution():
    labs = {path.name for path in (ROOT / "labs").glob("*.ipynb")}
    assert labs == {path.name for path in SOLUTIONS}


@pytest.mark.grading
@pytest.mark.parametrize("made", [*SOLUTIONS, "small"], ids=lambda m: Path(m).stem)
def test_nbgrader_leaves_the_text_of_our_cut(made):
    pytest.importorskip("nbgrader")
    whole = small.notebook() if made == "small" else read(made)
    if made == "small":
        whole = cut.with_examples(whole, small.example)
    from traitlets.config import PyFileConfigLoader

    config = PyFileConfigLoader("nbgrader_config.py", path=str(cut.HERE)).load_config()
    steps = config.GenerateAssignment.preprocessors
    (clear,) = [step for step in steps if step.__name__ == "ClearExercises"]
    left, _ = clear(config=config).preprocess(nbformat.from_dict(whole), {})
    ours = cut.cut(whole)
    assert [cell.source for cell in left.cells] == [cell.source for cell in ours.cells]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("# Exercise 1: do it.\n### BEGIN SOLUTION\nx = 1", "no '### END"),
        ("# Exercise 1: do it.\n### END SOLUTION", "cannot"),
        ("# Exercise 1: do it.\n### BEGIN SOLUTION\n### BEGIN SOLUTION", "cannot"),
        ("x = 1\n### BEGIN SOLUTION\n### END SOLUTION", "Exercise 1"),
    ],
)
def test_an_answer_that_is_not_marked_as_it_should_is_refused(source, why):
    with pytest.raises(ValueError, match=re.escape(why)):
        cut.cut_source(source)


def test_cutting_writes_a_whole_file_or_none(tmp_path):
    place = tmp_path / "labs" / "lab.ipynb"
    assert cut.write(place, "whole\n") and not cut.write(place, "whole\n")
    with pytest.raises(TypeError):
        cut.write(place, b"cannot be written as text")
    assert place.read_text() == "whole\n"
    assert os.listdir(place.parent) == ["lab.ipynb"]


# --- what a class needs


@each_solution
def test_the_metadata_is_what_nbgrader_and_jupyter_expect(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    keys = {"schema_version", "grade_id", "solution", "grade", "locked", "task"}
    grade_ids = []
    for cell in notebook.cells:
        if meta := cell.metadata.get("nbgrader"):
            assert set(meta) - {"points", "cell_type", "checksum"} == keys
            assert meta.schema_version == 3
            assert ("points" in meta and meta.points > 0) == meta.grade
            by_hand = meta.grade and meta.solution
            assert meta.locked == (meta.grade and not by_hand)
            assert (
                cell.cell_type == "markdown"
                if by_hand
                else meta.grade != (meta.solution)
            )
            assert cell.id == meta.grade_id, "ids are stable and tell what it is"
            grade_ids.append(meta.grade_id)
    assert len(set(grade_ids)) == len(grade_ids)


@pytest.mark.grading
@each_solution
def test_nbgrader_itself_finds_the_metadata_valid(path):
    nbgrader = pytest.importorskip("nbgrader.nbgraderformat.v3")
    nbgrader.MetadataValidatorV3().validate_nb(read(path))
    nbgrader.MetadataValidatorV3().validate_nb(read(ROOT / "labs" / path.name))


@each_solution
def test_an_answer_takes_three_to_fifteen_lines(path):
    for cell in filter(is_exercise, cells(path)):
        _, _, rest = cell.source.partition(cut.BEGIN)
        answer = rest.partition(cut.END)[0].strip().splitlines()
        assert 3 <= len(answer) <= 15, cell.id


# --- what a learner reads


@each_solution
def test_one_title_and_headings_in_order(path):
    levels = [len(marks) for marks in re.findall(r"^(#+) ", prose(path), re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


@each_solution
def test_time_class_and_memory_stand_at_the_top(path):
    minutes, memory = stated(path)
    assert minutes in TIME_CLASSES
    assert memory <= 1.2


@each_solution
def test_the_table_of_labs_promises_the_same_minutes(path):
    assert labs.row_of(path.stem).minutes == stated(path)[0]


@each_solution
def test_the_prose_is_short_and_calm(path):
    text = prose(path)
    assert "!" not in text.replace("![", "[")
    assert not (found := FILLER.search(text)), found
    for paragraph in re.split(r"\n\s*\n", text):
        if not paragraph.startswith(("|", "-", "#", "1.")):
            assert len(paragraph.split()) <= 90, paragraph


@each_solution
def test_code_cells_are_short_and_define_nothing(path):
    lengths = []
    for cell in cells(path):
        assert all(len(line) <= 80 for line in cell.source.splitlines()), cell.id
        if is_exercise(cell) or is_example(cell):
            continue
        lengths.append(len(cell.source.splitlines()))
        assert lengths[-1] <= 10, cell.source
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    assert statistics.median(lengths) <= 6


@each_solution
def test_every_picture_has_alt_text_and_none_comes_without_it(path):
    kinds = {mime for mime, _ in pieces(path)}
    assert not kinds & {"image/png", "image/jpeg", "image/svg+xml"}, "use show.figure"
    for mime, content in pieces(path):
        if mime == "text/html":
            for tag in re.findall(r"<img\b[^>]*>", content):
                assert re.search(r'\balt="[^"]{20,}"', tag), tag[:80]
    for cell in cells(path, "markdown"):
        for alt in re.findall(r"!\[([^\]]*)\]", cell.source):
            assert len(alt) >= 20


@each_solution
def test_notebooks_and_pictures_keep_their_size(path):
    assert path.stat().st_size <= LIMIT
    for _, content in pieces(path):
        found = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=]+)", str(content))
        assert all(len(base64.b64decode(one)) <= FIGURE_LIMIT for one in found)


@each_solution
def test_solutions_stand_executed_from_top_to_bottom_without_an_error(path):
    ran = [cell.execution_count for cell in cells(path) if cell.source.strip()]
    assert ran == list(range(1, len(ran) + 1))
    outputs = [output for cell in cells(path) for output in cell.outputs]
    assert not [one for one in outputs if one.output_type == "error"]
    assert not [one for one in outputs if one.get("name") == "stderr"]


@each_solution
def test_strict_cells_hold_what_every_machine_gives(path):
    strict = [
        c for c in cells(path) if "nbval-check-output" in c.metadata.get("tags", [])
    ]
    assert strict
    for cell in strict:
        assert cell.outputs, cell.id
        for output in cell.outputs:
            data = output.get("data", {})
            assert set(data) <= {"text/plain"}, cell.id
            text = output.get("text", "") + str(data.get("text/plain", ""))
            assert not re.search(r"\d\.\d{3,}|0x[0-9a-f]+", text), text
