"""Lab 01 in a real browser: it runs, its widget moves, a wrong answer is answered."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import browser
import nbformat
import pytest

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
LAB = "01_measure.ipynb"
BINDER = 2 * 1024**3  # bytes that mybinder.org gives a visitor
LINE = ".llmlab-widget-line"


def test_chromium_is_here():
    assert browser.CHROMIUM, "install Debian's chromium: apt-get install chromium"


@pytest.fixture
def course(tmp_path) -> Path:
    folder = tmp_path / "course"
    folder.mkdir()
    shutil.copy(browser.ROOT / "solutions" / LAB, folder / LAB)
    return folder


def failures(seen) -> list[str]:
    return [
        f"{output['ename']}: {output['evalue']}"
        for cell in seen.cells()
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]


def test_the_filled_lab_runs_and_its_widget_moves(course, tmp_path, record_property):
    with browser.jupyterlab(course) as server, browser.visit(server) as seen:
        seen.open(LAB)
        seen.run_all()
        assert failures(seen) == []
        assert all(cell["execution_count"] for cell in seen.cells())
        seen.show(LINE)
        line = seen.page.locator(LINE).first
        before = line.inner_text()
        assert "measured" in before or "estimated" in before
        others = seen.page.locator(".llmlab-widget-selector button:not(.mod-active)")
        others.first.click()
        seen.page.wait_for_function(
            f"before => document.querySelector('{LINE}').innerText !== before",
            arg=before,
        )
        figure = seen.page.locator(".llmlab-widget-figure img").first
        assert figure.get_attribute("alt")
        for theme in ("JupyterLab Light", "JupyterLab Dark"):
            seen.theme(theme)
            picture = tmp_path / f"{theme}.png"
            seen.page.screenshot(path=picture)
            assert picture.stat().st_size > 20_000
        assert seen.errors == []
        hosts = {urlsplit(request).hostname for request in seen.requests}
        assert hosts <= {"127.0.0.1", None}  # None: pictures in the page itself
        record_property("memory_bytes", server.peak_bytes())
        print(f"\nserver and kernel: {server.peak_bytes() / 1e9:.2f} GB at most")
        assert server.peak_bytes() < BINDER


def shown(course, name) -> str:
    """Run a notebook and return the text of its first error, as the page shows it."""
    with browser.jupyterlab(course) as server, browser.visit(server) as seen:
        seen.open(name)
        seen.run_all()
        errors = "[data-mime-type$='.error'], [data-mime-type$='.stderr']"
        said = (
            seen.page.locator(errors)
            .filter(has_text="Exercise")
            .or_(seen.page.locator(errors).filter(has_text="✗"))
        )
        return said.first.text_content().strip()  # it may lie below the window


def test_a_wrong_answer_shows_three_lines(course):
    wrong = nbformat.read(course / LAB, as_version=4)
    exercise = next(
        cell
        for cell in wrong.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    )
    assert "argmax" in exercise.source
    exercise.source = exercise.source.replace("argmax", "argmin")
    nbformat.write(wrong, course / "wrong.ipynb")
    lines = shown(course, "wrong.ipynb").splitlines()
    three = [line for line in lines if not line.startswith("    ")]  # else it goes on
    assert len(three) == 3
    assert three[0].startswith("✗") and three[2].strip().startswith("Hint:")


def test_an_untouched_lab_stops_with_one_sentence(course):
    shutil.copy(browser.ROOT / "labs" / LAB, course / "untouched.ipynb")
    text = shown(course, "untouched.ipynb")
    assert text.startswith("Exercise 1:") and len(text.splitlines()) == 1
