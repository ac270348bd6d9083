"""Exercise 4: neurons cut out of an MLP, so that its matrices shrink."""

import torch

from llmlab.checks.exercise import TENSOR, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

ONE_ORDER = "the three must agree: one list of neurons, in one order, for all of them."


def importance(hidden):
    """Return the norm of each neuron's output (F,) over the tokens."""
    return hidden.square().sum(0).sqrt()


def without_neurons(gate, up, down, hidden, keep, *, score=importance):
    """Return the three matrices with only the `keep` neurons of largest norm."""
    kept = score(hidden).topk(keep).indices.sort().values
    return gate[kept], up[kept], down[:, kept]


def observed(answer, gate, up, down, hidden, keep):
    """Return the three matrices with the neurons in one order: that is free."""
    parts = [*answer] if isinstance(answer, (list, tuple)) else answer
    if not isinstance(parts, list) or len(parts) != 3:
        return answer
    if not all(isinstance(one, torch.Tensor) for one in parts):
        return answer
    new_gate, new_up, new_down = (one.detach() for one in parts)
    one_size = new_gate.ndim == new_down.ndim == 2 and new_gate.shape == new_up.shape
    if not one_size or new_down.shape[1] != len(new_gate):
        return parts
    order = new_gate[:, 0].argsort()
    return new_gate[order], new_up[order], new_down[:, order]


def _right(gate, up, down, hidden, keep):
    return without_neurons(gate, up, down, hidden, keep)


def _masked(gate, up, down, hidden, keep):
    worst = importance(hidden).argsort()[: len(gate) - keep]
    parts = gate.clone(), up.clone(), down.clone()
    parts[0][worst], parts[1][worst], parts[2][:, worst] = 0, 0, 0
    return parts


def _first(gate, up, down, hidden, keep):
    return gate[:keep], up[:keep], down[:, :keep]


def _crossed(gate, up, down, hidden, keep):
    """Keep the largest in order of norm in one matrix, by place in the others."""
    by_norm = importance(hidden).topk(keep).indices
    by_place = by_norm.sort().values
    return gate[by_place], up[by_place], down[:, by_norm]


def _rows_of_down(gate, up, down, hidden, keep):
    kept = importance(hidden).topk(keep).indices % len(down)
    new_gate, new_up, _ = _right(gate, up, down, hidden, keep)
    return new_gate, new_up, down[kept]


def _cases():
    gate = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    up = torch.tensor([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]])
    down = torch.tensor([[7.0, 8.0, 9.0], [10.0, 11.0, 12.0]])
    hidden = torch.tensor([[4.0, 2.5, -3.0], [-0.5, 2.5, -4.0]])
    yield case(gate, up, down, hidden, 2)
    dice = torch.Generator().manual_seed(0)
    for width, neurons, tokens, keep in ((3, 6, 5, 4), (4, 8, 9, 3), (6, 6, 4, 5),
                                         (5, 12, 30, 6), (2, 5, 7, 5)):
        def normal(*sizes):
            return torch.randn(*sizes, generator=dice, dtype=torch.float64)
        hidden = normal(tokens, neurons) ** 3  # some few are large, as in a model
        yield case(normal(neurons, width), normal(neurons, width),
                   normal(width, neurons), hidden, keep)


EXERCISE = Exercise(
    name="without_neurons",
    right=_right,
    gives=(Value("the smaller gate", tensor=TENSOR),
           Value("the smaller up", tensor=TENSOR),
           Value("the smaller down", tensor=TENSOR)),
    cases=lambda: [*_cases()],
    covers="the neurons in any one order",
    hints=(
        "A neuron is a row of gate, the same row of up, and the same column of down.",
        "hidden.norm(dim=0) is the norm of each neuron's output; topk(keep).indices "
        "are the neurons that stay.",
        "kept = hidden.norm(dim=0).topk(keep).indices; gate[kept], up[kept], "
        "down[:, kept].",
    ),
    hint="the `keep` neurons of largest norm stay: rows of gate and up, columns of "
         "down.",
    observe=observed,
    tolerance=1e-6,
    mistakes={
        "these neurons are the weakest; the strongest stay.":
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: -importance(h)),
        "`keep` neurons stay, and the others go: this is the other way round.":
            lambda g, u, d, h, k: without_neurons(g, u, d, h, len(g) - k),
        "zeros are multiplied like other numbers: leave rows and columns out.": _masked,
        "a neuron is a column of down; its rows belong to the model's width.":
            _rows_of_down,
        "up has the neurons as its rows, too; it loses the same ones.":
            lambda g, u, d, h, k: (_right(g, u, d, h, k)[0], u,
                                   _right(g, u, d, h, k)[2]),
        ONE_ORDER: _crossed,
        "these are the first neurons; those of largest norm stay.": _first,
        "outputs of two signs cancel in a mean; take the norm over the tokens.": (
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: h.mean(0)),
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: h.mean(0).abs()),
        ),
        "one large output is not all: take the norm over the tokens.": (
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: h.abs().amax(0)),
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: h.amax(0)),
        ),
        "this is a mean of magnitudes; the norm squares them first.":
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: h.abs().mean(0)),
        "this judges by weights; judge by what comes out, `hidden`.": (
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: g.norm(dim=1)),
            lambda g, u, d, h, k: without_neurons(
                g, u, d, h, k, score=lambda h: d.norm(dim=0)),
        ),
    },
)
