"""A model whose calls run natively: its face, and which way a call goes.

Each row's way depends on how many new tokens that row brings and on the plan that was
handed in, never on the rows beside it nor on a trial at run time. So a row's answer is
the same alone and in a batch, also where a plan sends prompts to torch and single
tokens to C: both write the same cache.

Shapes: B sequences, T new tokens, V vocabulary.
"""

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import arguments, machine, wanted
from llmlab.core.model import Cost, LanguageModel
from llmlab.graphs import native
from llmlab.kernels import dispatch
from llmlab.kernels.native import huge_pages, library
from llmlab.kernels.native.decoding import Pass, Rows
from llmlab.kernels.plans import NATIVE, PASS, Plan
from llmlab.models.caches.rows import counts_of
from llmlab.models.generation import Streaming

WAYS = ("native",)
ADDRESSES = ("memory", "places", "reserve")  # of `core.model.AddressedCache`


def compiled(
    model: LanguageModel,
    by: str = "native",
    *,
    plan: Plan | None = None,
    threads: int | None = None,
) -> "CompiledModel":
    """Return a model with the same face whose calls run as one native call each.

    Quantize it first: C takes symmetric int8 (a scale a row or a group) and int4 (in
    groups of 32 columns or a multiple), in a float32 decoder. What it does not take,
    and a machine without a C compiler, leaves the torch layers: a warning of one
    sentence says so, and `.reason` keeps it. plan: sends rows of some lengths to torch
    (`kernels.native.planning.plan`); None: everything is native.
    threads: of the native call, `machine.threads()` unless told; fewer for a while (of
    two: one) where busy neighbours hold it up, with the same bits. It reads a copy of
    the integers; hooks do not run and nothing is trained. Raises ValueError for another
    `by`, for what is no causal model, and for a plan that does not say which way.
    """
    if by not in WAYS:
        raise ValueError(f"by={by!r} is not known; choose one of {', '.join(WAYS)}.")
    wanted.causal("model", model)
    if threads is not None:
        way = "choose how many threads a call may use, or None for all"
        threads = arguments.whole("threads", threads, least=1, way=way)
    made = CompiledModel(model, plan=plan, threads=threads)
    if made.reason:
        warnings.warn(f"{made.reason} The torch layers run.", stacklevel=2)
    return made


class Face(Streaming, nn.Module):
    """The face of a `model` whose calls go another way: what it says of itself."""

    model: Any

    @property
    def vocabulary(self) -> int:
        return self.model.vocabulary

    @property
    def context(self) -> int:
        return self.model.context

    @property
    def layers(self) -> Any:
        return self.model.layers

    def cost(
        self, tokens: int, cached: int = 0, *, batch: int = 1, last: bool = False
    ) -> Cost:
        """Count one forward call, as the model itself does."""
        return self.model.cost(tokens, cached, batch=batch, last=last)


