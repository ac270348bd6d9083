"""What runs a static step: torch itself, Inductor's kernels, ONNX Runtime, OpenVINO.

Each builds once and is then a function of tokens, a position and a cache, which it
writes to. What it starts in a step is counted: operators, kernels or nodes.

Inductor compiles the exported step, not the module: `torch.compile` would look before
every call whether anything has changed, the number of threads among it, and compile
again in the middle of a measurement. Here the graph is whole by construction. Its
sources and libraries lie in the folder that LLMLAB_CACHE names, which nobody else may
write to, and nothing is loaded from elsewhere. It needs g++, and writes instructions of
this processor or of ATEN_CPU_CAPABILITY, as torch does.

Packages that are compiled ahead of time and CUDA graphs are made in `ahead`.

Shapes: B sequences, T new tokens, V vocabulary.
"""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from llmlab.core import machine, progress
from llmlab.graphs import ahead, programs
from llmlab.graphs.static import Step
from llmlab.kernels.native import building

OPERATORS, KERNELS, NODES, GRAPHS = "operators", "kernels", "nodes", "graphs"
CACHED = {"fx_graph_remote_cache": False}  # never from a machine of others


@dataclass(frozen=True)
class Engine:
    """A step that was built: `run(tokens, start, cache)` gives logits (B, T, V)."""

    run: Callable[[Tensor, int, Any], Tensor]
    starts: Mapping[str, int]  # what a step starts, by name
    unit: str  # of which kind those are


def static(step: Step, *, threads: int) -> Engine:
    """Run the step by torch's own operators; nothing is built."""
    from llmlab.measure import operators

    inputs = step.example()
    counts = operators.count(lambda: step(*inputs))
    starts = {n: c for n, c in counts.calls.items() if n not in operators.VIEWS}
    return Engine(_in_place(programs.OnTensors(step)), starts, OPERATORS)


def inductor(step: Step, *, threads: int) -> Engine:
    """Compile a step by Inductor; ValueError where there is no C++ compiler."""
    from torch._inductor.utils import run_and_get_code

    _compiler("inductor")
    given = programs.example(step)
    with _cache_folder(), progress.task("compiling a step with Inductor"):
        program = programs.export(step)
        with torch.no_grad(), programs.quiet():
            graph = program.module()

            def build() -> Callable[..., Any]:
                made = torch._inductor.compile(graph, [*given], options=CACHED)
                made(*given)
                return made

            made, sources = run_and_get_code(build)
    return Engine(_in_place(made), programs.kernels(sources), KERNELS)


def aot(step: Step, *, threads: int) -> Engine:
    """Load a step's package, compiled ahead of time now or in an earlier process."""
    _compiler("aot")
    with _cache_folder(), torch.no_grad():
        path = ahead.package(step)
    return Engine(_in_place(ahead.loaded(path)), ahead.kernels(path), KERNELS)


def cuda_graph(step: Step, *, threads: int) -> Engine:
    """Record a step's launches on a GPU, to be replayed as one; not run here so far."""
    return Engine(ahead.Recorded(step), {"graph": 1}, GRAPHS)


def onnx(step: Step, *, threads: int) -> Engine:
    """Write a step as ONNX and open it in ONNX Runtime, which optimises all it can."""
    needed("onnxruntime", "onnx")
    needed("onnxscript", "onnx")
    with progress.task("exporting a step to ONNX"):
        written = programs.to_onnx(step)
        session = programs.session(written, threads=threads)
    names = [given.name for given in session.get_inputs()]

    def call(arrays: list) -> list:
        return session.run(None, dict(zip(names, arrays, strict=True)))

    return Engine(_copying(call), programs.onnx_nodes(written), NODES)


def openvino(step: Step, *, threads: int) -> Engine:
    """Convert a step's program for OpenVINO and compile it for the processor."""
    needed("openvino", "openvino")
    import openvino

    given = programs.example(step)
    with progress.task("compiling a step with OpenVINO"), programs.quiet():
        program = programs.export(step).run_decompositions()
        converted = openvino.convert_model(program)
        converted.reshape({i: list(part.shape) for i, part in enumerate(given)})
        hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
        made = openvino.compile_model(converted, "CPU", hints)
        request = made.create_infer_request()

    def call(arrays: list) -> list:
        return request.infer(arrays, share_inputs=True, share_outputs=True).to_tuple()

    return Engine(_copying(call), programs.openvino_nodes(made), NODES)


BUILDERS: dict[str, Callable[..., Engine]] = {
    "static": static, "inductor": inductor, "aot": aot, "cuda graph": cuda_graph,
    "onnx": onnx, "openvino": openvino,
}  # fmt: skip
IN_PLACE = ("static", "inductor", "aot", "cuda graph")  # write to the cache themselves


def needed(module: str, extra: str) -> None:
    """Raise ValueError, with the way out, for a module of an extra that is not here."""
    if importlib.util.find_spec(module) is None:
        raise ValueError(
            f"by={extra!r} needs {module}, which is not installed: "
            f"pip install 'llmlab[{extra}]'."
        )


def _in_place(call: Callable[..., Any]) -> Callable[[Tensor, int, Any], Tensor]:
    def run(tokens: Tensor, start: int, cache: Any) -> Tensor:
        positions = torch.arange(start, start + tokens.shape[1], device=tokens.device)
        return call(tokens, positions, *programs.in_order(cache))[0]

    return run


def _copying(call: Callable[[list], Any]) -> Callable[[Tensor, int, Any], Tensor]:
    """Run what gives new caches; only what is new in them goes back into ours."""

    def run(tokens: Tensor, start: int, cache: Any) -> Tensor:
        new = tokens.shape[1]
        old = programs.in_order(cache)
        positions = torch.arange(start, start + new)
        given = [part.numpy() for part in (tokens, positions, *old)]
        logits, *updated = call(given)
        for memory, part in zip(old, updated, strict=True):
            made = torch.from_numpy(part).narrow(2, start, new)
            memory.narrow(2, start, new).copy_(made)
        return torch.from_numpy(logits).clone()

    return run


def _compiler(by: str) -> None:
    from torch._inductor import config

    words = config.cpp.cxx if isinstance(config.cpp.cxx, tuple | list) else ()
    names = [str(word) for word in words if word]
    if sys.platform == "win32":
        names = [os.environ.get("CXX", "cl")]
    if not any(map(shutil.which, names)):
        raise ValueError(
            f"by={by!r} needs a C++ compiler, and {' or '.join(names)} is not "
            "here: install g++ or name one in CXX, or choose by='static', which needs "
            "none."
        )


@contextmanager
def _cache_folder() -> Iterator[None]:
    """Let Inductor keep what it makes in a folder that is this user's alone."""
    folder, name = machine.cache_folder() / "inductor", "TORCHINDUCTOR_CACHE_DIR"
    try:
        building.private(folder)
    except building.CannotBuildError as error:
        raise ValueError(str(error)) from error
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before
