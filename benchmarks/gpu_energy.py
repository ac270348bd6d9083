"""Energy of a token, by the card's own meter (NVML), for stage `graphs` of `gpu.py`.

The meter counts all that the card uses, its idle power as well, in millijoules since
the driver was loaded, and is read some ten times a second: so steps run for seconds.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from gpu_rows import Rows
from gpu_steps import Captured, Eager, Static

from llmlab.hardware.quantities import GPU_ENERGY

NOTE = "by NVML, idle power included"


@torch.no_grad()
def energy(rows: Rows, model: Callable[..., Any], device: torch.device, sizes) -> None:
    """Keep the joules of a token, by batch; say so where there is no meter."""
    shape, dtype, batches, least = sizes.energy
    joules = meter(device)
    made = model(shape, dtype, device)
    for batch in batches:
        ids = torch.randint(made.vocabulary, (batch, sizes.cached)).to(device)
        eager = Eager(made, ids, sizes.steps)
        way = Captured(eager) if device.type == "cuda" else Static(eager)
        steps, begun, before = 0, time.monotonic(), joules()
        while time.monotonic() - begun < least:
            way.prepare()
            for _ in range(sizes.steps):
                way.step()
            steps += sizes.steps
            if device.type == "cuda":
                torch.cuda.synchronize()
        spent = joules() - before
        name = "CUDA graph" if device.type == "cuda" else "fixed places, eager"
        details = {"model": shape, "dtype": dtype, "batch": batch, "tokens": 1,
                   "cached": sizes.cached, "way": name, "note": NOTE}  # fmt: skip
        rows.add(GPU_ENERGY, spent / (steps * batch), shape, details)


def meter(device: torch.device) -> Callable[[], float]:
    """Return what reads joules; RuntimeError says why there is none."""
    if device.type != "cuda":
        raise RuntimeError("no NVML on a processor, so no energy is measured")
    try:
        import pynvml
    except ImportError:
        raise RuntimeError(
            "pynvml is not installed, so no energy is measured"
        ) from None
    try:
        pynvml.nvmlInit()
        handle = pynvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except pynvml.NVMLError as error:
        raise RuntimeError(f"NVML tells no energy of this card: {error}") from None
    return lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3
