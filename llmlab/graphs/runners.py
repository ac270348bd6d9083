"""Models whose steps run by a program that was built before: one face for all ways.

native     one call of our C for all layers, for int8 and int4 (`graphs.steps`)
static     the step of a fixed size by torch's own operators: nothing is built
inductor   the same, compiled by torch's Inductor; needs g++
aot        the same ahead of time: a package that the next process only loads
cuda graph what a GPU launches in a step, recorded and replayed
onnx       the same by ONNX Runtime, an extra
openvino   the same by OpenVINO, an extra

A program is made for so many rows, so many new tokens of each (one, unless told), and S
places of the cache. Every other call goes to the model itself on the same cache:
another number of tokens, rows that hold unequal numbers, a call without a cache.

Shapes: B sequences, T new tokens, S places, V vocabulary.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from llmlab.core import arguments, clock, machine, records, wanted
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.graphs import engines, programs, steps
from llmlab.graphs.quantities import BUILD_SECONDS
from llmlab.graphs.static import StaticMask, Step
from llmlab.kernels.plans import Plan
from llmlab.models.caches.attention import KVCache
from llmlab.models.caches.rows import counts_of

NATIVE = "native"
WAYS = {  # what each is called in tables
    NATIVE: "native int8",
    "static": "static",
    "inductor": "compiled",
    "aot": "compiled ahead",
    "cuda graph": "CUDA graph",
    "onnx": "ONNX Runtime",
    "openvino": "OpenVINO",
}
THREADED = ("onnx", "openvino")  # have threads of their own; others take torch's
OF_TORCH = ("inductor", "aot")  # they take what torch computes with
LENGTH = 256  # places, unless told


def compiled(
    model: LanguageModel,
    by: str = NATIVE,
    *,
    plan: Plan | None = None,
    threads: int | None = None,
    length: int | None = None,
    batch: int | None = None,
    tokens: int | None = None,
    mask: StaticMask | None = None,
) -> Any:
    """Return a model with the same face whose decode steps run by what was built here.

    by: one of WAYS. "native" takes quantized models, `plan` and `threads`: see
    `steps.compiled`. "onnx" and "openvino" take a decoder in float32 on the CPU,
    "inductor" and "aot" in bfloat16, too, and with int8 layers, "static" any, and
    "cuda graph" any on a GPU. length: places of their caches, 256 or the
    model's context if that is less; batch: rows of a call, 1 unless told; tokens: new
    ones of each row, 1 unless told, and a program for several reads prompts of just
    that length where `last` asks for their last logits alone; mask: in the place of
    `static.static_mask`; threads: of ONNX Runtime and OpenVINO, `machine.threads()`
    unless told, while the others take torch's.
    `.built` says how many seconds the building took. Raises ValueError for another
    way, options of another way, a model that it does not take, and where an extra or
    a compiler is missing.
    """
    if not isinstance(by, str) or by not in WAYS:
        raise ValueError(
            f"by={arguments.shown(by)} is not known; choose one of {', '.join(WAYS)}."
        )
    sizes = {"length": length, "batch": batch, "tokens": tokens}
    _check_options(by, {"plan": plan, "threads": threads, "mask": mask} | sizes)
    if by == NATIVE:
        made, built = _timed(
            by, lambda: steps.compiled(model, plan=plan, threads=threads)
        )
        made.built = built
        return made
    wanted.causal("model", model)
    step = Step(
        model,
        length=min(LENGTH, model.context) if length is None else length,
        batch=1 if batch is None else batch,
        tokens=1 if tokens is None else tokens,
        mask=mask,
        in_place=by in engines.IN_PLACE,
    )
    _check_weights(by, step)
    engine, built = _timed(by, lambda: _engine(by, step, threads))
    return StaticModel(step, engine, by=by, built=built, threads=threads)


class StaticModel(steps.Face):
    """The face of a model whose decode steps run by a program of fixed sizes."""

    def __init__(
        self, step: Step, engine: engines.Engine, *, by: str, built: Record,
        threads: int | None = None,
    ):  # fmt: skip
        super().__init__()
        self.model: Any = step.model
        self.training = step.model.training
        self._parts = (step,)  # no module of this one: its weights are the model's
        self.engine, self.by, self.built, self.threads = engine, by, built, threads
        self.length, self.batch, self.tokens = step.length, step.batch, step.tokens
        self.name, self.tokenizer = self.model.name, self.model.tokenizer
        self.weights_version = self.model.weights_version
        self.format = f"{getattr(self.model, 'format', '') or 'fp32'}-{by}"
        self.steps = 0  # calls that the program ran

    def new_cache(self, batch: int, length: int) -> KVCache:
        """Return an empty cache for `batch` sequences of up to `length` tokens.

        It has S places whatever the length. Raises ValueError for more than those, and
        for other rows than the program was built for.
        """
        if batch != self.batch:
            raise ValueError(
                f"batch={arguments.shown(batch)}, and this program was built for "
                f"{self.batch} rows; build one: compiled(model, by={self.by!r}, "
                f"batch={arguments.shown(batch)})."
            )
        way = f"build another: compiled(model, by={self.by!r}, length=…)"
        arguments.whole("length", length, least=1, most=self.length, way=way)
        return self.model.new_cache(batch, self.length)

    def forward(
        self,
        tokens: Tensor,
        cache: Any = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V) as `core.model.LanguageModel.forward` says.

        What the program computes has no gradient.
        """
        if not self._fits(tokens, cache, last):
            return self.model(tokens, cache, counts=counts, last=last)
        real = counts_of(counts, tokens, cache, verb="extend")
        if real != self.tokens:
            return self.model(tokens, cache, counts=counts, last=last)
        cache.room(self.tokens)
        wanted.tokens("tokens", tokens.flatten().tolist(), self.vocabulary)
        with torch.inference_mode():
            # Programs have one layout; a column of a larger table has another.
            logits = self.engine.run(tokens.contiguous(), cache.even, cache)
        self.steps += 1
        cache.advance(
            self.tokens, most=self.tokens
        )  # at the end: half a step does not count
        return logits

    def _fits(self, tokens: Tensor, cache: Any, last: bool) -> bool:
        """Say whether the program takes this call: rows, tokens, places, logits."""
        return (
            isinstance(cache, KVCache)
            and not self.training
            and tuple(tokens.shape) == (self.batch, self.tokens)
            and (last or self.tokens == 1)
            and len(cache.lengths) == self.batch
            and cache.even is not None
            and cache.limit == self.length
            and len(cache.layers) == len(self.model.layers)
        )

    def _apply(self, function: Callable, recurse: bool = True) -> "StaticModel":
        """Refuse to move or cast: the program reads the weights that it was built of.

        `share_memory` and what leaves every tensor as it is passes.
        """
        for tensor in (*self.parameters(), *self.buffers()):
            with torch.no_grad():
                new = function(tensor)
            if (new.dtype, new.device) != (tensor.dtype, tensor.device):
                raise ValueError(
                    f"a program by {self.by!r} cannot be moved or cast; move or cast "
                    "the model, then build it again."
                )
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "StaticModel":
        """Copy the model and build its program again."""
        (step,) = self._parts
        mask = step.mask
        new = compiled(
            copy.deepcopy(self.model, memo), self.by, length=self.length,
            batch=self.batch, tokens=self.tokens, mask=mask, threads=self.threads,
        )  # fmt: skip
        memo[id(self)] = new
        return new.train(self.training)

    def extra_repr(self) -> str:
        total = sum(self.engine.starts.values())
        sizes = f"{self.batch} × {self.tokens} tokens, {self.length} places"
        return f"by {self.by}: {total} {self.engine.unit}, {sizes}"


