"""Programs that outlive the process or do without it: AOT packages, CUDA graphs.

A package (.pt2) is a step that Inductor compiled ahead of time, weights and machine
code in one file. Loading one runs what is in it, so it lies in the folder that
LLMLAB_CACHE names, which nobody else may write to; its name says what it was made of,
and its sha256 stands in the index of that folder and is compared before it is loaded.
No other package is loaded.

A CUDA graph is what a GPU was told to launch in a step, recorded once and replayed as
one call. It holds addresses, so it belongs to one cache; another one is recorded anew.
The code for it was not run on a GPU so far; tests/cuda does it where there is one.

Shapes: B sequences, T new tokens, V vocabulary.
"""

import hashlib
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from llmlab.core import machine, progress
from llmlab.graphs import programs
from llmlab.graphs.static import Step
from llmlab.kernels.native import building

SUFFIX = ".pt2"
CALLS = re.compile(r"^\s+(?:\w+\()?(?:(cpp_fused_\w+)|aoti_torch_cpu_(\w+))\(", re.M)
WARM = 3  # steps before a GPU's launches are recorded


def package(step: Step) -> Path:
    """Return the place of a step's package, compiled now unless it was before.

    Raises ValueError for a folder that others may write to.
    """
    program = programs.export(step)

    def make(beside: Path) -> None:
        with (
            programs.quiet(),
            progress.task("compiling a step ahead of time"),
            tempfile.TemporaryDirectory(dir=beside.parent) as place,
        ):
            path = str(Path(place) / f"step{SUFFIX}")  # torch wants this ending
            torch._inductor.aoti_compile_and_package(program, package_path=path)
            os.replace(path, beside)

    try:
        folder = machine.cache_folder() / "ahead"
        content = [*_made_of(program), *_sizes(programs.example(step))]
        return building.keep(folder, content, make, suffix=SUFFIX)
    except building.CannotBuildError as error:
        raise ValueError(str(error)) from error


def loaded(path: Path) -> Callable[..., Any]:
    """Return what runs a package that `package` made here."""
    with programs.quiet():
        return torch._inductor.aoti_load_package(str(path))


def kernels(path: Path) -> dict[str, int]:
    """Return how often a package's program calls what: fused loops, products, others.

    It is read from the source that lies in the package; nothing of it is run.
    """
    counts: Counter[str] = Counter()
    with zipfile.ZipFile(path) as parts:
        names = [name for name in parts.namelist() if name.endswith(".wrapper.cpp")]
        for name in names:
            for fused, operator in CALLS.findall(parts.read(name).decode()):
                counts[programs.FUSED if fused else operator] += 1
    return dict(counts)


def _made_of(program: torch.export.ExportedProgram) -> Iterator[str]:
    """Yield what tells a package from others: code, weights, torch, instructions."""
    yield program.graph_module.code
    for name, tensor in sorted(program.state_dict.items()):
        yield f"{name} {tuple(tensor.shape)} {_digest(tensor)}"
    for name, constant in sorted(program.constants.items()):
        yield f"{name} {_digest(constant) if isinstance(constant, Tensor) else name}"
    yield torch.__version__
    yield torch.backends.cpu.get_cpu_capability()
    yield f"{torch.get_num_threads()} threads"  # loops are cut for as many


def _sizes(inputs: Sequence[Tensor]) -> Iterator[str]:
    """Yield the sizes of a program's inputs, which its code does not name."""
    for given in inputs:
        yield f"{tuple(given.shape)} {given.dtype}"


def _digest(tensor: Tensor) -> str:
    array = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
    return hashlib.sha256(array.tobytes()).hexdigest()


class Recorded:
    """Replays the launches of a step as a CUDA graph, on the cache of its call."""

    def __init__(self, step: Step):
        """Prepare the inputs; ValueError where the model is not on a GPU."""
        device = step.cosines.device
        if device.type != "cuda":
            raise ValueError(
                f"by='cuda graph' records what a GPU launches, and {step.model.name} "
                f"is on {device}; move the model there, or choose by='inductor'."
            )
        self.call = programs.OnTensors(step)
        self.tokens, self.positions, *_ = programs.example(step)
        self.offsets = torch.arange(step.tokens, device=device)
        self.places: tuple[int, ...] = ()
        self.graph: Any = None
        self.logits: Tensor | None = None

    def __call__(self, tokens: Tensor, start: int, cache: Any) -> Tensor:
        """Return the logits (B, T, V) of a step, and write its keys and values."""
        caches = programs.in_order(cache)
        self.tokens.copy_(tokens)
        self.positions.copy_(self.offsets + start)
        places = tuple(part.data_ptr() for part in caches)
        if places != self.places:
            self._record(caches)
            self.places = places
        self.graph.replay()
        assert self.logits is not None
        return self.logits.clone()

    def _record(self, caches: Any) -> None:
        """Run the step aside, which writes what it would write, then record it."""
        aside = torch.cuda.Stream()
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside), torch.no_grad():
            for _ in range(WARM):
                self.call(self.tokens, self.positions, *caches)
        torch.cuda.current_stream().wait_stream(aside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph), torch.no_grad():
            (self.logits,) = self.call(self.tokens, self.positions, *caches)
