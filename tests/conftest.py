"""What holds for every test: its own folders, no network, one number of threads."""

import os
import runpy
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import hypothesis
import one_lab
import pytest

from llmlab.core import machine

OFFLINE = Path(__file__).parent / "offline"
HEAVY = (
    "binder", "browser", "cuda", "elsewhere", "grading", "minute", "notebook", "slow",
    "torchao", "wheel",
)  # fmt: skip
APART = ("elsewhere", "minute")  # run only where somebody asks for them
TOLD = ("notebook", "grading", "browser")  # whose minutes are told one by one

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


def pytest_addoption(parser):
    told = "run what belongs to one lab, and nothing else"
    parser.addoption("--lab", metavar="WORD", help=told)


def pytest_configure(config):
    """Have a run of everything tell its slowest tests; one of a file stays short."""
    if config.option.lab is not None:
        config.args = [str(path) for path in one_lab.files(config.option.lab)]
    if _of_everything(config) and config.option.durations is None:
        config.option.durations, config.option.durations_min = 25, 2.0


def pytest_collection_modifyitems(config, items):
    """Count the heavy suites; leave out those APART unless somebody asks for them."""
    config.heavy_suites = Counter(
        name for item in items for name in HEAVY if item.get_closest_marker(name)
    )
    if config.option.lab is not None:
        _leave_out(config, items, lambda i: not one_lab.belongs(i, config.option.lab))
    if any("::" in argument or "elsewhere" in argument for argument in config.args):
        return
    unasked = [name for name in APART if name not in config.option.markexpr]
    _leave_out(config, items, lambda i: any(map(i.get_closest_marker, unasked)))


def _leave_out(config, items, unwanted):
    left = [item for item in items if unwanted(item)]
    if left:
        items[:] = [item for item in items if item not in left]
        config.hook.pytest_deselected(items=left)


def pytest_terminal_summary(terminalreporter):
    """Say where the time went and which heavy suites did not run, and hide nothing."""
    config = terminalreporter.config
    if not _of_everything(config):
        return  # somebody asked for a few files
    stats = terminalreporter.stats
    known = getattr(config, "heavy_suites", None)  # xdist's workers keep it
    ran = Counter(
        name
        for outcome in ("passed", "failed", "xfailed")
        for report in stats.get(outcome, ())
        for name in HEAVY
        if name in report.keywords
    )
    missing = [name for name in HEAVY if not ran[name]]
    if known:
        missing = [f"{name} ({known[name]} tests)" for name in missing]
    missing.append("benchmarks (each run by hand, on an idle machine)")
    terminalreporter.section("heavy suites that did not run")
    terminalreporter.write_line(", ".join(missing))
    phases = [one for reports in stats.values() for one in reports]
    terminalreporter.section("minutes")
    terminalreporter.write_line(_minutes(phases))


def _of_everything(config) -> bool:
    everything = config.args_source is config.ArgsSource.TESTPATHS
    return everything and config.option.lab is None


def _minutes(phases) -> str:
    """Add up by suite what setting up, running and tearing down took."""
    seconds = dict.fromkeys((*TOLD, "all the rest"), 0.0)
    for phase in phases:
        if isinstance(phase, pytest.TestReport):
            suites = [name for name in TOLD if name in phase.keywords]
            seconds[(*suites, "all the rest")[0]] += phase.duration
    return ", ".join(f"{name} {spent / 60:.1f}" for name, spent in seconds.items())
