"""A solution's hash changes with what it is executed with, and with nothing else."""

import inputs
import nbformat
import outputs
import pytest
import reached
from nbformat.v4 import (
    new_code_cell,
    new_markdown_cell,
    new_notebook,
    new_output,
)
from notebooks import SOLUTIONS, each_solution, read

import llmlab

FIRST = read(SOLUTIONS[0])


def of_first(notebook=FIRST):
    return inputs.fingerprint(notebook, "measure")


@pytest.fixture
def edit(monkeypatch):
    """Give a function that has one module read with one thing changed."""

    def change(module, old, new):
        text = reached.file(module).read_text(encoding="utf-8")
        assert old in text
        tree = reached._tree(text.replace(old, new, 1))
        # What is known of all the others stays known.
        for room, name in ((reached, "_next"), (inputs, "_code_digest")):
            known = getattr(room, name)
            monkeypatch.setattr(
                room,
                name,
                lambda name, known=known: (
                    known.__wrapped__(name) if name == module else known(name)
                ),
            )
        known_tree = reached.tree_of_module
        monkeypatch.setattr(
            reached,
            "tree_of_module",
            lambda name: tree if name == module else known_tree(name),
        )

    return change


# --- what is in it


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("llmlab.core.machine", 'or "1"', 'or "2"'),
        ("llmlab.measure.timing", "import", "x = 1\nimport"),
        ("llmlab.kernels.quantized_linear", "import", "x = 1\nimport"),
        ("llmlab.checks.measure.percentile", "import", "x = 1\nimport"),
    ],
)
def test_another_line_of_code_that_it_reaches_makes_another_hash(
    edit, module, old, new
):
    before = of_first()
    edit(module, old, new)
    assert of_first() != before


def test_another_source_another_tag_or_another_order_makes_another_hash():
    changed = [nbformat.from_dict(FIRST) for _ in range(3)]
    cells = [[c for c in one.cells if c.cell_type == "code"] for one in changed]
    cells[0][-1].source += "\nx = 1"
    cells[1][-1].metadata.tags = ["nbval-skip"]
    cells[2][0].source, cells[2][1].source = cells[2][1].source, cells[2][0].source
    assert len({of_first(), *map(of_first, changed)}) == 4


def test_other_weights_and_another_record_make_another_hash(monkeypatch):
    path = next(one for one in SOLUTIONS if one.stem == "04_quantization")
    before = inputs.parts(read(path), "quantization")
    assert "weights/coder/model.safetensors" in before
    assert "recorded/quantization_grid.json" in before
    assert "texts/snippets.json" in before
    assert "weights/coder/README.md" not in before
    monkeypatch.setattr(inputs, "_file_digest", lambda path: "other")
    after = inputs.parts(read(path), "quantization")
    assert {name for name in before if "/" in name} == {
        name for name in before if before[name] != after[name]
    }


def test_another_minor_version_makes_another_hash_and_a_patch_does_not(monkeypatch):
    monkeypatch.setattr(inputs.platform, "python_version", lambda: "3.11.1")
    before = of_first()
    monkeypatch.setattr(inputs.platform, "python_version", lambda: "3.11.12")
    assert of_first() == before
    monkeypatch.setattr(inputs.platform, "python_version", lambda: "3.12.1")
    assert of_first() != before


# --- what is not


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("llmlab.core.machine", '"""', '"""Other words. '),
        ("llmlab.core.machine", "\n", "\n# A comment.\n"),
        ("llmlab.core.quantities", "\n\n", "\n\nx = 1\n"),
        ("llmlab.show.quantization.steps", "import", "x = 1\nimport"),
        ("llmlab.checks.quantization.absmax", "import", "x = 1\nimport"),
        ("llmlab.command", "import", "x = 1\nimport"),
    ],
)
def test_words_and_what_is_not_reached_leave_the_hash_alone(edit, module, old, new):
    before = of_first()
    edit(module, old, new)
    assert of_first() == before


def test_outputs_and_prose_leave_the_hash_alone():
    bare = nbformat.from_dict(FIRST)
    bare.cells = [cell for cell in bare.cells if cell.cell_type == "code"]
    for cell in bare.cells:
        cell.outputs = []
    assert of_first(bare) == of_first()


def test_a_lab_that_is_added_leaves_the_others_alone(monkeypatch):
    before = of_first()
    row = llmlab.Lab("caching", "What else?", 2, "b")
    monkeypatch.setattr(llmlab, "LABS", (*llmlab.LABS, row))
    assert of_first() == before


@each_solution
def test_a_lab_reaches_its_rooms_and_those_of_no_later_lab(path):
    word = path.stem.partition("_")[2]
    modules = reached.modules(read(path), word)
    assert {f"llmlab.checks.{word}", f"llmlab.show.{word}"} <= modules
    later = llmlab.WORDS[llmlab.WORDS.index(word) + 1 :]
    rooms = {f"llmlab.{place}{w}" for w in later for place in ("", "checks.", "show.")}
    assert not rooms & modules


# --- how modules are found


@pytest.mark.parametrize(
    "source",
    [
        "from llmlab import measure\nmeasure.roofline.limits(1)",
        "import llmlab\nllmlab.measure.roofline",
        "import llmlab.measure as m\nm.roofline",
        "from llmlab.measure import roofline",
        "def f():\n    from llmlab.measure.roofline import limits",
        "name = 'llmlab.measure.roofline'",
        "%time x = 1\nfrom llmlab.measure import roofline",
    ],
)
def test_a_module_is_reached_by_any_way_to_name_it(source):
    cells = [new_code_cell("x = 1"), new_markdown_cell("words"), new_code_cell(source)]
    modules = reached.modules(new_notebook(cells=cells), "no_word")
    assert "llmlab.measure.roofline" in modules


def test_a_notebook_of_its_own_reaches_nothing():
    only = new_notebook(cells=[new_code_cell("import torch\ntorch.zeros(3)")])
    assert reached.modules(only, "no_word") == set()


# --- which outputs are stored anew


def shown(*outputs):
    return new_notebook(cells=[new_code_cell("x", id="x", outputs=[*outputs])])


def printed(text):
    return shown(new_output("stream", name="stdout", text=text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 1.25 s", "took 0.3 s"),
        ("| a |   12 |\n|---|------|", "| a |  1,200 |\n|---|--------|"),
        ("✓ 3 of 4", "✓ 4 of 4"),
        ("-1e-05", "2.5"),
    ],
)
def test_outputs_that_differ_in_numbers_alone_say_the_same(one, other):
    assert outputs.agree(printed(one), printed(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("✓ row", "✗ row"),
        ("1.2 ×, faster", "1.2 ×, no significant difference"),
        ("3 ms", "3 s"),
        ("a", "a b"),
    ],
)
def test_outputs_with_another_word_or_mark_do_not_say_the_same(one, other):
    assert not outputs.agree(printed(one), printed(other))


def test_a_picture_may_have_other_pixels_and_no_other_words():
    def picture(pixels, alt):
        html = f"<img src='data:image/png;base64,{pixels}' alt='{alt}'>"
        return shown(new_output("display_data", {"text/html": html}))

    assert outputs.agree(picture("AAAA", "bars"), picture("BBzz+/", "bars"))
    assert not outputs.agree(picture("AAAA", "bars"), picture("AAAA", "lines"))
    assert not outputs.agree(picture("AAAA", "bars"), shown())
