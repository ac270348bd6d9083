"""Exercise 5: a linear recurrence by a parallel scan."""

import torch
from torch import Tensor

from llmlab.checks.attention_vs_rnn import mixing, recurring
from llmlab.checks.exercise import TENSOR, Case, Exercise, Value, case

# A mistake stands in one line or two, as in a table.
# fmt: off

HINTS = (
    "Join every step with the one a span before it, all at once; double the span.",
    "new gets decay[:, s:] * new[:, :-s] added, decay is multiplied by decay[:, :-s].",
    "new = cat((new[:, :s], decay[:, s:] * new[:, :-s] + new[:, s:]), 1), then decay.",
)
ZERO = "a decay of 0 forgets all before it; join steps, and divide by nothing."
LOOP = "a loop over the tokens takes T steps; join all pairs at once, double the span."
OPERATORS = 30  # of a round, slices with it


def _cases():
    generator = torch.Generator().manual_seed(0)
    yield case(
        torch.tensor([[[0.5, 1.0], [0.25, -1.0], [2.0, 0.5]]]),
        torch.tensor([[[4.0, 1.0], [2.0, 3.0], [-1.0, 0.0]]]),
    )
    for sizes in ((1, 1, 3), (2, 5, 2), (1, 8, 1), (3, 7, 4), (2, 12, 3)):
        yield case(*mixing.normal(generator, 2, *sizes).unbind(0))
    decay, new = mixing.normal(generator, 2, 2, 6, 2).unbind(0)
    yield case(decay * (decay > 0), new, about=ZERO)
    decay, new = torch.rand(2, 1, 300, 2, generator=generator).unbind(0)
    yield case(decay, new, about=ZERO)  # the product of all is 0
    yield Case(lambda: recurring.counted(256, seed=1), about=LOOP)


def observe(states, decay, new):
    """Return the states, and the operators beyond what log2(T) rounds need."""
    tokens = new.shape[1]
    rounds = max(1, (tokens - 1).bit_length())
    excess = max(0, recurring.operators(decay) - OPERATORS * rounds)
    plain = states.as_subclass(Tensor) if isinstance(states, Tensor) else states
    return plain, excess


EXERCISE = Exercise(
    name="scan",
    right=recurring.scan,
    gives=(
        Value("the states", tensor=TENSOR, dtype=mixing.DTYPE),
        Value(
            "a few operators",
            promise="scan takes about log2(T) rounds: operators beyond those",
        ),
    ),
    observe=observe,
    cases=lambda: [*_cases()],
    covers="any number of tokens, in a few rounds",
    hints=HINTS,
    hint="join each token with the one a span before: news, decays; double the span.",
    tolerance=1e-4,
    mistakes={
        "one round is not enough: double the span while it is below T.":
            lambda decay, new: recurring.scan(decay, new, rounds=1),
        "a round is missing: go on while the span is below T.":
            lambda decay, new: recurring.scan(decay, new, below=0.5),
        "the decays have to be joined as well: decay[:, s:] * decay[:, :-s].":
            lambda decay, new: recurring.scan(decay, new, join=recurring.kept),
        "decays are multiplied when they are joined, not added.":
            lambda decay, new: recurring.scan(decay, new, join=torch.add),
        "the earlier news is multiplied by the decay of the later step, decay[:, s:].":
            lambda decay, new: recurring.scan(decay, new, earlier=True),
        "the news needs the old decay: join news before decays, or keep the old ones.":
            lambda decay, new: recurring.scan(decay, new, early=True),
        "the decay is missing: the earlier news is multiplied by it.":
            lambda decay, new: new.cumsum(1),
        "the news of the later step is missing: add new[:, s:].":
            lambda decay, new: recurring.scan(decay, new, add=0),
        "double the span in every round: 1, 2, 4, not 1, 2, 3.":
            lambda decay, new: recurring.scan(decay, new, double=False),
        "the state is 0 before the first token, so h of the first is new alone.":
            lambda decay, new: recurring.scan(decay, new) + decay.cumprod(1),
        "the scan runs along the tokens, axis 1, not along the first axis.":
            lambda decay, new: recurring.along(0, decay, new),
        "the scan runs along the tokens, axis 1, not along the width.":
            lambda decay, new: recurring.along(2, decay, new),
        "h[t] comes from what is before it; this one runs from the end.":
            lambda decay, new: recurring.scan(decay.flip(1), new.flip(1)).flip(1),
        "decay and new have changed places.":
            lambda decay, new: recurring.scan(new, decay),
    },
)
