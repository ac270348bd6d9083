"""What holds for every test: its own folders, no network, one number of threads."""

import os
import runpy
import signal
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from llmlab.core import machine

OFFLINE = Path(__file__).parent / "offline"
# Which tests a run holds, and what its end says. A run of its own settings, such as
# nbval's, does not know the paths of pyproject.toml.
sys.path.append(str(Path(__file__).parents[1] / "solutions"))
pytest_plugins = ["on_device", "suite", "summary"]

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

# A shared machine may stop for a second at any place. Examples are new ones in each
# run, so that few of them often find what many find once; `make test-all` asks for the
# thorough profile. A test that names a number has reasons of its own.
for profile, examples in {"usual": 50, "thorough": 500}.items():
    hypothesis.settings.register_profile(
        profile, deadline=None, print_blob=True, max_examples=examples
    )
hypothesis.settings.load_profile(os.environ.get("LLMLAB_EXAMPLES", "usual"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup():
    """Let torch draw the same numbers whatever ran before, fixtures' numbers included.

    Its own generator begins at another place in each process.
    """
    if torch := sys.modules.get("torch"):
        torch.default_generator.manual_seed(0)


@pytest.fixture(autouse=True)
def pictures_keep_the_rules(monkeypatch):
    """Hold every picture that a test has drawn of a result to the rules of all."""
    registry = sys.modules.get("llmlab.show.registry")
    if registry is None:  # nobody here draws
        return
    import drawn

    held = drawn.held_to_the_rules(registry.kind_of)
    monkeypatch.setattr(registry, "kind_of", held)


@pytest.fixture(autouse=True)
def own_folders(tmp_path):
    """Give every test an empty home and cache, and put the environment back.

    IPython's folder as well: kernels of two lanes would wait for each other's history.
    """
    before = dict(os.environ)
    os.environ["LLMLAB_HOME"] = str(tmp_path / "home")
    os.environ["LLMLAB_CACHE"] = str(tmp_path / "cache")
    os.environ["IPYTHONDIR"] = str(tmp_path / "ipython")
    yield
    os.environ.clear()
    os.environ.update(before)
