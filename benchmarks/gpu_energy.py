"""Energy of a token, by the card's own meter (NVML), for stage `graphs` of `gpu.py`.

The meter counts all that the card uses, its idle power as well, in millijoules since
the driver was loaded, and is read some ten times a second: so steps run for seconds.
"""

import time
from collections.abc import Callable
from typing import Any

import torch
from gpu_rows import Rows
from gpu_steps import Captured, Eager

from llmlab.hardware import energy as meters
from llmlab.hardware.quantities import GPU_ENERGY

NOTE = "by NVML, idle power included"


@torch.no_grad()
def energy(rows: Rows, model: Callable[..., Any], device: torch.device, sizes) -> None:
    """Keep the joules of a token, by batch; say so where there is no meter."""
    if device.type != "cuda":
        raise RuntimeError("no NVML on a processor, so no energy is measured")
    meter = meters.meter(device=device)
    if meter is None:
        raise RuntimeError("NVML tells no energy of this card, so none is measured")
    shape, dtype, batches, least = sizes.energy
    made = model(shape, dtype, device)
    for batch in batches:
        draw = torch.Generator().manual_seed(0)
        of = (batch, sizes.cached)
        ids = torch.randint(made.vocabulary, of, generator=draw).to(device)
        way = Captured(Eager(made, ids, sizes.steps))
        steps, begun, before = 0, time.monotonic(), meter.read()
        while time.monotonic() - begun < least:
            way.prepare()
            for _ in range(sizes.steps):
                way.step()
            steps += sizes.steps
            torch.cuda.synchronize()
        spent = meter.joules(before, meter.read())
        details = {
            "model": shape, "dtype": dtype, "batch": batch, "tokens": 1,
            "cached": sizes.cached, "way": "CUDA graph", "note": NOTE,
        }  # fmt: skip
        rows.add(GPU_ENERGY, spent / (steps * batch), shape, details)
