"""Every lab has a page in docs/labs, which says what its notebook says."""

import re

import pages
import pytest
import small_lab as small
from notebooks import SOLUTIONS, each_solution, read

import llmlab


@pytest.fixture(scope="module")
def made():
    return pages.pages()


def test_the_pages_are_what_the_labs_say(made):
    there = {path.name: path.read_text("utf-8") for path in pages.PLACE.glob("*.md")}
    assert there == made, "run python solutions/pages.py"
    assert set(made) == {f"{path.stem}.md" for path in SOLUTIONS}


@each_solution
def test_a_page_asks_the_question_of_its_lab_and_names_its_exercises(path, made):
    page, (number, _, word) = made[f"{path.stem}.md"], path.stem.partition("_")
    questions = [lab.question for lab in llmlab.LABS if lab.word == word]
    title = page.splitlines()[0]
    assert title.startswith(f"# {number} · ")
    assert title.partition(" · ")[2] in questions
    rows = re.findall(r"^\| (\d+)\. .+ \(`(\w+)`\) \| ★", page, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [*range(1, len(rows) + 1)]
    graded = [c for c in read(path).cells if "### BEGIN SOLUTION" in c.source]
    assert len(rows) == len([c for c in graded if c.source.startswith("# Exercise")])
    assert "\n## In the wild\n" in page and "\n## Read on\n" in page


@each_solution
def test_the_links_of_a_page_to_files_lead_somewhere(path, made):
    links = re.findall(r"\]\(([^)#]+)\)", made[f"{path.stem}.md"])
    places = [pages.PLACE / link for link in links if "://" not in link]
    assert places and all(place.resolve().is_file() for place in places)


def test_an_exercise_that_says_not_what_it_does_is_named():
    broken = small.notebook()
    for cell in broken.cells:
        cell.source = re.sub(r"^# Exercise \d+: .+\n", "", cell.source)
    with pytest.raises(
        ValueError, match="0 answers; begin each answer with # Exercise"
    ):
        pages.page(broken, "99_small")


def test_pages_of_no_lab_go_and_the_others_are_written_once(tmp_path, capsys):
    place = tmp_path / "labs"
    assert pages.main(place) == 0
    (place / "98_gone.md").write_text("# 98\n")
    capsys.readouterr()
    assert pages.main(place) == 0
    said = capsys.readouterr().out.splitlines()
    assert said.pop() == "labs/98_gone.md: removed"
    assert all(line.endswith(": as it was") for line in said)
    assert len(said) == len(SOLUTIONS) == len([*place.iterdir()])
