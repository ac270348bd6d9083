"""The course on this machine: model, notebooks, kernel, what single labs ask for."""

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL

import llmlab
from llmlab.command import labs
from llmlab.command.doctor.finding import Finding, attempt
from llmlab.core import machine

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SETTLE = 60  # seconds that a notebook kernel may take to start


def probes() -> Iterator[Finding]:
    """Yield whether the bundled model speaks and a notebook can use it."""
    again = "install llmlab again (in a checkout: make clean lab)"
    yield attempt("bundled model", _model, remedy=again)
    yield attempt("labs", _labs, remedy=again)
    kernel = f"{Path(sys.executable).name} -m ipykernel install --sys-prefix"
    yield attempt("notebook kernel", _kernel, remedy=kernel)
    yield attempt(
        "learner's folder", _home, remedy="set LLMLAB_HOME to a folder of yours"
    )
    yield attempt("smollm2", _smollm2, remedy="try llmlab chat")
    yield _module("nbgrader", "for classes: pip install 'llmlab[grading]'")
    yield _program("chromium", BROWSERS, "for the tests: apt install chromium")


def _model() -> Finding:
    """Load the smallest journey: text in, one token out."""
    from llmlab import models
    from llmlab.models import generation

    machine.set_threads()
    model = models.load("coder")
    text = "def main():"
    tokens = model.tokenizer.encode(text)
    token = next(generation.stream(model, tokens, max_tokens=1))
    count = sum(weight.numel() for weight in model.parameters())
    said = f"coder, {count / 1e6:.1f} M parameters, continues {text!r} with "
    said += repr(model.tokenizer.decode([token]))
    return Finding("bundled model", "works", said)


def _labs() -> Finding:
    here = [lab for lab in llmlab.LABS if (labs.folder() / labs.file(lab)).is_file()]
    said = f"{len(here)} of {len(llmlab.LABS)} at {labs.folder()}"
    if llmlab.LABS[0] not in here:
        return Finding("labs", "broken", said, "install llmlab again")
    return Finding("labs", "works", said)


def _kernel() -> Finding:
    """Start a notebook kernel and import llmlab in it, as every lab does."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(
        kernel_name="python3", startup_timeout=SETTLE, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        reply = client.execute_interactive("import llmlab", silent=True, timeout=SETTLE)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    content = reply["content"]
    if content["status"] != "ok":
        raise RuntimeError(f"{content.get('ename')}: {content.get('evalue')}")
    return Finding("notebook kernel", "works", "python3 starts and imports llmlab")


def _home() -> Finding:
    """Write where the journal will be written, and leave nothing behind."""
    home = machine.home()
    existing = next(p for p in (home, *home.parents) if p.exists())
    trial = existing / ".llmlab-doctor"
    trial.touch()
    trial.unlink()
    return Finding("learner's folder", "works", f"{home}, writable")


def _smollm2() -> Finding:
    """Say whether the real language model is converted, could be, or is missing."""
    from llmlab.models import smollm

    if (place := smollm.place()).is_dir():
        return Finding("smollm2", "works", f"converted, in {place}")
    try:
        source = smollm.package_file()
    except (ImportError, ValueError) as error:
        remedy = f"to talk with a model: {smollm.INSTALL}"
        return Finding("smollm2", "missing", str(error).partition(":")[0], remedy)
    return Finding("smollm2", "works", f"to be converted when it is used: {source}")


def _module(name: str, remedy: str) -> Finding:
    if importlib.util.find_spec(name) is None:
        return Finding(name, "missing", "not installed", remedy)
    version = importlib.metadata.version(name)
    return Finding(name, "works", version)


def _program(name: str, names: tuple[str, ...], remedy: str) -> Finding:
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        return Finding(name, "missing", "not installed", remedy)
    return Finding(name, "works", executable)
