"""Structured pruning of any module: torch-pruning follows what hangs together.

To take an output from a layer, everything that reads it must lose an input, and what is
added to it an output of its own. torch-pruning runs the model once, follows the graph
of operators, and cuts all of it. It knows no model by name, so it serves where our
slices end; with grouped queries it regroups heads or never returns, and is not asked.

Shapes: O output features, I input features.
Source: DepGraph, Fang et al., CVPR 2023.
"""

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from llmlab.core.arguments import is_number, shown
from llmlab.core.model import Model
from llmlab.models import calibration, surgery
from llmlab.models.calibration import Batch
from llmlab.models.decoder import Decoder
from llmlab.pruning import masks, parts, targets
from llmlab.pruning.resized import as_kept

SECONDS = 60.0  # of this thread's processor time, after which a search is given up
ATTENTION = {  # what projections of attention are called
    "query", "key", "value", "q", "k", "v", "q_proj", "k_proj", "v_proj",
    "c_attn", "qkv", "query_key_value", "q_lin", "k_lin", "v_lin",
}  # fmt: skip


def prune(
    model: Model,
    data: Batch,
    *,
    layers: Collection[str],
    share: float,
    seconds: float = SECONDS,
) -> Model:
    """Return a new model whose layers, by name, have lost a share of their outputs.

    data: a batch to follow the graph with. layers: where outputs are taken; what
    depends on them is cut along. Those go whose weights are smallest over all that is
    cut together. seconds: of processor time until it is given up. Raises ValueError for
    names that are no linear layers, heads and projections of attention, a share that
    takes nothing or all, and for what torch-pruning cannot follow.
    """
    targets.check_plain(model)
    share = masks.checked_sparsity(share, name="share")
    if not is_number(seconds) or seconds < 0:
        raise ValueError(
            f"seconds={shown(seconds)} must be a number from 0; 60 are enough for most."
        )
    _check(model, layers)
    work = _with_linears(surgery.clone(model))
    before = sum(p.numel() for p in work.parameters())
    with given_up_after(seconds), torch.enable_grad():
        _cut(work.requires_grad_(True), data, layers, share)
    new = _with_conv(work, model)
    new.requires_grad_(any(p.requires_grad for p in model.parameters()))
    after = sum(p.numel() for p in new.parameters())
    if after >= before:
        raise ValueError(
            f"layers={sorted(layers)} and share={share} took no parameter; choose a "
            "larger share, or other layers."
        )
    _settle(new)
    _try(new, data)
    return targets.say(new, model, f"{1 - after / before:.0%}-smaller")


def _check(model: nn.Module, layers: Collection[str]) -> None:
    known, heads = surgery.linear_layers(model), targets.heads(model)
    if not layers or isinstance(layers, str) or not isinstance(layers, Collection):
        raise ValueError(
            f"layers={shown(layers)} names none; hand in a list of linear layers, such "
            f"as [{next(iter(known))!r}]."
        )
    for name in layers:
        if name not in known:
            raise ValueError(
                f"layers holds {name!r}, which is no linear layer of the model; names "
                f"are those of model.named_modules(), such as {next(iter(known))!r}."
            )
        if name in heads or not name:
            raise ValueError(
                f"layers holds {name!r}, whose outputs are the model's answers; choose "
                "a layer inside."
            )
        if name.rpartition(".")[2] in ATTENTION:
            raise ValueError(
                f"layers holds {name!r}, a projection of attention: its outputs belong "
                "to heads that go whole; pruning.groups.prune takes those."
            )


def _cut(model: Any, data: Batch, layers: Collection[str], share: float) -> None:
    """Take outputs from these layers of a model, and all that depends on them."""
    import torch_pruning

    graph = torch_pruning.DependencyGraph()
    with _without_cache(model):
        graph.build_dependency(
            model,
            example_inputs=data,
            forward_fn=lambda part, batch: _answer(calibration.run(part, batch)),
            verbose=False,
        )
    importance = torch_pruning.importance.GroupMagnitudeImportance(p=2)
    done: set[int] = set()
    for name in layers:
        layer = model.get_submodule(name)
        if id(layer) in done:
            continue  # went along with an earlier one
        outputs = surgery.size_of(layer)[0]
        cut = torch_pruning.prune_linear_out_channels
        whole = graph.get_pruning_group(layer, cut, idxs=list(range(outputs)))
        _check_group(name, list(whole), model, graph)
        done |= {id(item.dep.target.module) for item in whole}
        scores = importance(whole)
        gone = scores.argsort(stable=True)[: round(outputs * share)].tolist()
        if gone:
            group = graph.get_pruning_group(layer, cut, idxs=sorted(gone))
            group.prune()