def _engine(by: str, step: Step, threads: int | None) -> engines.Engine:
    """Build; ValueError names the way and what its builder said first."""
    try:
        with torch.no_grad():
            made = engines.BUILDERS[by](step, threads=threads or machine.threads())
            tokens, *_ = step.example()
            cache = step.model.new_cache(step.batch, step.length)
            made.run(tokens, 0, cache)  # the first call is slow
            return made
    except ValueError:
        raise
    except Exception as error:  # of many kinds: of whoever builds
        raise ValueError(
            f"{step.model.name} cannot be built by {by!r} ({programs.reason(error)}); "
            "choose another way."
        ) from error


def _timed(by: str, build: Callable[[], Any]) -> tuple[Any, Record]:
    watch = clock.Host()
    start = watch.look()
    made = build()
    seconds = watch.seconds(start, watch.look())
    return made, records.measured(
        BUILD_SECONDS, seconds, subject=WAYS[by], details={"way": by}
    )


def _check_options(by: str, options: Mapping[str, Any]) -> None:
    """Raise ValueError for an option that this way does not have."""
    theirs: tuple[str, ...] = ("length", "batch", "tokens", "mask")
    if by == NATIVE:
        theirs = ("plan", "threads")
    elif by in THREADED:
        theirs = ("threads", *theirs)
    for name, value in options.items():
        if value is not None and name not in theirs:
            raise ValueError(
                f"{name}={arguments.shown(value)} is no option of by={by!r}, which "
                f"has {', '.join(theirs)}; leave it out."
            )
    if options["threads"] is not None and by != NATIVE:
        way = "choose how many threads a call may use, or None for all"
        arguments.whole("threads", options["threads"], least=1, way=way)


def _check_weights(by: str, step: Step) -> None:
    """Raise ValueError for weights that others' programs do not take as they are."""
    weight = step.model.embedding.weight
    kinds = [torch.float32, torch.bfloat16] if by in OF_TORCH else [torch.float32]
    if by in ("static", "cuda graph"):
        return
    if weight.dtype in kinds and weight.device.type == "cpu":
        return
    words = " or ".join(str(kind).removeprefix("torch.") for kind in kinds)
    raise ValueError(
        f"{step.model.name} is in {weight.dtype} on {weight.device}, and by={by!r} "
        f"takes {words} on the CPU; build it of model.float().cpu(), or choose "
        "by='static'."
    )
