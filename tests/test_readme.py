"""What the README says is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import llmlab
from llmlab import models
from llmlab.command import labs
from llmlab.core import records
from llmlab.core.quantities import THROUGHPUT

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def blocks(language):
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    return [text for name, text in fenced if name == language]


RECIPES = {  # what tells a block from the others -> words of what it prints
    "measure.race": ("fp32", "bf16"),
    "group_size=32": ("int4-g32", "bytes"),
    "pruning.sparsegpt": ("50%-sparse", "bytes"),
    "caching.PrefixTree": ("1200 of 1828 tokens",),
    "batching.Engine": ("import os", "def add(a, b):", "class Stack:"),
    "graphs.compiled": ("with open(path, ", "return f.read()"),
    "hardware import libraries": ("logged for 2 products",),
}


def test_every_recipe_is_run_here_or_needs_an_extra():
    for code in blocks("python"):
        found = [words for words in RECIPES if words in code]
        assert len(found) == 1 or "smollm2" in code, code


@pytest.mark.slow
@pytest.mark.parametrize(("words", "told"), RECIPES.items())
def test_the_lines_for_ones_own_project_run(words, told, tmp_path):
    """As a script of its own, in another folder than the repository."""
    (code,) = (code for code in blocks("python") if words in code)
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True, text=True, timeout=250, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in told)


def test_the_table_lists_every_lab_with_its_question_and_file():
    rows = re.findall(
        r"^\| (\d\d[a-z]?) \| (.+?) \| (.+?) \| (.+?) \|$", README, re.MULTILINE
    )
    places = [labs.number(lab.word) + lab.letter for lab in llmlab.LABS]
    assert [row[0] for row in rows] == places
    for lab, (_, question, file, time) in zip(llmlab.LABS, rows, strict=True):
        assert question == lab.question
        path = f"labs/{labs.file(lab)}"
        if (ROOT / path).exists():
            assert file == f"[{path}]({path})"
            assert time == f"{lab.minutes} minutes"
        else:
            assert (file, time) == (lab.word, "planned")


def test_the_table_of_models_says_what_their_cards_say():
    rows = re.findall(r"^\| \[`([\w-]+)`\]\((.+?)\) \|(.+)$", README, re.MULTILINE)
    assert {name for name, _, _ in rows} == {*models.names()}
    for _, card, row in rows:
        _, parameters, size, quality = (each.strip(" |") for each in row.split(" | "))
        text = (ROOT / card).read_text()
        assert f"| parameters | {parameters}:" in text
        weights = (ROOT / card).with_name("model.safetensors").stat().st_size
        assert size == f"{weights / 1e6:.1f} MB"
        shares = re.findall(r"[\d.]+ \([\d.]+ to [\d.]+\)", quality)
        assert shares and all(f" {share} " in text for share in shares)


MACHINES = {"Xeon": "Intel(R) Xeon(R) Processor", "EPYC": "AMD EPYC"}
PHASES = {"writing": "decode", "16 at once": "batch", "reading": "prefill"}


def test_the_table_of_engines_says_what_is_recorded():
    recorded = {
        (fact.machine.split(",")[0], fact.details["phase"], fact.subject): fact.value
        for fact in records.load(ROOT / "llmlab" / "recorded" / "native.json")
        if fact.name == THROUGHPUT.name
    }
    _, rows = README.split("| tokens a second |")
    heads, _, *lines = rows.split("\n\n")[0].splitlines()
    columns, machine = [], ""
    for head in heads.strip(" |").split(" | "):
        *named, phase = head.split(": ")
        machine = named[0] if named else machine
        columns.append((MACHINES[machine], PHASES[phase]))
    assert len(columns) == 6 and len(lines) >= 5
    size = sum(weight.numel() for weight in models.random_model("M").parameters())
    assert f"{size / 1e6:.1f} million random weights" in README
    for line in lines:
        engine, *cells = line.strip(" |").split(" | ")
        for (machine, phase), cell in zip(columns, cells, strict=True):
            value = recorded.get((machine, phase, f"M: {engine}"))
            assert cell == (f"{value:,.0f}" if value else "–"), (engine, phase)


def test_the_tree_names_what_exists_and_nothing_else():
    (tree,) = [block for block in blocks("") if "llmlab/  " in block]
    top, inside = set(), set()
    for line in tree.splitlines():
        name = line.split()[0].rstrip("/")
        (inside if line.startswith("  ") else top).add(name)
    assert all((ROOT / name).exists() for name in top)
    assert all((ROOT / "llmlab" / name).exists() for name in inside)
    rooms = {path.parent.name for path in (ROOT / "llmlab").glob("*/__init__.py")}
    assert rooms - set(llmlab.WORDS[1:]) <= inside


def test_every_link_into_the_repository_leads_somewhere():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)


def test_the_two_commands_are_targets_of_make():
    (commands, *_) = blocks("bash")
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", commands, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_variables_that_it_names_are_read_somewhere():
    source = "".join(path.read_text() for path in (ROOT / "llmlab").rglob("*.py"))
    for variable in set(re.findall(r"`(LLMLAB_[A-Z]+)", README)):
        assert variable in source
