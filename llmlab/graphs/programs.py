"""What is left of a step when Python is gone: programs, and what they are made of.

export           a step as a graph of torch's own operators, by torch.export
nodes            how often each operator stands in it
kernels          what Inductor's generated source calls: fused loops, and products
onnx_nodes       the nodes that ONNX Runtime is left with at each of its levels
openvino_nodes   the same of OpenVINO's runtime graph

A program is a step on tensors alone: tokens, positions, the keys of every layer, then
the values. Counts are by name; inputs, outputs and constants are none of them.
"""

import logging
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments
from llmlab.graphs.static import Step
from llmlab.measure import operators

LEVELS = {  # of ONNX Runtime: what it may change in a graph
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
NOT_COMPUTED = ("Input", "Output", "Const")  # of OpenVINO
FUSED = "fused loop"
CALL = re.compile(
    r"^\s+(?:\w+ = )?(?:(cpp_fused_\w+)|extern_kernels\.(\w+)|"
    r"torch\.ops\.\w+\.(\w+)(?:\.\w+)?)\(",
    re.MULTILINE,
)
LOUD = "torch.onnx._internal.exporter._registration"  # names what it did not find


class OnTensors(nn.Module):
    """A step whose caches come as tensors one by one, as programs want them."""

    def __init__(self, step: Step):
        super().__init__()
        self.step, self.layers = step, len(step.model.layers)

    def forward(
        self, tokens: Tensor, positions: Tensor, *caches: Tensor
    ) -> tuple[Tensor, ...]:
        """Return the logits (B, T, V), and new caches unless it writes in place."""
        keys, values = caches[: self.layers], caches[self.layers :]
        logits, keys, values = self.step(tokens, positions, keys, values)
        return (logits,) if self.step.in_place else (logits, *keys, *values)


def example(step: Step) -> tuple[Tensor, ...]:
    """Return the inputs of a step's program: all zeros."""
    tokens, positions, keys, values = step.example()
    return tokens, positions, *keys, *values


def export(step: Step) -> torch.export.ExportedProgram:
    """Return the program of a step for its new tokens of every row.

    Raises ValueError for what is no step, and for one that asks in Python what a tensor
    holds, such as a `mask` with `.item()`.
    """
    if not isinstance(step, Step):
        raise ValueError(
            f"step={arguments.shown(step)} is no step; make one with "
            "static.Step(model, length=256)."
        )
    with torch.no_grad(), quiet():
        try:
            return torch.export.export(OnTensors(step), example(step), strict=False)
        except Exception as error:  # of many kinds
            raise ValueError(
                f"the step cannot be exported ({reason(error)}); no part of it may "
                "ask in Python what a tensor holds."
            ) from error


def nodes(program: torch.export.ExportedProgram) -> dict[str, int]:
    """Return how often each operator that computes stands in a program."""
    return operators.count_operators(program.graph.nodes)


def kernels(source: str | Iterable[str]) -> dict[str, int]:
    """Return how often Inductor's source calls what: "fused loop", "mm" and others.

    source: the Python that Inductor wrote, or several of them
    (`torch._inductor.utils.run_and_get_code`).
    """
    counts: Counter[str] = Counter()
    for text in [source] if isinstance(source, str) else source:
        _, _, body = text.partition("def call(")
        for fused, extern, operator in CALL.findall(body):
            counts[FUSED if fused else extern or operator] += 1
    return dict(counts)


def to_onnx(step: Step) -> bytes:
    """Return a step's program as an ONNX file's bytes; the extra `onnx` writes it."""
    program = export(step)
    with torch.no_grad(), quiet():
        made = torch.onnx.export(program, example(step), dynamo=True, verbose=False)
    assert made is not None
    return made.model_proto.SerializeToString()


def onnx_nodes(written: bytes, level: str = "all") -> dict[str, int]:
    """Return the nodes that ONNX Runtime is left with at one of its LEVELS.

    written: by `to_onnx`. Raises ValueError for another level.
    """
    import onnx

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        session(written, level=level, threads=1, keep=path)
        graph = onnx.load(path, load_external_data=False).graph
    return dict(Counter(node.op_type for node in graph.node))


def session(
    written: bytes, *, level: str = "all", threads: int, keep: Path | None = None
) -> Any:
    """Return a session of ONNX Runtime. keep: also write what it made of the graph."""
    import onnxruntime

    if level not in LEVELS:
        raise ValueError(
            f"level={arguments.shown(level)} is none of ONNX Runtime's levels; choose "
            f"one of {', '.join(LEVELS)}."
        )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(
        onnxruntime.GraphOptimizationLevel, LEVELS[level]
    )
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # errors
    # Threads that wait for the next call by spinning would slow down whoever is next.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if keep is not None:
        options.optimized_model_filepath = str(keep)
    return onnxruntime.InferenceSession(
        written, options, providers=["CPUExecutionProvider"]
    )


def openvino_nodes(compiled: Any) -> dict[str, int]:
    """Return the nodes of a model that OpenVINO compiled, as they run, by kind."""
    kinds = [
        str(node.get_rt_info()["layerType"].value)
        for node in compiled.get_runtime_model().get_ordered_ops()
    ]
    return dict(Counter(kind for kind in kinds if kind not in NOT_COMPUTED))


def in_order(cache: Any) -> Sequence[Tensor]:
    """Return the memory of a cache as a step's program wants it: keys, then values."""
    keys, values = zip(*cache.layers, strict=True)
    return (*keys, *values)


def reason(error: BaseException) -> str:
    """Return what an error says first, on one line."""
    said = " ".join(str(error).split()) or "it said nothing"
    return f"{type(error).__name__}: {said[:200]}"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep to itself what others say of their own insides while they build."""
    logger = logging.getLogger(LOUD)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
