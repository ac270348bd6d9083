"""Which layers bear more zeros, and a sparsity for each under a budget of bytes."""

import pytest
import torch
from families import batch, make

from llmlab import models, pruning
from llmlab.models.sensitivity import logit_error
from llmlab.pruning import masks, sensitivity, targets

SHARES = (0.0, 0.25, 0.5, 0.75)


def loss_of(model):
    return logit_error(model, [batch(model, seed=3)["tokens"]])


def test_each_layer_is_tried_at_each_sparsity_alone():
    model = make("decoder")
    options = sensitivity.scan(model, loss_of(model), SHARES)
    names = [n for n in masks.sparsity(model).layers if n not in targets.heads(model)]
    assert [(one.layer, one.setting) for one in options] == [
        (name, share) for name in names for share in SHARES
    ]
    alone = pruning.prune(model, sparsity={names[2]: 0.5})
    (same,) = [o for o in options if (o.layer, o.setting) == (names[2], 0.5)]
    assert same.loss == pytest.approx(loss_of(model)(alone), rel=1e-5)
    assert all(one.loss == 0 for one in options if one.setting == 0)
    for name in names:
        sizes = [one.bytes for one in options if one.layer == name]
        assert sizes == sorted(sizes, reverse=True) and sizes[0] > sizes[-1]


def test_a_budget_is_kept_by_the_file_and_used():
    model = make("decoder")
    options = sensitivity.scan(model, loss_of(model), SHARES)
    budget = sum(one.bytes for one in options if one.setting == 0.5)
    chosen = sensitivity.choose(options, budget=budget)
    by_place = {(one.layer, one.setting): one for one in options}
    picked = [by_place[place] for place in chosen.items()]
    even = [one for one in options if one.setting == 0.5]
    assert sum(one.bytes for one in picked) <= budget
    assert sum(one.loss for one in picked) <= sum(one.loss for one in even)
    sparse = pruning.prune(model, sparsity=chosen)
    shares = masks.sparsity(sparse).layers
    assert all(shares[name] == pytest.approx(s, abs=0.01) for name, s in chosen.items())


def test_the_bytes_of_a_choice_are_those_of_its_file(tmp_path):
    model = make("decoder")
    options = sensitivity.scan(model, loss_of(model), (0.5,))
    sparse = pruning.prune(model, sparsity=0.5)
    models.save(model, tmp_path / "dense")
    models.save(pruning.pack(sparse), tmp_path / "packed")
    saved = models.size(tmp_path / "dense") - models.size(tmp_path / "packed")
    dense = sum(
        p.nbytes for n, p in model.named_parameters() if n.startswith("layers.")
        and p.dim() == 2
    )  # fmt: skip
    said = dense - sum(one.bytes for one in options)
    assert abs(saved - said) < 200 * len(options)  # names and shapes in the header


def test_other_masks_are_handed_in_and_bad_sparsities_refused():
    model = make("decoder")
    seen = []

    def first(weight, share):
        seen.append(share)
        mask = torch.ones_like(weight, dtype=torch.bool)
        mask[:, : round(weight.shape[1] * share)] = False
        return mask

    sensitivity.scan(model, loss_of(model), (0.5,), mask=first)
    assert set(seen) == {0.5}
    with pytest.raises(ValueError, match=r"choose 0\.5 for 50 %"):
        sensitivity.scan(model, loss_of(model), (50,))
