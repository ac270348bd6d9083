"""What all techniques share: hooks, the column loop, copies of a model, a scan."""

import pytest
import torch
from drawn_inputs import draw
from families import NAMES, ask, make
from small_models import decoder, draw_tokens
from torch import nn

from llmlab.models import column_loop, listening, sensitivity, surgery


@pytest.mark.parametrize("name", NAMES)
def test_a_clone_shares_nothing_and_a_share_everything(name):
    model = make(name)
    for copy, same in ((surgery.clone(model), False), (surgery.share(model), True)):
        assert torch.equal(ask(copy), ask(model))
        own = {p.data_ptr() for p in model.parameters()}
        assert all((p.data_ptr() in own) is same for p in copy.parameters())
        assert not {id(p) for p in model.parameters()} & {
            id(p) for p in copy.parameters()
        }
        assert len(list(copy.parameters())) == len(list(model.parameters()))  # ties


def test_any_module_is_replaced_wherever_it_stands():
    model = decoder()
    model.layers[1].mlp = model.layers[0].mlp
    new = surgery.replace(model, {"layers.0.mlp": nn.Identity()})
    assert isinstance(new.layers[0].mlp, nn.Identity)
    assert new.layers[1].mlp is new.layers[0].mlp
    assert not isinstance(model.layers[0].mlp, nn.Identity)
    with pytest.raises(ValueError, match=r"modules names 'layers\.7\.mlp'"):
        surgery.replace(model, {"layers.7.mlp": nn.Identity()})


def test_a_part_of_the_model_put_elsewhere_is_no_longer_the_originals():
    model = decoder()
    before = {name: p.clone() for name, p in model.named_parameters()}
    new = surgery.replace(model, {"layers.0": model.layers[1]})
    assert torch.equal(new.layers[0].mlp.up.weight, model.layers[1].mlp.up.weight)
    new.float()
    for p in new.parameters():
        p.data = p.data * 2
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())


def test_what_modules_are_given_and_give_is_heard_and_gradients_flow():
    model = decoder().requires_grad_(True)
    names = ["layers.0", "layers.1.mlp.down", "norm"]
    with listening.listening(model, names) as given:
        with listening.listening(model, names, outputs=True) as gives:
            logits = model(draw_tokens(2, 5))
    assert list(given) == list(gives) == names
    down = model.layers[1].mlp.down
    torch.testing.assert_close(down(given[names[1]]), gives[names[1]])
    torch.testing.assert_close(model.head(gives["norm"]), logits)
    (slope,) = torch.autograd.grad(logits.sum(), gives["layers.0"])
    assert slope.shape == given["layers.0"].shape and slope.abs().sum() > 0
    given.clear()
    model(draw_tokens(1, 3))
    assert not given, "nobody listens any more"


def test_hooks_are_gone_after_an_error_and_a_wrong_name_hangs_none():
    model = decoder()
    with pytest.raises(RuntimeError, match="stop"):
        with listening.listening(model, ["norm"]):
            raise RuntimeError("stop")
    with pytest.raises(ValueError, match="names holds 'nothing'"):
        with listening.listening(model, ["norm", "nothing"]):
            pass
    hooks = (m._forward_pre_hooks | m._forward_hooks for m in model.modules())
    assert not any(hooks)


def test_a_pair_and_a_keyword_are_heard_by_their_first_tensor():
    class Pair(nn.Module):
        def forward(self, *, x):
            return x + 1, None

    model = nn.Sequential()
    model.add_module("pair", Pair())
    for outputs, expected in ((False, 1.0), (True, 2.0)):
        with listening.listening(model, ["pair"], outputs=outputs) as heard:
            model.pair(x=torch.ones(2))
        assert heard["pair"].tolist() == [expected] * 2


