"""A slice holds what strict cells depend on, little else, and nothing slow."""

import nbformat
import pytest
from notebooks import each_solution, read
from slices import is_strict, strict_slice

STRICT = {"tags": ["nbval-check-output"]}


def notebook(*sources, more=60):
    """Return a notebook of the cells "0", "1", …: the last one strict, and fillers."""
    cells = [
        nbformat.v4.new_code_cell(source, id=f"{place}")
        for place, source in enumerate(sources)
    ]
    cells[-1].metadata = nbformat.from_dict(STRICT)
    cells.append(nbformat.v4.new_markdown_cell("words", id="words"))
    cells += [nbformat.v4.new_code_cell("pass", id=f"more-{n}") for n in range(more)]
    return nbformat.v4.new_notebook(cells=cells)


def kept(*sources):
    """Return the places of the cells in the slice, without the strict one's."""
    part = strict_slice(notebook(*sources))
    *others, strict = [int(cell.id) for cell in part.cells]
    assert strict == len(sources) - 1
    return others


@pytest.mark.parametrize(
    "change",
    [
        "x = 1",
        "x += 1",
        "x: int = 1",
        "x, *y = 1, 2",
        "print(x := 1)",
        "x.size = 1",
        "x[0] = 1",
        "x.part[0].size += 1",
        "x.append(1)",
        "x.parts.append(1)",
        "del x",
        "for x in range(3): pass",
        "for n in range(3): x = n",
        "while more: x = 1",
        "with open('a') as x: pass",
        "try: x = 1\nexcept OSError: pass",
        "try: pass\nexcept OSError as x: pass",
        "if more: pass\nelse: x = 1",
        "match more:\n    case [x]: pass",
        "import x",
        "import x.y",
        "from y import z as x",
        "def x(): pass",
        "class x: pass",
        "torch.randn(3, generator=x)",
        "next(x)",
        "%time x = 1",
        "%%time\nx = 1",
        "%%capture x\nprint(1)",
        "def f(): x.append(1)\nf()",
    ],
)
def test_a_cell_that_changes_what_a_strict_cell_reads_is_in(change):
    assert 1 in kept("x = 0", change, "print(x)")


@pytest.mark.parametrize(
    "other",
    [
        "y = x",
        "print(x)",
        "y = [x for x in range(3)]",
        "y = {x: 1 for x in range(3)}",
        "y = lambda x: x.append(1)",
        "def y():\n    x = 1\n    x.append(2)",
        "class y:\n    x = 1",
        "y.x = 1",
        "for y in x.items(): pass",
        "f(x)",
        "f(x=1)",
        "",
        "# x = 1",
        "%time y = 1",
    ],
)
def test_a_cell_that_leaves_it_as_it_is_is_out(other):
    assert kept("x = 0", other, "print(x)") == [0]


@pytest.mark.parametrize(
    "read",
    [
        "print(x)",
        "[x for y in z]",
        "[y for y in x]",
        "f'{x}'",
        "call = lambda y: x",
        "x[0] += 1",
        "z = x = x + 1",
        "@x\ndef f(): pass",
        "def f(y=x): pass",
        "class f(x): pass",
        "%time print(x)",
        "f = y.x\nprint(x)",
        "def f(): return x\nf()",
    ],
)
def test_what_a_strict_cell_reads_in_any_way_is_in(read):
    assert kept("x = 0", read) == [0]


def test_a_value_that_is_replaced_needs_no_cell():
    assert kept("x = 0", "x.append(1)", "x = 2", "print(x)") == [2]
    assert kept("x = 0", "if more: x = 1\nelse: x = 2", "print(x)") == [1]
    assert kept("x = 0", "for y in [1]: x = y", "print(x)") == [1]


def test_a_value_that_may_be_replaced_needs_its_cell():
    assert kept("x = 0", "if more: x = 1", "print(x)") == [0, 1]
    assert kept("x = 0", "try: x = 1\nexcept OSError: pass", "print(x)") == [0, 1]


def test_a_later_cell_changes_nothing():
    part = strict_slice(notebook("print(x)"))
    part.cells += notebook("x = 1").cells
    assert kept("x = 0", "print(x)") == [0]
    every = notebook("x = 0", "print(x)")
    every.cells.insert(2, nbformat.v4.new_code_cell("x = 2", id="late"))
    assert [cell.id for cell in strict_slice(every).cells] == ["0", "1"]


def test_dependence_goes_on_from_cell_to_cell():
    assert kept("a = 1", "b = a", "z = a", "c = b", "print(c)") == [0, 1, 3]


def test_a_function_needs_its_names_when_it_is_called():
    define = "def f(): return g()"
    assert kept(define, "def g(): return x", "x = 1", "y = 1", "f()") == [0, 1, 2]


def test_a_function_that_changes_a_name_changes_it_where_it_is_called():
    assert kept("x = []", "def f(): x.append(1)", "f()", "g()", "print(x)") == [0, 1, 2]


def test_calling_a_module_changes_nothing():
    assert kept("import x", "x.run()", "x.run()") == [0]
    assert kept("import x", "x = f()", "x.run()", "x.run()") == [1, 2]


def test_a_magic_that_sets_something_is_in_and_markdown_is_out():
    assert kept("%matplotlib inline", "!ls", "y = 1", "print(1)") == [0, 1]


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("from os import *", "import them one by one"),
        ("def f():\n    global x\n    x = 1", "`global x`"),
        ("exec('x = 1')", "write it out"),
    ],
)
def test_a_notebook_that_hides_its_names_is_refused(source, why):
    with pytest.raises(ValueError, match=why):
        strict_slice(notebook(source, "print(x)"))


@pytest.mark.parametrize(
    "call",
    [
        "measure.speed(calls)",
        "measure.roofline.peaks(('fp32',))",
        "lab.recall.train(x)",
        "model.train()",
    ],
)
def test_what_measures_or_trains_is_refused_with_the_name_that_pulls_it_in(call):
    slow = f"x = 1\ny = {call}"
    assert kept(slow, "print(z)") == []
    with pytest.raises(ValueError, match="'0' changes x, which '1' reads") as error:
        strict_slice(notebook(slow, "print(x)"))
    assert f"'0', which calls {call.partition('(')[0]}" in str(error.value)


def test_a_slice_of_more_than_a_quarter_is_refused():
    sources = "a = 1", "b = a", "print(b)"
    assert len(strict_slice(notebook(*sources, more=9)).cells) == 3
    with pytest.raises(ValueError, match="3 of 11 code cells, more than a quarter"):
        strict_slice(notebook(*sources, more=8))


def test_the_notebook_itself_is_left_whole():
    every = notebook("x = 1", "print(x)")
    before = nbformat.writes(every)
    strict_slice(every).cells[0].source = "x = 2"
    assert nbformat.writes(every) == before


@each_solution
def test_every_strict_cell_of_a_solution_is_in_its_slice(path):
    every, part = read(path), strict_slice(read(path))
    assert [c for c in part.cells if is_strict(c)] == [
        c for c in every.cells if is_strict(c)
    ]
