"""Experts as linear layers: what a mixture of experts keeps in one piece, taken apart.

transformers keeps the weights of all experts of a layer in two parameters of three
dimensions, which no technique for linear layers sees. `separate` puts a linear layer
for every matrix in their place, over the same memory; `join` puts them together again,
so that a file holds them as transformers does. The router, which chooses the experts of
a token, is no linear layer and stays as it is.

Shapes: E experts, R tokens, C choices of a token, D model width, F hidden width.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from llmlab.core import wanted
from llmlab.core.model import Model
from llmlab.kernels.modules import replace

PARTS = ("gate_up_proj", "down_proj")  # (E, 2 F, D) and (E, D, F) in transformers
PLAIN_GATE = "_default_apply_gate"  # the activation of the gate, times what goes up
# What transformers says of experts that compute as `Experts` does.
FORM = {
    "is_transposed": False,
    "has_bias": False,
    "has_gate": True,
    "is_concatenated": True,
    "has_post_expert_norm": False,
}


class Expert(nn.Module):
    """One expert: a gated MLP of two linear layers, gate and up in one of them."""

    def __init__(self, gate_up: nn.Linear, down: nn.Linear, activation: nn.Module):
        super().__init__()
        self.gate_up_proj, self.down_proj, self.act_fn = gate_up, down, activation

    def forward(self, x: Tensor) -> Tensor:
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)  # (R, F)
        return self.down_proj(self.act_fn(gate) * up)


class Experts(nn.ModuleList):
    """The experts of a layer, each with linear layers of its own."""

    def __init__(self, together: Any):
        """Take the experts of transformers apart; the memory is the same."""
        learns = together.gate_up_proj.requires_grad
        pairs = zip(together.gate_up_proj, together.down_proj, strict=True)
        super().__init__(
            Expert(
                _linear(gate_up, learns),
                _linear(down, learns),
                copy.deepcopy(together.act_fn),
            )
            for gate_up, down in pairs
        )
        # Not among the modules: what they were, without weights, to be joined again.
        self.__dict__["form"] = _holding(together, {})

    def forward(self, x: Tensor, chosen: Tensor, shares: Tensor) -> Tensor:
        """Return what the chosen experts answer, added up by their shares, (R, D).

        chosen, shares: (R, C), numbers of a token's experts and what each counts.
        """
        answer = torch.zeros_like(x)
        for number, expert in enumerate(self):
            rows, places = torch.where(chosen == number)
            if len(rows):
                part = expert(x[rows]) * shares[rows, places, None]
                answer.index_add_(0, rows, part.to(answer.dtype))
        return answer


def separate(model: Model) -> Model:
    """Return a new model whose experts have linear layers: "experts.0.down_proj".

    It answers as before and shares the memory of every weight. A model without such
    experts comes back as it is; so do experts in another form (with biases, with an
    activation of their own), of which `surgery.share_of_weights` tells.
    """
    wanted.module("model", model)
    names = [name for name, module in model.named_modules() if _fits(module)]
    if not names:
        return model
    return replace(model, {name: Experts(model.get_submodule(name)) for name in names})


def together(model: nn.Module) -> list[nn.Parameter]:
    """Return the weights that hold a matrix of each expert, in any form, (E, …)."""
    return [
        weight
        for module in model.modules()
        if not isinstance(module, nn.Linear | nn.Conv1d)  # stored ones are linear, too
        for weight in module._parameters.values()
        if weight is not None and weight.dim() == 3
    ]


def put_apart(model: nn.Module, name: str) -> None:
    """Separate the experts of this name in a model itself, such as an empty one.

    Raises ValueError and AttributeError where there are none of that name.
    """
    module = model.get_submodule(name)
    if not _fits(module):
        raise ValueError(f"{name} is a {type(module).__name__}, and holds no experts.")
    model.set_submodule(name, Experts(module))


def join(model: Model) -> Model:
    """Return a new model with its separate experts in one piece again.

    Layers of experts that are not all plain (quantized, packed) stay separate. A model
    without any comes back as it is.
    """
    wanted.module("model", model)
    together: dict[str, nn.Module] = {
        name: _joined(module)
        for name, module in model.named_modules()
        if isinstance(module, Experts) and _is_plain(module)
    }
    return replace(model, together) if together else model


def _fits(module: Any) -> bool:
    """Say whether these are experts of transformers that `Experts` computes like."""
    parts = [module._parameters.get(name) for name in PARTS]
    if len(module._parameters) != len(PARTS) or any(p is None for p in parts):
        return False
    gate = getattr(type(module), "_apply_gate", None)
    return (
        all(part.dim() == 3 for part in parts)
        and list(module._modules) == ["act_fn"]
        and all(vars(module).get(word) is known for word, known in FORM.items())
        and getattr(gate, "__name__", "") == PLAIN_GATE
    )


def _linear(matrix: Tensor, learns: bool) -> nn.Linear:
    """Return a linear layer over one expert's weight (O, I), on the same memory."""
    rows, columns = matrix.shape
    with torch.device("meta"):
        layer = nn.Linear(columns, rows, bias=False)
    layer.weight = nn.Parameter(matrix.detach(), requires_grad=learns)
    return layer


def _joined(experts: Experts) -> nn.Module:
    """Return the experts as transformers keeps them."""
    parts = {
        name: torch.stack([getattr(one, name).weight.detach() for one in experts])
        for name in PARTS
    }
    learns = next(experts.parameters()).requires_grad
    held = {name: nn.Parameter(part, learns) for name, part in parts.items()}
    return _holding(vars(experts)["form"], held)


def _holding(form: nn.Module, parameters: dict[str, nn.Parameter]) -> Any:
    """Return a module of this form with other parameters."""
    new = copy.copy(form)
    new.__dict__["_parameters"] = parameters
    new.__dict__["_modules"] = dict(form._modules)
    return new


def _is_plain(experts: Experts) -> bool:
    linear = [m for m in experts.modules() if isinstance(m, nn.Linear)]
    return all(type(layer) is nn.Linear for layer in linear)