@pytest.mark.parametrize("stretch", [1, 3, 32])
def test_columns_after_a_change_make_up_for_it_as_least_squares_would(stretch):
    """Setting one column to zero: the rest moves to the best answer there is."""
    x, weight = draw(50, 6, seed=1).double(), draw(4, 6, seed=2)
    x[:, 3] += 0.9 * x[:, 0]
    gram = (x.T @ x).float()
    factor = column_loop.inverse_factor(gram, damping=1e-7)

    def change(column, now):
        return torch.zeros_like(now) if column == 0 else now

    new = column_loop.pass_on(weight, factor, change, stretch=stretch)
    assert (new[:, 0] == 0).all()
    best = torch.linalg.lstsq(x[:, 1:], x @ weight.double().T).solution.T
    torch.testing.assert_close(new[:, 1:].double(), best, rtol=1e-3, atol=1e-3)
    plain = weight.clone()
    plain[:, 0] = 0
    losses = [column_loop.objective(weight, w, gram) for w in (new, plain)]
    assert (losses[0] < losses[1]).all()


def test_inputs_that_never_came_pass_nothing_on():
    gram = torch.zeros(4, 4)
    gram[:2, :2] = torch.tensor([[2.0, 1.0], [1.0, 2.0]])
    factor = column_loop.inverse_factor(gram)
    weight = draw(3, 4)
    kept = column_loop.pass_on(weight, factor, lambda c, now: now if c else 0 * now)
    torch.testing.assert_close(kept[:, 2:], weight[:, 2:])
    with pytest.raises(ValueError, match="damping=0"):
        column_loop.inverse_factor(torch.full((2, 2), -1.0), damping=0)


def test_changes_that_work_in_place_reach_neither_original_nor_loop():
    model = decoder(dtype=torch.float32)
    before = {name: p.clone() for name, p in model.named_parameters()}
    loss = sensitivity.logit_error(model, [draw_tokens(1, 5)])
    changes = {"clamped": lambda weight: (weight.clamp_(-0.1, 0.1), 1)}
    options = sensitivity.scan(model, loss, changes)
    assert all(option.loss > 0 for option in options)
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
    gram, weight = torch.eye(4) + 0.5, draw(3, 4)
    factor = column_loop.inverse_factor(gram)
    kept = weight.clone()
    changes = (lambda c, now: now.round_()), (lambda c, now: now.round())
    new = [column_loop.pass_on(weight, factor, change) for change in changes]
    assert torch.equal(*new) and torch.equal(weight, kept)


def test_numbers_that_cannot_be_compared_are_refused():
    nan = sensitivity.Option("up", 4, float("nan"), 10)
    with pytest.raises(ValueError, match="no loss that could be compared"):
        sensitivity.choose([nan], budget=20)
    with pytest.raises(ValueError, match="scan first"):
        sensitivity.choose([], budget=20)
    with pytest.raises(ValueError, match="data holds no batch"):
        sensitivity.logit_error(decoder(), [])
    with pytest.raises(ValueError, match="stretch=0"):
        column_loop.pass_on(draw(2, 2), torch.eye(2), lambda c, now: now, stretch=0)


def test_a_scan_takes_settings_of_any_kind_and_leaves_the_model_alone():
    model = decoder(dtype=torch.float32)
    before = {name: p.clone() for name, p in model.named_parameters()}

    def sparse(share):
        def change(weight):
            size = weight.abs()
            kept = size > size.flatten().kthvalue(int(share * size.numel())).values
            return weight * kept, int(kept.sum()) * 4

        return change

    changes = {share: sparse(share) for share in (0.3, 0.9)}
    loss = sensitivity.logit_error(model, [draw_tokens(2, 9)])
    options = sensitivity.scan(model, loss, changes, skip=("head",))
    assert len(options) == 2 * len(surgery.linear_layers(model, skip=("head",)))
    for few, many in zip(options[::2], options[1::2], strict=True):
        assert (few.setting, many.setting) == (0.3, 0.9) and few.layer == many.layer
        assert few.loss < many.loss and few.bytes > many.bytes
    budget = sum(o.bytes for o in options) // 2
    chosen = sensitivity.choose(options, budget=budget)
    assert set(chosen.values()) == {0.3, 0.9}
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
