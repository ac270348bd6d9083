"""Lab 5's experiments measure what they say, with the learner's functions as parts."""

import pytest
import torch
from pruning import right_answers as right

from llmlab import models, pruning, show
from llmlab.models import surgery
from llmlab.pruning import experiments
from llmlab.pruning.experiments import masked, methods
from llmlab.pruning.experiments.retraining import ONCE, OWN, TRAINED

TEXT = {"a": "def add(a, b):\n    return a + b\n" * 8, "b": "for i in range(3):\n" * 9}


@pytest.fixture(scope="module")
def model():
    return models.load("coder-small")


@pytest.fixture(scope="module")
def dense(model):
    return experiments.dense(model, text=TEXT)


@pytest.fixture(scope="module")
def ways(dense):
    return experiments.ways(
        dense,
        magnitude=right.mask_by_sorting,
        wanda=right.wanda_by_sorting,
        pattern=right.four_by_topk,
    )


@pytest.fixture(scope="module")
def shares(dense):
    return experiments.by_sparsity(dense, right.mask_by_sorting)


@pytest.fixture(scope="module")
def neurons(dense):
    return experiments.neurons(dense, right.cut_by_topk)


def zeros(model):
    return pruning.masks.sparsity(model)


def test_the_learners_mask_is_what_the_package_prunes_by(dense, shares):
    one = pruning.prune(dense.model, sparsity=0.5)
    lost = dense.lost(one, subject="package")
    assert shares.lost("each layer", 0.5).value == pytest.approx(
        lost.value, rel=0.05
    )  # ties


def test_more_sparsity_loses_more(shares):
    losses = [shares.lost("each layer", share).value for share in (0.3, 0.5, 0.7)]
    assert losses == sorted(losses) and losses[0] > 0


def test_what_was_not_measured_is_refused_by_name(shares):
    with pytest.raises(ValueError, match=r"each layer, sparsity 0\.3"):
        shares.lost("each layer", 0.4)


def test_half_of_every_layer_goes_whatever_the_method(model, ways):
    for method in methods.METHODS:
        counts = zeros(ways[method])
        layers = {n: s for n, s in counts.layers.items() if n != "head"}
        assert all(share == pytest.approx(0.5, abs=1e-3) for share in layers.values())
        assert counts.layers["head"] < 0.01


def test_wanda_is_left_with_a_share_of_what_magnitude_lost(ways):
    share = ways.left("wanda", of="magnitude")
    expected = ways.lost("wanda").value / ways.lost("magnitude").value
    assert share.value == expected and share.unit == "1"


def test_the_norms_are_those_of_the_inputs(model, dense):
    data = models.calibration.batches(model, count=8, length=256)
    seen = models.calibration.collect(model, data, dense.norms)
    assert list(dense.norms) == list(masked.pruned_layers(model))
    for name, norms in dense.norms.items():
        assert torch.allclose(norms.square(), seen[name].gram.diagonal())


def test_the_same_weights_are_scored_once_and_changed_ones_again(model):
    read = experiments.dense(model, text=TEXT)
    assert read.scores(models.load("coder-small")) is read.scores(model)
    pruned = pruning.prune(model, sparsity=0.5)
    before = read.lost(pruned, subject="half").value
    with torch.no_grad():
        pruned.layers[0].mlp.down.weight.zero_()
    assert read.lost(pruned, subject="less").value != before
    assert read.lost(model, subject="dense").value == 0


@pytest.mark.parametrize(
    "mask", [lambda w, s: w, lambda w, s: [True], lambda w, s: torch.ones(2) > 0]
)
def test_a_mask_that_is_none_is_refused_in_a_sentence(dense, mask):
    with pytest.raises(ValueError, match=r"mask=.* gave .* true for each weight"):
        experiments.by_sparsity(dense, mask)


def test_the_learners_cut_is_what_the_package_cuts_by_activation(model, neurons):
    own = neurons.own
    data = models.calibration.batches(model, count=8, length=256)
    importance = pruning.neurons.importance(model, data)
    keep = own.config.intermediate_size
    theirs = pruning.neurons.prune(model, keep=keep, importance=importance)
    tokens = torch.tensor([model.tokenizer("import os\n")["input_ids"]])
    assert torch.allclose(own(tokens), theirs(tokens), atol=1e-3)


def test_a_cut_of_other_shapes_is_refused(dense):
    with pytest.raises(ValueError, match="without_neurons gave weights of"):
        experiments.neurons(dense, lambda g, u, d, h, k: (g, u, d))