class CompiledModel(Face):
    """The face of a model whose calls run natively where they can."""

    def __init__(self, model: Any, *, plan: Plan | None, threads: int | None):
        super().__init__()
        self.model = model
        self.training = model.training
        self.plan = plan
        self.threads = threads or machine.threads()
        self.name, self.tokenizer = model.name, model.tokenizer
        self.weights_version = model.weights_version
        self.reason = ""  # why the torch layers run, where they do
        self._warned = False
        self._goes_native = _ways(plan)
        self._prepare()

    def _prepare(self) -> None:
        self._pass: Pass | None = None
        try:
            weights = native.weights(self.model)
        except native.UnsupportedError as error:
            self.reason = str(error)
            return
        # Of a module each look-up takes a microsecond, of a tuple none.
        model = self.model
        self._used = model.rotary, model.embedding.weight, len(model.layers)
        built = library.find()
        self.reason = library.reason()
        if built is not None:
            try:
                weights = huge_pages.side_by_side(weights, built.way)
            except ValueError as error:  # what this way does not multiply
                self.reason = str(error)
                return
            self._pass = Pass(built, weights, threads=self.threads)
        said = getattr(self.model, "format", "")
        self.format = f"{said}-native" if self._pass else said

    def new_cache(self, batch: int, length: int) -> Any:
        """Return an empty cache for `batch` sequences of up to `length` tokens."""
        return self.model.new_cache(batch, length)

    def forward(
        self,
        tokens: Tensor,
        cache: Any = None,
        *,
        counts: Sequence[int] | Tensor | None = None,
        last: bool = False,
    ) -> Tensor:
        """Return the logits (B, T, V) as `core.model.LanguageModel.forward` says."""
        if self._pass is None or self.training:
            return self.model(tokens, cache, counts=counts, last=last)
        if cache is None:
            cache = self.model.new_cache(*tokens.shape)
        if not all(hasattr(cache, part) for part in ADDRESSES):
            self._say(
                f"{type(cache).__name__} does not say where its keys and values lie "
                "(core.model.AddressedCache), so the torch layers run."
            )
            return self.model(tokens, cache, counts=counts, last=last)
        batch = len(tokens)
        real = counts_of(counts, tokens, cache, verb="extend")
        each = [real] * batch if isinstance(real, int) else [int(n) for n in real]
        goes = [self._goes_native(count) for count in each]
        if all(goes):
            return self._native(tokens, cache, each, last)
        if not any(goes):
            return self.model(tokens, cache, counts=counts, last=last)
        return self._both(tokens, cache, each, goes, last)

    def _both(self, tokens, cache, each: list[int], goes: list[bool], last: bool):
        """Run the rows that a plan sends to torch, then the others; all or none."""
        before = cache.lengths
        theirs = [0 if way else count for way, count in zip(goes, each, strict=True)]
        ours = [count if way else 0 for way, count in zip(goes, each, strict=True)]
        try:
            torch_logits = self.model(tokens, cache, counts=theirs, last=last)
            logits = self._native(tokens, cache, ours, last)
        except BaseException:  # Ctrl-C too: half a step does not count
            cache.rewind(before)
            raise
        chosen = torch.tensor(goes)[:, None, None]
        return torch.where(chosen, logits, torch_logits)

    def _native(
        self, tokens: Tensor, cache: Any, each: list[int], last: bool
    ) -> Tensor:
        """Run all rows natively: `each` of their tokens."""
        assert self._pass is not None
        batch, most = tokens.shape
        held = cache.lengths.tolist()
        cache.reserve(most)
        if not any(each):  # all of it is padding
            return torch.zeros(batch, 1 if last else most, self.vocabulary)
        reach = max(map(sum, zip(held, each, strict=True)))
        rotary, like, layers = self._used
        rotary.reserve(reach, like)
        rows = _rows(tokens.tolist(), held, each, cache, last)
        memory = [cache.memory(index) for index in range(layers)]
        answers = self._pass.run(rows, memory, rotary.table)
        full = max(each) if not last else 1
        even = min(each) == max(each) or (last and min(each) > 0)
        if even and (last or max(each) == most):
            logits = answers.view(batch, full, -1)
        else:  # what stands at padding means nothing, but is a number
            logits = answers.new_zeros(batch, 1 if last else most, answers.shape[1])
            places = torch.arange(logits.shape[1])
            counts = torch.tensor([min(n, 1) if last else n for n in each])
            logits[places < counts[:, None]] = answers
        even_count = each[0] if min(each) == max(each) else each
        cache.advance(even_count, most=most)  # at the end: half a step does not count
        return logits

    def _say(self, sentence: str) -> None:
        if not self._warned:
            warnings.warn(sentence, stacklevel=4)
        self._warned = True

    def _apply(self, function: Callable, recurse: bool = True) -> "CompiledModel":
        """Move or cast; what C reads is looked up again."""
        super()._apply(function, recurse)
        self._prepare()
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "CompiledModel":
        """Copy the model and make its native call anew: addresses are not copied."""
        new = CompiledModel(
            copy.deepcopy(self.model, memo), plan=self.plan, threads=self.threads
        )
        memo[id(self)] = new
        return new.train(self.training)

    def extra_repr(self) -> str:
        return self.reason or f"one native call, {self.threads} threads at most"


def _rows(
    tokens: list[list[int]], held: list[int], each: list[int], cache: Any, last: bool
) -> Rows:
    """Return what a call reads: the real tokens, one row after the other."""
    ids: list[int] = []
    places: list[int] = []
    sequences: list[int] = []
    asked: list[int] = []
    for row, count in enumerate(each):
        ids += tokens[row][:count]
        places += range(held[row], held[row] + count)
        sequences += [row] * count
        asked += [len(ids) - 1] if last and count else []
    runs = [cache.places(row) for row in range(len(each))]
    return Rows(ids, places, sequences, runs, asked if last else range(len(ids)))


def _ways(plan: Plan | None) -> Callable[[int], bool]:
    """Return what says of a row's number of new tokens whether it goes natively."""
    if plan is None:
        return lambda count: True
    if not isinstance(plan, Plan):
        raise ValueError(
            f"plan={plan!r} is no plan; hand in planning.plan(model), "
            "kernels.Plan.load(path), or None to run everything natively."
        )
    chosen = plan.chosen(PASS)
    return lambda count: chosen[dispatch.place(count)] == NATIVE
