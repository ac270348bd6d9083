"""A GPU, recorded: what it can do, decode steps as graphs, and our own CUDA paths.

    python benchmarks/gpu.py                       all stages, nine minutes at most
    python benchmarks/gpu.py --stage hardware      peaks, bandwidth, layers, attention
    python benchmarks/gpu.py --stage graphs        decode and prefill, launches, energy
    python benchmarks/gpu.py --stage cuda          the tests marked `cuda`
    python benchmarks/gpu.py --device cpu --small  the same code on a processor, to try

It runs in a checkout with PYTHONPATH=. and needs torch, transformers, numpy, psutil and
platformdirs; triton compiles, pynvml measures energy, pytest tests: what is not there
is said. Rows come by importance; what does not fit into --minutes is said. Each row is
written to llmlab/recorded/gpu.json as soon as it is known, so that a stop keeps the
rest; a row of the same card is replaced. A trial on a processor writes only to --out.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

import gpu_graphs
import gpu_hardware
import gpu_tests
from gpu_rows import Budget, Rows, label

from llmlab.core import machine

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "llmlab" / "recorded" / "gpu.json"
STAGES: dict[str, tuple[float, Callable[..., None]]] = {  # share of the time
    "hardware": (2 / 9, gpu_hardware.record),
    "graphs": (4 / 9, gpu_graphs.record),
    "cuda": (3 / 9, gpu_tests.record),
}
MINUTES = 9.0


def main() -> int:
    """Record the stages that were asked for, one after the other."""
    options = _options()
    try:
        device = machine.device(options.device)
    except ValueError as error:
        print(error)
        return 2
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler speaks
    if options.small:
        os.environ.setdefault("LLMLAB_TIME", "0.05")
    if options.threads:
        os.environ["LLMLAB_THREADS"] = str(options.threads)
    machine.set_threads()
    is_trial = options.small or device.type == "cpu"
    out = options.out or (None if is_trial else OUT)
    print(f"{label(device)}; rows go to {out or 'this screen only'}", flush=True)
    wanted = options.stage or list(STAGES)
    total, left_over = sum(STAGES[stage][0] for stage in wanted), 0.0
    for stage in wanted:
        share, record = STAGES[stage]
        budget = Budget(60 * options.minutes * share / total + left_over)
        rows = Rows(out, label(device), budget)
        record(rows, device, small=options.small)
        left_over = max(0.0, budget.left())
        print(rows.end(stage), flush=True)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record what a GPU does.")
    parser.add_argument("--stage", action="append", choices=list(STAGES))
    parser.add_argument("--device", default="cuda", help="cuda (the default) or cpu")
    parser.add_argument("--small", action="store_true", help="small sizes, as a trial")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of all stages")
    parser.add_argument("--out", type=Path, help="another file than llmlab/recorded's")
    parser.add_argument("--threads", type=int, help="of the processor, for a trial")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