def test_every_layer_is_left_out_once(model, dense):
    result = experiments.layers(dense, right.influence_by_torch)
    names = {fact.subject for fact in result.records()}
    assert names == {f"layer {place}" for place in range(len(model.layers))}
    data = models.calibration.batches(model, count=8, length=256)
    influence = pruning.depth.block_influence(model, data)
    forecast = [f.value for f in result.records() if f.name == "block influence"]
    assert forecast == pytest.approx(influence, rel=1e-3)
    least = min(range(len(influence)), key=influence.__getitem__)
    assert result.least() == [least]


def test_zeros_take_as_long_and_less_of_a_file(model, ways):
    race = experiments.zeros_race(model, ways["wanda"], seconds=0.5)
    sizes = {f.subject: f.value for f in race.records() if f.name == "file size"}
    assert sizes["half zeros"] < sizes["dense"]
    assert race.ratio("decode").details["phase"] == "decode"
    with pytest.raises(ValueError, match="'prefill' or 'decode'"):
        race.ratio("training")


def test_sparse_products_are_the_same_product(model):
    calls = experiments.products._calls(torch.eye(6), 4)
    assert torch.allclose(calls["dense"](), calls["sparse"]().T)


def test_a_crossing_wants_all_that_follows_to_be_faster(model):
    result = experiments.sparse_products(
        model, sparsities=(0.5, 0.99), tokens=(1,), seconds=0.4
    )
    assert result.crossing(1) in (None, 0.5, 0.99)
    assert len(result.records()) == 2


def test_a_loop_that_leaves_too_few_zeros_is_refused(dense, neurons):
    def lazy(layers, loss, optimizer, steps, final):
        return [loss().item() for _ in range(steps)]

    with pytest.raises(ValueError, match=r"iterative left .* zeros"):
        experiments.healing(
            dense,
            right.mask_by_sorting,
            lazy,
            little_lost=neurons.own,
            steps=1,
        )


def test_healing_trains_copies_and_compares(model, dense, neurons):
    before = model.head.weight.clone()
    result = experiments.healing(
        dense,
        right.mask_by_sorting,
        right.train_in_place,
        little_lost=neurons.own,
        steps=2,
    )
    assert torch.equal(model.head.weight, before)
    assert len(result.losses) == 2
    names = {fact.subject for fact in result.records()}
    assert {ONCE, TRAINED, OWN} < names
    back = result.brought_back(TRAINED).value
    once, trained = (result.lost(n).value for n in (ONCE, TRAINED))
    assert back == pytest.approx(1 - trained / once)


def test_shapes_race_and_are_scored(dense, ways, neurons):
    shapes = experiments.shapes_race(
        dense,
        sparse=ways["wanda"],
        neurons=neurons.own,
        influence=experiments.layers(dense, right.influence_by_torch),
        seconds=0.5,
    )
    assert set(shapes.models) == {"dense", "half zeros", "fewer neurons", "one layer"}
    bits, step, held = shapes.facts("one layer")
    assert (bits.unit, step.unit, held.unit) == ("bit/B", "s", "B")
    assert held.value < shapes.facts("dense")[2].value
    assert shapes.lost("one layer").value > 0
    with pytest.raises(ValueError, match="did not race"):
        shapes.ratio("no such shape")


def test_masks_for_the_widget_have_the_shares_they_say(model, dense):
    result = experiments.masks(dense, right.wanda_by_sorting)
    layer = dict(masked.pruned_layers(model))[result.layer]
    assert result.layer.endswith("down") and surgery.weight_of(layer).ndim == 2
    assert len(result.corners) == 8
    for (_, word), corner in result.corners.items():
        assert corner.dtype == torch.bool and max(corner.shape) <= 48
        if word == "2:4":
            columns = corner.shape[1] // 4 * 4
            groups = corner[:, :columns].unflatten(1, (-1, 4)).sum(-1)
            assert bool((groups == 2).all())
    stay = result.corners["wanda", "50 %"].float().mean(0)  # columns in order of norm
    half = len(stay) // 2
    assert stay[:half].mean() < stay[half:].mean()


def test_the_translator_answers_worse_with_more_zeros():
    asked = experiments.translated(
        right.mask_by_sorting, sparsities=(0.2, 0.9), count=12
    )
    assert list(asked.given) == ["dense", "20 %", "90 %"]
    shares = [asked.right(name).value for name in asked.given]
    assert shares[0] == 1 and shares[0] >= shares[1] > shares[2]


def test_what_is_recorded_of_the_translator_is_its_answers_by_sparsity():
    facts = experiments.recorded("translator").records()
    assert [fact.details["sparsity"] for fact in facts] == [0, 0.3, 0.5, 0.6, 0.7, 0.8]
    assert {(fact.kind, fact.name) for fact in facts} == {("recorded", "exact match")}
    assert "sparsity 0.8" in repr(show.table(experiments.recorded("translator")))
    with pytest.raises(ValueError, match="'speeds' is not recorded"):
        experiments.recorded("speeds")
