"""Every technique keeps the promises of `core.model.Technique`, on every family."""

import hashlib
import inspect
import re
import typing

import fresh
import pytest
import torch
from safetensors.torch import load_file
from techniques import FAMILIES, NOTHING, TECHNIQUES, TOKENS

from llmlab import measure, models
from llmlab.core.model import Model
from llmlab.kernels.stored import StoredLinear
from llmlab.models.training import Trained

PAIRS = [(t, f) for t in TECHNIQUES for f in FAMILIES]
DONE = [(t, f) for t, f in PAIRS if f not in TECHNIQUES[t].refused]
SAVED = [(t, f) for t, f in DONE if FAMILIES[f].has_folder]


def apply(technique, family, dtype=torch.float32):
    """Return the model of a family, and what a technique makes of it."""
    original = FAMILIES[family].make(dtype=dtype)
    return original, TECHNIQUES[technique].apply(original, FAMILIES[family], dtype)


@pytest.fixture(scope="module")
def made():
    """Return original and result of every technique on every family, made once."""
    return {pair: apply(*pair) for pair in DONE}


def ask(model, family, dtype=torch.float32, rows=None):
    """Return the answer of a model of this family to its drawn input, or some rows."""
    if family == "a linear layer":
        x = FAMILIES[family].data(dtype)
        return model(x if rows is None else x[rows])
    return fresh.answer(model, TOKENS if rows is None else TOKENS[rows])


def fingerprint(model):
    """Hash every byte of a model, and what it says about itself."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    digest.update(str([p.requires_grad for p in model.parameters()]).encode())
    digest.update(str(sum(len(m._forward_pre_hooks) for m in model.modules())).encode())
    config = getattr(getattr(model, "model", model), "config", None)
    digest.update(str(config and config.to_dict()).encode())
    digest.update(str((getattr(model, "format", None), model.training)).encode())
    return digest.hexdigest()


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_its_signature_is_that_of_the_contract(technique):
    """A model comes first and a model of that class comes back; options have names."""
    function = TECHNIQUES[technique].function
    types = typing.get_type_hints(function)
    first, *others = inspect.signature(function).parameters.values()
    assert first.name == "model" and types["model"] is Model
    assert types["return"] in (Model, Trained)
    positional = [p.name for p in others if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional in ([], ["format"], ["data"], ["data", "format"], ["batch"])
    assert not [p.name for p in others if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


@pytest.mark.parametrize(("technique", "family"), DONE)
def test_the_originals_bytes_stay_and_no_weight_is_the_same_object(technique, family):
    original = FAMILIES[family].make(dtype=torch.float32)
    before = fingerprint(original)
    new = TECHNIQUES[technique].apply(original, FAMILIES[family], torch.float32)
    assert not {id(p) for p in original.parameters()} & {
        id(p) for p in new.parameters()
    }
    for p in new.parameters():
        if p.is_floating_point() and p.layout == torch.strided:
            p.data = p.data * 2
            p.requires_grad_(True)
    assert fingerprint(original) == before


@pytest.mark.parametrize(("technique", "family"), DONE)
def test_twice_gives_the_same(technique, family, made):
    _, again = apply(technique, family)
    assert torch.equal(ask(again, family), ask(made[technique, family][1], family))


@pytest.fixture(scope="module")
def loaded(made, tmp_path_factory):
    """Save what was made and load it in a fresh process; return folders and answers."""
    home = tmp_path_factory.mktemp("techniques")
    folders = {
        f"{technique}, {family}": models.save(made[technique, family][1], home / str(n))
        for n, (technique, family) in enumerate(SAVED)
    }
    told = fresh.answers(folders, home)
    return {name: (folders[name], told[name]) for name in folders}


@pytest.mark.parametrize(("technique", "family"), SAVED)
def test_it_comes_back_from_its_file_bit_by_bit(technique, family, made, loaded):
    _, answer = loaded[f"{technique}, {family}"]
    assert torch.equal(answer, fresh.answer(made[technique, family][1]))


@pytest.mark.parametrize(("technique", "family"), SAVED)
def test_it_still_says_what_it_is_when_it_comes_back(technique, family, made, loaded):
    folder, _ = loaded[f"{technique}, {family}"]
    said = getattr(made[technique, family][1], "format", None)
    assert getattr(models.load(folder), "format", None) == said


def held(model):
    """Count the bytes behind a model's tensors, each storage once, by hand."""
    sizes = {}
    for tensor in (*model.parameters(), *model.buffers()):
        if tensor.layout == torch.strided:
            storage = tensor.untyped_storage()
            sizes[storage.data_ptr()] = storage.nbytes()
        else:
            sizes[id(tensor)] = tensor.numel() * tensor.element_size()
    return sum(sizes.values())


