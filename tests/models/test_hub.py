"""Hub ids load through the hub's own client, and every refusal is one sentence."""

import os
import subprocess
import sys

import pytest
import torch
from hub import hub
from small_models import decoder

from llmlab import models

LOAD = """
import sys
from llmlab import models
try:
    model = models.load("team/model")
except (ValueError, OSError) as error:
    sys.exit(str(error))
print(model.name, model.weights_version)
"""


@pytest.fixture
def folder(tmp_path):
    """Return a checkpoint, with a file beside it that nobody should fetch."""
    folder = models.save(decoder(dtype=torch.float32), tmp_path / "model")
    (folder / "pytorch_model.bin").write_bytes(b"pickled")
    return folder


def load(address, tmp_path, **more):
    """Load `team/model` from the stand-in, in a process with a cache of its own."""
    environment = os.environ | {
        "HF_ENDPOINT": address,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_OFFLINE": "0",
        "TRANSFORMERS_OFFLINE": "0",
        "HF_HUB_DOWNLOAD_TIMEOUT": "5",
        "HF_HUB_ETAG_TIMEOUT": "5",
        "HF_HUB_DISABLE_XET": "1",
    }
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        environment.pop(name, None)
    return subprocess.run(
        [sys.executable, "-c", LOAD],
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=200,
    )


def test_a_model_comes_from_the_hub_once_and_then_from_its_cache(folder, tmp_path):
    with hub(folder) as (address, asked):
        first = load(address, tmp_path)
        assert first.returncode == 0, first.stderr
        assert not any("pytorch_model.bin" in line for line in asked)
    own = models.load(folder)
    assert first.stdout.split() == ["team/model", own.weights_version]
    offline = load("http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    assert offline.stdout == first.stdout


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refusal_of_the_hub_is_one_sentence_with_the_way_out(
    folder, tmp_path, status
):
    with hub(folder, refuse=status) as (address, _):
        result = load(address, tmp_path)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "the hub did not give 'team/model'" in result.stderr
    assert "hf auth login" in result.stderr


def test_a_stream_that_breaks_off_leaves_nothing_that_loads(folder, tmp_path):
    with hub(folder, cut=True) as (address, _):
        result = load(address, tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "team/model" in result.stderr
    with hub(folder) as (address, _):  # and the same command then goes on
        again = load(address, tmp_path)
    assert again.returncode == 0, again.stderr


def test_a_hub_that_is_not_there_is_named(folder, tmp_path):
    result = load("http://127.0.0.1:9", tmp_path)
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "team/model" in result.stderr
