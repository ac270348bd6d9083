"""The wheel holds the course and starts it, without the repository around it."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import pytest

import llmlab
from llmlab.command import labs

ROOT = Path(__file__).parent.parent
FIRST = labs.notebook("measure")

pytestmark = pytest.mark.wheel


def run(*words, timeout=250, **options):
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        timeout=timeout,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the sdist, and the wheel from the sdist, as a release would."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """Install the wheel alone into an empty environment and return its Python.

    What llmlab needs is lent by this environment through a path file, which reads no
    path files itself, so the editable llmlab of this environment stays out of sight.
    """
    place = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", place)
    python = place / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", wheel)
    purelib = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path(run(python, "-c", purelib).strip())
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def shared_jupyter():
    """Lend the environment JupyterLab's own files, which are data, not packages."""
    share = Path(sys.prefix) / "share" / "jupyter"
    os.environ |= {"JUPYTER_PATH": str(share), "JUPYTERLAB_DIR": str(share / "lab")}


def test_the_wheel_holds_labs_weights_and_texts_but_no_solutions(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "labs").glob("*.ipynb"):
        assert f"llmlab/labs/{path.name}" in names
    shipped = ("weights", "recorded", "texts")
    for folder in shipped:
        for path in (ROOT / "llmlab" / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert path.relative_to(ROOT).as_posix() in names
    assert not [name for name in names if "solution" in name]
    assert not [name for name in names if name.startswith(("tests", "labs/"))]


def test_the_wheel_is_imported_from_its_own_environment(python, tmp_path):
    where = "import llmlab; print(llmlab.__version__, llmlab.__file__)"
    version, place = run(python, "-c", where, cwd=tmp_path).split()
    assert version == llmlab.__version__
    assert Path(place).is_relative_to(python.parent.parent)


def test_start_copies_the_labs_and_no_solution(python, tmp_path):
    command = python.with_name("llmlab")
    said = run(command, "start", "my-course", "--no-lab", cwd=tmp_path)
    course = tmp_path / "my-course"
    assert f"copied  {FIRST}" in said
    for path in (ROOT / "labs").glob("*.ipynb"):
        assert (course / path.name).read_bytes() == path.read_bytes()
    assert not list(course.rglob("*solution*"))


def test_start_says_that_a_changed_lab_was_kept(python, tmp_path):
    command = python.with_name("llmlab")
    run(command, "start", "my-course", "--no-lab", cwd=tmp_path)
    lab = tmp_path / "my-course" / FIRST
    document = json.loads(lab.read_text())
    document["cells"][0]["source"] = "my own notes"
    lab.write_text(json.dumps(document))
    mine = lab.read_bytes()
    said = run(command, "start", "my-course", "--no-lab", cwd=tmp_path)
    fresh = FIRST.replace(".ipynb", ".new.ipynb")
    assert fresh in said
    assert lab.read_bytes() == mine
    assert lab.with_name(fresh).read_bytes() == (ROOT / "labs" / FIRST).read_bytes()


def test_jupyterlab_starts_on_lab_01(python, tmp_path, shared_jupyter):
    os.environ["JUPYTER_RUNTIME_DIR"] = str(tmp_path / "runtime")
    words = [python.with_name("llmlab"), "start", "my-course"]
    words += ["--", "--no-browser", "--port=0", "--IdentityProvider.token=key"]
    log = (tmp_path / "log").open("w+")
    with subprocess.Popen(words, cwd=tmp_path, stdout=log, stderr=log) as server:
        try:
            address = _address_of(server, tmp_path / "runtime")
            page = f"{address}api/contents/{FIRST}?content=0&token=key"
            assert json.loads(_answer(page, server))["type"] == "notebook"
            lab = _answer(f"{address}lab?token=key", server)
            assert b"jupyter-config-data" in lab
        finally:
            server.send_signal(signal.SIGINT)
    said = (tmp_path / "log").read_text()
    assert f"/lab/tree/{FIRST}" in said
    assert "Traceback" not in said, "Ctrl-C ends it quietly"


def test_an_occupied_port_is_said_with_the_way_out(python, tmp_path, shared_jupyter):
    words = [python.with_name("llmlab"), "start", "course", "--", "--no-browser"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words += [f"--port={taken.getsockname()[1]}", "--ServerApp.port_retries=0"]
        done = subprocess.run(
            words, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "--port=8890" in done.stderr.splitlines()[-1]


def _address_of(server, runtime):
    """Wait until JupyterLab has written down its address."""
    for _ in range(600):
        assert server.poll() is None, "JupyterLab stopped"
        for path in runtime.glob("jpserver-*.json"):
            try:
                return json.loads(path.read_text())["url"]
            except ValueError:
                pass  # half-written
        time.sleep(0.1)
    raise AssertionError("JupyterLab has not started within a minute")


def _answer(address, server):
    """Return what a page holds. Its address is written down before it listens."""
    for _ in range(600):
        assert server.poll() is None, "JupyterLab stopped"
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                return answer.read()
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.1)
    raise AssertionError("nothing has listened at the address within a minute")


@pytest.mark.release
@pytest.mark.timeout(900)
def test_lab_01_runs_there(python, tmp_path, shared_jupyter):
    """The filled lab, on the models and texts of the wheel."""
    code = (
        "import nbformat, nbclient, sys\n"
        "filled = nbformat.read(sys.argv[1], as_version=4)\n"
        "nbclient.NotebookClient(filled, timeout=600).execute()\n"
    )
    os.environ["LLMLAB_TIME"] = "0.1"
    solution = ROOT / "solutions" / FIRST
    run(python, "-c", code, solution, cwd=tmp_path, timeout=800)
