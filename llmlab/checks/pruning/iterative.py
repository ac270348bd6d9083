"""Exercise 6: train a little, prune a little: iterative pruning."""

from functools import partial

import torch
from torch import nn

from llmlab.checks.exercise import Case, Exercise, Value
from llmlab.checks.pruning import scores, toy
from llmlab.checks.pruning.magnitude_mask import magnitude_mask

# A mistake stands in one line or two, as in a table.
# fmt: off

BEFORE = "the masks go on after `optimizer.step()`: a step moves zeros again."
ZEROS = "the optimizer moves zeros, too: mask the weights, not only their gradients."


def sparsity_at(step, steps, final):
    """Return the share of zeros that a step ends with (Zhu and Gupta, 2017)."""
    return final * (1 - (1 - min(step / steps, 1)) ** 3)


def iterative(layers, loss, optimizer, steps, final, *, clear=True, share=sparsity_at,
              late=False, when="after", fresh=True, start=1, alike=False,
              whole=False, new=False, stale=False):
    """Train the layers for some steps; after each, mask a little more. -> the losses.

    The knobs each make a typical mistake.
    """
    losses, masks = [], None
    for step in range(start, steps + start):
        part = share(step, steps, final)
        if when == "first":
            _apply(layers, _masks(layers, part))
        if clear:
            optimizer.zero_grad()
        value = loss()
        value.backward()
        losses.append(value.item())
        if masks is None or fresh:
            masks = _masks(layers, part, whole=whole, alike=alike)
        if when == "gradient":
            for layer, mask in zip(layers, masks, strict=True):
                layer.weight.data *= mask
                layer.weight.grad *= mask
        if when == "before":
            _apply(layers, masks)
        optimizer.step()
        if when == "after" and (not late or step == steps):
            if fresh and not stale:
                masks = _masks(layers, part, whole=whole, alike=alike)
            _apply(layers, masks, new=new)
    return losses


def _masks(layers, share, *, whole=False, alike=False):
    if whole:  # one count for all layers
        every = torch.cat([one.weight.detach().flatten() for one in layers])
        mask = scores.lowest(every.abs(), round(share * every.numel()))
        return [mask[i * toy.WIDTH**2 : (i + 1) * toy.WIDTH**2].view(toy.WIDTH, -1)
                for i in range(len(layers))]
    if alike:  # the first layer's mask for all
        return [magnitude_mask(layers[0].weight.detach(), share)] * len(layers)
    return [magnitude_mask(one.weight.detach(), share) for one in layers]


def _apply(layers, masks, *, new=False):
    for layer, mask in zip(layers, masks, strict=True):
        if new:  # the optimizer goes on with the old one
            layer.weight = nn.Parameter(layer.weight.detach() * mask)
        else:
            layer.weight.data *= mask


def observed(answer, layers, loss, optimizer, steps, final):
    """Return the losses and the weights of both layers."""
    weights = torch.stack([one.weight.detach() for one in layers])
    return answer, weights


def _right(layers, loss, optimizer, steps, final):
    return iterative(layers, loss, optimizer, steps, final)


def _case(seed, steps, final):
    def build():
        little = toy.layers(seed)
        reading = toy.reading(little, seed)
        return little, reading, toy.optimizer(little), steps, final

    return Case(
        build,
        setup="little = check.layers()",
        sources={"layers": "little", "loss": "check.reading(little)",
                 "optimizer": "check.optimizer(little)"},
    )


def _cases():
    yield _case(0, 3, 0.5)
    for seed, steps, final in ((1, 4, 0.7), (2, 8, 0.5), (3, 12, 0.8), (4, 1, 0.6)):
        yield _case(seed, steps, final)


EXERCISE = Exercise(
    name="iterative",
    right=_right,
    gives=(Value("the losses"),
           Value("the weights", promise="iterative leaves the right weights")),
    cases=lambda: [*_cases()],
    covers="losses and weights to the last step",
    hints=(
        "A step is a training step as always, and then a mask for each layer.",
        "zero_grad, loss, backward, optimizer.step(); then magnitude_mask of each "
        "weight at final * (1 - (1 - step / steps) ** 3), with step counted from 1.",
        "with torch.no_grad(): layer.weight *= magnitude_mask(layer.weight, share).",
    ),
    hint="each step: zero_grad, loss, backward, optimizer.step(), then a new mask for "
         "each layer; `step` goes from 1 to `steps`.",
    observe=observed,
    tolerance=1e-5,
    mistakes={
        "gradients add up until `optimizer.zero_grad()`: begin each step with it.":
            partial(iterative, clear=False),
        "this prunes once, at the end; after each step a little goes.":
            partial(iterative, late=True),
        "this is the whole sparsity from the first step on; it rises with the steps.": (
            partial(iterative, share=lambda step, steps, final: final),
            partial(iterative, share=lambda step, steps, final: final, fresh=False),
        ),
        "sparsity rises evenly here; the cube makes it steep first and flat at last.":
            partial(iterative, share=lambda a, b, final: final * a / b),
        "this is t³, which starts flat; the sparsity is final · (1 - (1 - t)³).":
            partial(iterative, share=lambda a, b, final: final * (a / b) ** 3),
        "the power is 3.":
            partial(iterative, share=lambda a, b, end: end - end * (1 - a / b) ** 2),
        "this drops what should stay: the curve goes up from 0 to `final`.":
            partial(iterative, share=lambda a, b, final: final * (1 - a / b) ** 3),
        "count steps from 1, so that the last one ends at `final`.":
            partial(iterative, share=lambda a, b, final: sparsity_at(a - 1, b, final)),
        BEFORE: (partial(iterative, when="before"), partial(iterative, when="first")),
        ZEROS: partial(iterative, when="gradient"),
        "this mask is from before the step; take one from the weights after it.":
            partial(iterative, stale=True),
        "the first mask stays for ever here: make a new one at each step.":
            partial(iterative, fresh=False),
        "this counts over all layers together; each layer has its own mask.":
            partial(iterative, whole=True),
        "each layer has its own mask; this is the first one's for all.":
            partial(iterative, alike=True),
        "a new nn.Parameter is none of the optimizer's: change the weight in place.":
            partial(iterative, new=True),
    },
)