@contextlib.contextmanager
def _without_cache(model: Any) -> Iterator[None]:
    """Let a model of transformers give logits alone; a cache has tensors of its own."""
    config: Any = getattr(parts.inner(model), "config", None)
    before = getattr(config, "use_cache", None)
    if before is not None:
        config.use_cache = False
    try:
        yield
    finally:
        if before is not None:
            config.use_cache = before


def _check_group(name: str, members: list[Any], model: Any, graph: Any) -> None:
    """Raise ValueError where a cut would reach the answers or a tied weight."""
    heads = {id(model.get_submodule(head)) for head in targets.heads(model)}
    places = Counter(id(m.weight) for m in model.modules() if hasattr(m, "weight"))
    for item in members:
        module, takes = item.dep.target.module, item.dep.handler
        if id(module) in heads and graph.is_out_channel_pruning_fn(takes):
            raise ValueError(
                f"layers holds {name!r}, and its cut would take outputs of the head, "
                "so words of the vocabulary; choose a layer inside."
            )
        if places[id(getattr(module, "weight", None))] > 1:
            raise ValueError(
                f"layers holds {name!r}, and its cut would reach a weight that stands "
                "in several places; choose a layer whose outputs stay within an MLP."
            )


def _answer(answer: Any) -> Tensor:
    """Return what the graph is followed back from: the logits, or the first tensor."""
    if isinstance(answer, Tensor):
        return answer
    return answer.logits if hasattr(answer, "logits") else answer[0]


def _with_linears(model: Model) -> Model:
    """Return a model with nn.Linear in the place of Conv1D, which is not followed."""
    turned = {}
    for name, layer in surgery.linear_layers(model).items():
        if isinstance(layer, Conv1D):
            weight = surgery.weight_of(layer).contiguous()
            rows, columns = weight.shape
            linear = nn.Linear(columns, rows, device="meta")
            linear.weight, linear.bias = nn.Parameter(weight), layer.bias
            turned[name] = linear
    return surgery.replace(model, turned)


def _with_conv(work: Model, model: nn.Module) -> Model:
    turned = {}
    for name, layer in surgery.linear_layers(model).items():
        if isinstance(layer, Conv1D):
            linear: Any = work.get_submodule(name)
            with torch.device("meta"):
                conv = Conv1D(*linear.weight.shape)
            conv.weight = nn.Parameter(as_kept(conv, linear.weight.detach()))
            conv.bias = nn.Parameter(linear.bias.detach())
            turned[name] = conv
    return surgery.replace(work, turned)


def _settle(model: nn.Module) -> None:
    """Say in the configuration what is the same for all layers again."""
    inner = parts.inner(model)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.out_features, module.in_features = module.weight.shape
    if not hasattr(inner, "config"):
        return
    try:
        widths = {parts.neurons(model, one) for one in parts.mlps(model).values()}
        word = parts.setting(model)
    except ValueError:
        return  # no MLP that a configuration knows
    if len(widths) == 1 and not isinstance(inner, Decoder):
        setattr(inner.config, word, widths.pop())


def _try(model: nn.Module, data: Batch) -> None:
    """Raise ValueError where the smaller model does not run."""
    try:
        with torch.inference_mode():
            calibration.run(model, data)
    except RuntimeError as error:
        first = str(error).partition("\n")[0]
        raise ValueError(
            f"the smaller model does not run ({first}); choose layers whose outputs "
            "stay within an MLP."
        ) from error


@contextlib.contextmanager
def given_up_after(seconds: float) -> Iterator[None]:
    """Raise ValueError in Python code of this thread that takes longer.

    The search may never end, and a thread cannot be killed from outside: so the
    interpreter looks at the clock at every call.
    """
    end, before = time.thread_time() + seconds, sys.getprofile()

    def look(frame: Any, event: str, argument: Any) -> None:
        if time.thread_time() > end:
            sys.setprofile(None)
            raise ValueError(
                f"torch-pruning did not end within seconds={seconds:g}; choose other "
                f"layers, or pruning.neurons, which knows the model."
            )

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)
