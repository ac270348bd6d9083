"""Which weights stay: exact counts, ties by place, and what is no score."""

import pytest
import torch
from drawn_inputs import draw
from families import NAMES, ask, make
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import prune as reference

from llmlab import pruning
from llmlab.models import surgery
from llmlab.pruning import masks


@st.composite
def scores(draw_one):
    """Scores of any shape, often with ties."""
    rows, columns = draw_one(st.integers(1, 7)), 4 * draw_one(st.integers(1, 5))
    score = draw(rows, columns, seed=draw_one(st.integers(0, 99)))
    return (2 * score).round() if draw_one(st.booleans()) else score


def in_order(score, mask):
    """Say whether nothing that goes scores higher than what stays."""
    gone, kept = score[~mask].tolist(), score[mask].tolist()
    return max(gone, default=-torch.inf) <= min(kept, default=torch.inf)


@given(scores(), st.floats(0, 0.99))
@settings(max_examples=60)
def test_just_as_many_go_as_was_said_and_none_scores_higher(score, share):
    mask = masks.whole(score, share)
    assert int((~mask).sum()) == round(score.numel() * share)
    assert in_order(score, mask)
    for row, kept in zip(score, masks.by_row(score, share), strict=True):
        assert int((~kept).sum()) == round(len(row) * share)
        assert in_order(row, kept)


@given(scores(), st.sampled_from([(2, 4), (1, 4), (3, 4), (1, 2)]))
@settings(max_examples=60)
def test_n_of_every_m_neighbours_stay_and_they_score_highest(score, pattern):
    n, m = pattern
    kept = masks.n_of_m(score, n=n, m=m).unflatten(1, (-1, m))
    groups = score.unflatten(1, (-1, m))
    assert (kept.sum(-1) == n).all()
    lowest = groups.masked_fill(~kept, torch.inf).amin(-1)
    highest = groups.masked_fill(kept, -torch.inf).amax(-1)
    assert (highest <= lowest).all()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.77])
def test_magnitude_takes_the_weights_that_torch_takes(share):
    layer = nn.Linear(24, 16, bias=False)
    layer.weight = nn.Parameter(draw(16, 24))
    ours = masks.magnitude(layer.weight.detach(), share)
    reference.l1_unstructured(layer, "weight", amount=share)
    assert torch.equal(ours, layer.weight_mask.bool())


def test_equal_weights_go_in_the_order_of_their_places():
    mask = masks.magnitude(torch.ones(2, 5), 0.3)
    assert mask.tolist() == [[False, False, False, True, True], [True] * 5]
    assert masks.by_row(torch.zeros(1, 4), 0.5).tolist() == [[False, False, True, True]]
    assert masks.n_of_m(torch.zeros(1, 4)).tolist() == [[False, False, True, True]]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (50, r"sparsity=50 .*choose 0\.5 for 50 %"),
        (1.0, "would leave no weight"),
        (-0.1, r"sparsity=-0\.1"),
        (float("nan"), "sparsity=nan"),
        (True, "sparsity=True"),
        ("half", "sparsity='half'"),
    ],
)
def test_a_sparsity_that_is_none_is_refused(value, words):
    for mask in (masks.magnitude, masks.whole, masks.by_row):
        with pytest.raises(ValueError, match=words):
            mask(draw(3, 4), value)


def test_what_has_no_order_is_refused():
    for bad in (torch.tensor([[1.0, torch.nan]]), torch.tensor([[torch.inf, 1.0]])):
        for call in (lambda w: masks.magnitude(w, 0.5), masks.n_of_m):
            with pytest.raises(ValueError, match="no order"):
                call(bad)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        masks.magnitude(draw(3), 0.5)
    with pytest.raises(ValueError, match="4 does not divide the 6 columns"):
        masks.n_of_m(draw(2, 6))
    with pytest.raises(ValueError, match="n=4 of m=4 is no pattern"):
        masks.n_of_m(draw(2, 8), n=4)
    for word in ("4:2", "2:2", "0:4", "two of four", 24):
        with pytest.raises(ValueError, match="pattern="):
            masks.read_pattern(word)


