"""What holds for every test: its own folders, no network, one number of threads."""

import os
import runpy
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import hypothesis
import pytest

from llmlab.core import machine

OFFLINE = Path(__file__).parent / "offline"
HEAVY = ("binder", "browser", "cuda", "grading", "notebook", "slow", "torchao", "wheel")

# Nothing but this machine is reached, by this process or by those that tests start.
runpy.run_path(str(OFFLINE / "sitecustomize.py"))
paths = [str(OFFLINE), os.environ.get("PYTHONPATH", "")]
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))

# Before torch is imported, and inherited as well.
os.environ.setdefault("OMP_NUM_THREADS", str(machine.threads()))
os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MPLBACKEND": "agg",
    "TOKENIZERS_PARALLELISM": "false",
    # What torch.compile made for other instructions would break this process.
    "TORCHINDUCTOR_CACHE_DIR": str(
        Path(tempfile.gettempdir())
        / f"llmlab-inductor-{os.environ.get('ATEN_CPU_CAPABILITY', 'all')}"
    ),
    # Some libraries call their own commands by name; they are this environment's.
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
}

# A shell that starts us in the background has us ignore Ctrl-C, and so would those that
# tests start and stop with it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A shared machine may stop for a second at any place.
hypothesis.settings.register_profile("llmlab", deadline=None, print_blob=True)
hypothesis.settings.load_profile("llmlab")


@pytest.fixture(autouse=True)
def own_folders(tmp_path):
    """Give every test an empty home and cache, and put the environment back."""
    before = dict(os.environ)
    os.environ["LLMLAB_HOME"] = str(tmp_path / "home")
    os.environ["LLMLAB_CACHE"] = str(tmp_path / "cache")
    yield
    os.environ.clear()
    os.environ.update(before)


def pytest_collection_modifyitems(config, items):
    """Remember how many tests each heavy suite has before any are deselected."""
    config.heavy_suites = Counter(
        name for item in items for name in HEAVY if item.get_closest_marker(name)
    )


def pytest_terminal_summary(terminalreporter):
    """Say which heavy suites did not run, so that a green run hides nothing."""
    config = terminalreporter.config
    if config.args_source is not config.ArgsSource.TESTPATHS:
        return  # somebody asked for a few files
    known = getattr(config, "heavy_suites", Counter())
    ran = Counter(
        name
        for outcome in ("passed", "failed", "xfailed")
        for report in terminalreporter.stats.get(outcome, ())
        for name in HEAVY
        if name in report.keywords
    )
    missing = [f"{name} ({known[name]} tests)" for name in HEAVY if not ran[name]]
    missing.append("tests/experiments (each run by hand, on an idle machine)")
    terminalreporter.section("heavy suites that did not run")
    terminalreporter.write_line(", ".join(missing))
