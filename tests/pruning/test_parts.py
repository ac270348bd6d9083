"""What a learner wrote stands in the place of a part, and is looked at."""

import pytest
import torch
from drawn_inputs import data
from families import ask, make
from small_models import decoder, draw_tokens

from llmlab import pruning
from llmlab.pruning import depth, masks, neurons, schedule, wanda


def test_a_mask_of_ones_own_is_the_packages_where_it_does_the_same():
    model = make("decoder")

    def magnitude(weight, sparsity):
        order = weight.abs().flatten().argsort(stable=True)
        kept = torch.ones(weight.numel(), dtype=torch.bool)
        kept[order[: round(weight.numel() * sparsity)]] = False
        weight.zero_()  # a copy: the model's stays
        return kept.view(weight.shape).tolist()

    def by_row(weight, norms, sparsity):
        return masks.by_row(weight.abs() * norms, sparsity)

    mine = pruning.prune(model, sparsity=0.4, mask=magnitude)
    assert torch.equal(ask(mine), ask(pruning.prune(model, sparsity=0.4)))
    mine = wanda.prune(model, data(model), sparsity=0.4, mask=by_row)
    assert torch.equal(ask(mine), ask(wanda.prune(model, data(model), sparsity=0.4)))


def test_an_mlp_may_be_cut_in_any_order_of_its_neurons():
    model = decoder(dtype=torch.float64)
    scores = neurons.importance(model, data(model))

    def backwards(gate, up, down, kept):
        kept = kept.flip(0)
        return gate[kept], up[kept], down[:, kept]

    mine = neurons.prune(model, keep=20, importance=scores, cut=backwards)
    ours = neurons.prune(model, keep=20, importance=scores)
    torch.testing.assert_close(ask(mine), ask(ours), rtol=1e-12, atol=1e-12)


def test_an_influence_and_a_schedule_of_ones_own():
    model = decoder(dtype=torch.float32)
    mine = depth.block_influence(model, data(model), measure=lambda a, b: a.numel())
    assert mine == [4 * 12 * 32] * 2
    shares = []

    def prune(model, share):
        shares.append(share)
        return pruning.prune(model, sparsity=share)

    schedule.iterative(
        model, lambda step: draw_tokens(2, 9, seed=step), sparsity=0.6, steps=3,
        rounds=3, prune=prune, schedule=lambda step, steps, final: final * step / steps,
    )  # fmt: skip
    assert shares == pytest.approx([0.2, 0.4, 0.6])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda m: pruning.prune(m, sparsity=0.5, mask=lambda w, s: w), "mask=.* gave"),
        (lambda m: pruning.prune(m, sparsity=0.5, mask=lambda w, s: [True]), r"\(1,\)"),
        (
            lambda m: wanda.prune(m, data(m), sparsity=0.5, mask=lambda w, n, s: n > 0),
            "mask=.* gave",
        ),
        (
            lambda m: neurons.prune(
                m,
                keep=20,
                importance=neurons.importance(m, how="magnitude"),
                cut=lambda gate, up, down, kept: (gate[kept], up, down[:, kept]),
            ),
            "cut=.* 20 neurons leave",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(ValueError, match=words) as refusal:
        call(make("decoder"))
    assert "\n" not in str(refusal.value)
