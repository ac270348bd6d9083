"""Lab 01 in a real browser: it runs, its widget moves, a wrong answer is answered."""

import shutil
from pathlib import Path
from urllib.parse import urlsplit

import browser
import nbformat
import pytest

pytestmark = [pytest.mark.alone, pytest.mark.browser, pytest.mark.timeout(600)]
LAB = "01_measure.ipynb"
WRONG, UNTOUCHED = "wrong.ipynb", "untouched.ipynb"
BINDER = 2 * 1024**3  # bytes that mybinder.org gives a visitor
LINE = ".llmlab-widget-line"


def test_chromium_is_here():
    assert browser.CHROMIUM, "install Debian's chromium: apt-get install chromium"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Run JupyterLab on lab 01, filled, with a wrong answer, and untouched."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(browser.ROOT / "solutions" / LAB, folder / LAB)
    shutil.copy(browser.ROOT / "labs" / LAB, folder / UNTOUCHED)
    nbformat.write(with_a_wrong_answer(folder / LAB), folder / WRONG)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLMLAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("LLMLAB_TIME", "0.1")
        with browser.jupyterlab(folder) as running:
            yield running


def with_a_wrong_answer(path: Path) -> nbformat.NotebookNode:
    """Return a filled lab whose first exercise takes the least for the most."""
    wrong = nbformat.read(path, as_version=4)
    exercise = next(
        cell
        for cell in wrong.cells
        if cell.metadata.get("nbgrader", {}).get("solution")
    )
    assert "argmax" in exercise.source
    exercise.source = exercise.source.replace("argmax", "argmin")
    return wrong


def failures(seen) -> list[str]:
    return [
        f"{output['ename']}: {output['evalue']}"
        for cell in seen.cells()
        for output in cell["outputs"]
        if output["output_type"] == "error"
    ]


def test_the_filled_lab_runs_and_its_widget_moves(server, tmp_path, record_property):
    with browser.visit(server) as seen:
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
        seen.shut_down()


def shown(server, name) -> str:
    """Run a notebook and return the text of its first error, as the page shows it."""
    with browser.visit(server) as seen:
        seen.open(name)
        seen.run_all()
        errors = "[data-mime-type$='.error'], [data-mime-type$='.stderr']"
        said = (
            seen.page.locator(errors)
            .filter(has_text="Exercise")
            .or_(seen.page.locator(errors).filter(has_text="✗"))
        )
        text = said.first.text_content().strip()  # it may lie below the window
        seen.shut_down()
        return text


def test_a_wrong_answer_shows_three_lines(server):
    lines = shown(server, WRONG).splitlines()
    three = [line for line in lines if not line.startswith("    ")]  # else it goes on
    assert len(three) == 3
    assert three[0].startswith("✗") and three[2].strip().startswith("Hint:")


def test_an_untouched_lab_stops_with_one_sentence(server):
    text = shown(server, UNTOUCHED)
    assert text.startswith("Exercise 1:") and len(text.splitlines()) == 1