@pytest.mark.parametrize("scope", ["layer", "row", "model"])
@pytest.mark.parametrize("name", NAMES)
def test_a_model_loses_the_share_that_was_said_and_its_head_stays(name, scope):
    model = make(name)
    before = ask(model)
    sparse = pruning.prune(model, sparsity=0.5, scope=scope)
    counted = masks.sparsity(sparse)
    heads = pruning.targets.heads(model)
    assert len(heads) == 1 and all(counted.layers[head] < 0.1 for head in heads)
    shares = [share for layer, share in counted.layers.items() if layer not in heads]
    if scope == "model":
        assert max(shares) > 0.5 > min(shares)
    else:
        assert max(shares) == min(shares) == 0.5
    assert sparse.format.startswith("50%-sparse")
    assert not torch.equal(ask(sparse), before) and torch.equal(ask(model), before)
    facts = {fact.subject: fact.value for fact in counted.records()}
    assert facts["all layers"] == counted.total < 0.5


def test_a_pattern_is_kept_in_every_row():
    sparse = pruning.prune(make("decoder"), pattern="2:4")
    weight = sparse.layers[0].mlp.down.weight.unflatten(1, (-1, 4))
    assert ((weight != 0).sum(-1) == 2).all()
    assert sparse.format == "2:4-sparse"


def test_layers_get_a_sparsity_by_name_and_the_others_stay():
    model = make("decoder")
    wanted = {"layers.0.mlp.up": 0.25, "layers.1.attention.key": 0.75, "head": 0.5}
    sparse = pruning.prune(model, sparsity=wanted, skip=())
    shares = masks.sparsity(sparse).layers
    assert {name: share for name, share in shares.items() if share} == wanted


def test_a_tied_head_that_is_pruned_is_not_tied_any_more():
    model = make("decoder")
    sparse = pruning.prune(model, sparsity=0.5, skip=())
    assert masks.sparsity(sparse).layers["head"] == 0.5
    assert sparse.config.tie_word_embeddings is False
    assert model.config.tie_word_embeddings is True
    assert torch.equal(sparse.embedding.weight, model.embedding.weight)


def test_one_mask_serves_all_places_of_a_shared_layer():
    model = make("albert")
    sparse = pruning.prune(model, sparsity=0.5)
    assert len(surgery.linear_layers(sparse)) == len(surgery.linear_layers(model))
    assert sum(p.numel() for p in sparse.parameters()) == sum(
        p.numel() for p in model.parameters()
    )


@pytest.mark.parametrize(
    ("knobs", "words"),
    [
        ({}, "hand in one of them"),
        ({"sparsity": 0.5, "pattern": "2:4"}, "hand in one of them"),
        (
            {"sparsity": {"layers.9.mlp.up": 0.5}},
            r"sparsity names 'layers\.9\.mlp\.up'",
        ),
        ({"sparsity": {"head": 0.5}}, "sparsity names 'head'"),
        ({"sparsity": {}}, "names no layer"),
        ({"sparsity": {"layers.0.mlp.up": 50}}, r"choose 0\.5 for 50 %"),
        ({"sparsity": 0.5, "scope": "column"}, "scope='column'"),
        ({"sparsity": {"layers.0.mlp.up": 0.5}, "scope": "model"}, "one sparsity"),
        ({"pattern": "2:3"}, r"layers\.0\.attention\.query: .* skip="),
        ({"sparsity": 0.5, "skip": ("nothing",)}, "skip names 'nothing'"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(knobs, words):
    with pytest.raises(ValueError, match=words) as refusal:
        pruning.prune(make("decoder"), **knobs)
    assert "\n" not in str(refusal.value)


def test_a_quantized_model_is_pruned_first():
    from llmlab import quantization

    whole = quantization.quantize(make("decoder"))
    with pytest.raises(ValueError, match="prune first, then quantize"):
        pruning.prune(whole, sparsity=0.5)
