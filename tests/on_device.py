"""Where the suite `cuda` runs: on a GPU, or on the processor that plays one.

LLMLAB_DEVICE   cuda       an NVIDIA GPU; tests skip where there is none
                cpu        the same assertions on the processor
                pretended  numbers on the processor that say they lie on a GPU, which
                           finds what mixes devices (tests/pretended.py)

Unset, it is a GPU where there is one, else the pretended one. A plugin of conftest.py.
"""

import copy
import functools
import os

import pretended
import pytest
import torch


@functools.cache  # once a GPU is pretended, torch says that it is there
def chosen() -> str:
    """Return the device that the environment asks for, or the best that is here."""
    here = "cuda" if torch.cuda.is_available() else "pretended"
    return os.environ.get("LLMLAB_DEVICE") or here


@pytest.fixture
def device(monkeypatch):
    """Give the device, pretended if need be."""
    name = chosen()
    if name == "pretended":
        with pretended.gpu(monkeypatch) as gpu:
            yield gpu
        return
    if name.startswith("cuda") and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    yield torch.device(name)


@pytest.fixture
def is_real(device):
    """Say whether kernels of a GPU run, and not the processor's."""
    return device.type == "cuda" and chosen() != "pretended"


def placed(model, device, dtype=None):
    """Return a copy of a model on the device, the original left where it is."""
    new = copy.deepcopy(model)
    return (new if dtype is None else new.to(dtype)).to(device)


def far(found, right) -> float:
    """Return how far apart tensors are, as a share of the largest right number."""
    right = right.double()
    return float((found.cpu().double() - right).abs().max() / right.abs().max())
