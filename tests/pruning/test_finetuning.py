"""Zeros stay zeros while the rest learns, and sparsity rises along a cubic."""

import itertools

import pytest
import torch
from families import make
from small_models import decoder, draw_tokens

from llmlab import pruning
from llmlab.models import surgery, training
from llmlab.pruning import depth, masks, schedule


def batch(step):
    return draw_tokens(4, 13, seed=step)


def zeros(model):
    return {
        name: layer.weight == 0 for name, layer in surgery.linear_layers(model).items()
    }


def loss(model):
    with torch.inference_mode():
        return float(training.next_token_loss(model, batch(0)))


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_zeros_are_zeros_after_every_step_and_the_rest_moves(weight_decay):
    sparse = pruning.prune(make("decoder"), sparsity=0.7)
    places = zeros(sparse)
    named = sparse.named_parameters(remove_duplicate=False)  # a tied head has a name
    before = {name: p.clone() for name, p in named}
    learnt = pruning.finetune(
        sparse, lambda step: batch(0), steps=12, rate=1e-2, weight_decay=weight_decay
    )
    for name, layer in surgery.linear_layers(learnt.model).items():
        assert (layer.weight[places[name]] == 0).all(), name
        assert not torch.equal(layer.weight, before[f"{name}.weight"])
    assert loss(learnt.model) < loss(sparse)
    assert all(torch.equal(p, before[n]) for n, p in sparse.named_parameters())
    assert learnt.model.format == sparse.format == "70%-sparse"
    assert learnt.log[-1]["step"] == 12


def test_gradients_masked_instead_would_not_do():
    """What momentum moves without a gradient: why zeros are set after the step."""
    weight = torch.nn.Parameter(torch.ones(2))
    adam = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.0)
    weight.square().sum().backward()
    adam.step()
    with torch.no_grad():
        weight[0] = 0
    adam.zero_grad(set_to_none=False)
    adam.step()
    assert weight[0] != 0


def test_a_dense_model_learns_as_by_training_itself():
    small = depth.drop(decoder(dtype=torch.float32), layers=[0])
    learnt = pruning.finetune(small, batch, steps=3)
    same = training.train(
        small, batch, steps=3,
        optimizers=lambda model: [
            torch.optim.AdamW(
                model.parameters(), lr=5e-4, weight_decay=0.0, foreach=False
            )
        ],
        schedule=training.constant_then_decay(3, warmup=0, decay=1),
    )  # fmt: skip
    for ours, plain in zip(
        learnt.model.parameters(), same.model.parameters(), strict=True
    ):
        assert torch.equal(ours, plain)


def test_training_goes_on_from_where_it_was_stopped(tmp_path):
    sparse = pruning.prune(make("decoder"), sparsity=0.5)
    whole = pruning.finetune(sparse, batch, steps=4)

    def killed(step):
        if step == 2:
            raise KeyboardInterrupt
        return batch(step)

    with pytest.raises(KeyboardInterrupt):
        pruning.finetune(sparse, killed, steps=4, folder=tmp_path, checkpoint_every=2)
    rest = pruning.finetune(sparse, batch, steps=4, folder=tmp_path, checkpoint_every=2)
    for ours, plain in zip(
        rest.model.parameters(), whole.model.parameters(), strict=True
    ):
        assert torch.equal(ours, plain)


def test_weights_in_few_bits_are_refused():
    for model, words in (
        (make("decoder").bfloat16(), "load the model in float32"),
        (
            pruning.pack(pruning.prune(make("decoder"), sparsity=0.5)),
            "unpack",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            pruning.finetune(model, batch, steps=1)


def test_sparsity_rises_fast_and_then_slowly():
    assert schedule.sparsity_at(5, steps=10, final=0.8) == pytest.approx(0.7)
    steps = [schedule.sparsity_at(s, steps=10, final=0.8, start=0.2) for s in range(13)]
    assert steps[0] == 0.2 and steps[10] == steps[12] == 0.8
    rises = [b - a for a, b in itertools.pairwise(steps[:11])]
    assert rises == sorted(rises, reverse=True) and rises[-1] >= 0
    assert schedule.sparsity_at(-3, steps=10, final=0.8) == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: schedule.sparsity_at(1, steps=0, final=0.5), "steps=0"),
        (lambda: schedule.sparsity_at(1, steps=9, final=50), r"choose 0\.5 for 50 %"),
        (lambda: schedule.sparsity_at(1, steps=9, final=0.5, start=1.0), "no weight"),
        (
            lambda: pruning.iterative(
                make("decoder"), batch, sparsity=0.5, steps=2, rounds=3
            ),
            "rounds=3 of steps=2",
        ),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_in_rounds_nothing_that_went_comes_back():
    seen = []

    def prune(model, share):
        sparse = pruning.prune(model, sparsity=share)
        seen.append((share, zeros(sparse)))
        return sparse

    asked = []

    def counted(step):
        asked.append(step)
        return batch(step)

    learnt = pruning.iterative(
        make("decoder"), counted, sparsity=0.8, steps=7, rounds=3, prune=prune
    )
    assert [share for share, _ in seen] == pytest.approx(
        [schedule.sparsity_at(r, steps=3, final=0.8) for r in (1, 2, 3)]
    )
    for (_, before), (_, after) in itertools.pairwise(seen):
        for name, gone in before.items():
            assert (after[name] | ~gone).all()
    assert asked == list(range(7))
    last = learnt.log[-1]
    assert last["step"] == 7 and last["tokens"] == 7 * 4 * 12
    heads = pruning.targets.heads(learnt.model)
    shares = masks.sparsity(learnt.model).layers
    left = [share for name, share in shares.items() if name not in heads]
    assert left == pytest.approx([0.8] * len(left), abs=1e-3)  # whole weights