@pytest.mark.parametrize(("technique", "family"), DONE)
def test_the_bytes_that_are_counted_are_there(technique, family, made):
    original, new = made[technique, family]
    assert measure.memory.weight_bytes(new) == held(new)
    if hasattr(new, "cost"):
        saved = original.cost(1, 5).bytes - new.cost(1, 5).bytes
        sizes = [sum(p.nbytes for p in m.parameters()) for m in (original, new)]
        tables = [table_bytes(m) for m in (original, new)]
        remembered = cache_bytes(original) - cache_bytes(new)
        assert saved - remembered == (sizes[0] - tables[0]) - (sizes[1] - tables[1])


def cache_bytes(model):
    """Return what a step behind five tokens reads and writes of its cache."""
    each = model.cost(1, 6).bytes - model.cost(1, 5).bytes
    state = model.cost(1, 1).bytes - model.cost(1, 0).bytes
    return 6 * each if each else 2 * state  # all tokens; or a state, read and written


def table_bytes(model):
    """Return the bytes of embeddings that a step looks up and does not read whole."""
    heads = {
        id(getattr(m, "weight", None))
        for m in model.modules()
        if isinstance(m, torch.nn.Linear) and not isinstance(m, StoredLinear)
    }
    return sum(
        m.weight.nbytes - m.weight[0].nbytes
        for m in model.modules()
        if isinstance(m, torch.nn.Embedding) and id(m.weight) not in heads
    )  # fmt: skip


@pytest.mark.parametrize(("technique", "family"), SAVED)
def test_the_file_is_as_large_as_its_tensors(technique, family, made, loaded):
    folder, _ = loaded[f"{technique}, {family}"]
    tensors = load_file(folder / "model.safetensors")
    size = sum(tensor.nbytes for tensor in tensors.values())
    assert size < models.size(folder) < size + 200 * len(tensors) + 200
    new = made[technique, family][1]
    integers = [m.quantized().bytes for m in new.modules() if hasattr(m, "quantized")]
    parts = (".integers", ".scales", ".zero_points")
    stored = [t.nbytes for n, t in tensors.items() if n.endswith(parts)]
    assert sum(integers) == sum(stored)


@pytest.mark.parametrize(("technique", "family"), DONE)
def test_a_rows_answer_does_not_depend_on_its_neighbours(technique, family, made):
    """In float64 bit for bit; in fp32 within 1e-4 of the largest answer."""
    _, new = made[technique, family]
    both, alone = ask(new, family, rows=[0, 2]), ask(new, family, rows=[0])
    most = 1e-4 * float(both.abs().max())
    torch.testing.assert_close(both[:1], alone, rtol=0, atol=most)
    if technique == "prepacking":
        return  # oneDNN keeps no weight in float64; what is plain then is PyTorch's
    _, exact = apply(technique, family, torch.float64)
    both = ask(exact, family, torch.float64, rows=[0, 2])
    other = ask(exact, family, torch.float64, rows=[0, 3])
    assert torch.equal(both[0], other[0])


@pytest.mark.parametrize(("technique", "family"), DONE)
def test_it_says_what_it_is(technique, family, made):
    said = getattr(made[technique, family][1], "format", "")
    says = TECHNIQUES[technique].says
    assert re.fullmatch(rf"{says}( of \d+% of the weights)?", said)


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_what_cannot_be_is_refused_in_one_sentence(technique):
    """What the list says, and for all a model without a linear layer."""
    refused = dict(TECHNIQUES[technique].refused)
    for family, words in {**refused, "nothing to change": "no linear layer"}.items():
        known = FAMILIES.get(family, NOTHING)
        original = known.make(dtype=torch.float32)
        with pytest.raises(ValueError, match=words) as refusal:
            TECHNIQUES[technique].apply(original, known, torch.float32)
        assert "\n" not in str(refusal.value)
