"""The recurrent model is PyTorch's own recurrence, and learns, saves and loads."""

import copy
import json
import logging

import pytest
import torch
from byte_models import tokenizer
from safetensors.torch import load_file
from small_models import CONTEXT, VOCABULARY, draw_tokens, model, recurrent
from torch import nn

from llmlab import models
from llmlab.models.rnn import RecurrentConfig, RecurrentModel

CELLS = ("rnn", "lstm", "gru")
SIZES = {"vocab_size": VOCABULARY, "embedding_size": 16, "hidden_size": 24}


@pytest.mark.parametrize("cell", CELLS)
def test_a_plain_stack_is_pytorchs_own_with_the_same_weights(cell):
    ours = recurrent(cell, residual=False, layer_norm=False)
    kinds = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
    theirs = kinds[cell](16, 24, num_layers=3, batch_first=True).double()
    for number, layer in enumerate(ours.layers):
        for name, weight in layer.rnn.named_parameters():
            getattr(theirs, name.replace("l0", f"l{number}")).data = weight
    tokens = draw_tokens(2, 15)
    hidden, _ = theirs(ours.embedding(tokens))
    expected = hidden @ ours.projection.weight.T @ ours.embedding.weight.T
    torch.testing.assert_close(ours(tokens), expected)


@pytest.mark.parametrize("cell", CELLS)
def test_layers_are_normed_and_added_where_the_width_stays(cell):
    ours, tokens = recurrent(cell), draw_tokens(2, 9)
    first, *rest = ours.layers
    x = first.rnn(first.norm(ours.embedding(tokens)))[0]  # 16 to 24: nothing to add to
    for layer in rest:
        x = x + layer.rnn(layer.norm(x))[0]
    expected = ours.head(ours.projection(ours.norm(x)))
    torch.testing.assert_close(ours(tokens), expected)


def test_a_head_of_its_own_is_not_the_embedding():
    tied, untied = recurrent(), recurrent(tie_word_embeddings=False)
    assert tied.head.weight is tied.embedding.weight
    assert untied.head.weight is not untied.embedding.weight
    size = {m: sum(p.numel() for p in m.parameters()) for m in (tied, untied)}
    assert size[untied] - size[tied] == VOCABULARY * 16


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_does_not_grow_with_the_text(cell):
    cache = model(cell).new_cache(1, CONTEXT)
    before = cache.bytes
    for _ in range(3):
        model(cell)(draw_tokens(1, 50), cache)
    assert cache.bytes == before and cache.lengths.tolist() == [150]


def test_a_row_set_to_nothing_starts_anew_beside_the_others():
    cache, text = model("gru").new_cache(2, CONTEXT), draw_tokens(2, 6)
    model("gru")(text, cache)
    cache.rewind([0, 6])
    logits = model("gru")(text[:, :3], cache)
    torch.testing.assert_close(logits[0], model("gru")(text[:1, :3])[0])
    goes_on = torch.cat((text[1:], text[1:, :3]), 1)
    torch.testing.assert_close(logits[1], model("gru")(goes_on)[0, 6:])


def test_an_lstm_starts_with_open_forget_gates_and_orthogonal_recurrence():
    rnn = RecurrentModel(RecurrentConfig(**SIZES)).layers[0].rnn
    assert (rnn.bias_ih_l0[24:48] == 1).all() and not rnn.bias_ih_l0[:24].any()
    for gate in rnn.weight_hh_l0.chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(24), atol=1e-5, rtol=0)


@pytest.mark.parametrize("cell", CELLS)
def test_it_learns_to_carry_a_token_over_several_steps(cell):
    """Period four: only the state can tell which token comes next after a shared 0."""
    torch.manual_seed(0)
    student = RecurrentModel(RecurrentConfig(cell=cell, **SIZES)).train()
    line = torch.tensor([1, 0, 0, 2, 3, 0, 0, 4] * 4)
    optimizer = torch.optim.Adam(student.parameters(), lr=0.02)
    for _ in range(60):
        loss = nn.functional.cross_entropy(student(line[None, :-1])[0], line[1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (student(line[None, :-1])[0].argmax(-1) == line[1:])[8:].all()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("counts", [None, [12, 5]])
def test_it_trains_in_bf16_autocast(cell, counts):
    """Where the processor has no LSTM in bf16, that one part stays in float32."""
    student = RecurrentModel(RecurrentConfig(**SIZES | {"cell": cell})).train()
    with torch.autocast("cpu", torch.bfloat16):
        logits = student(draw_tokens(2, 12), counts=counts)
    logits.float().logsumexp(-1).sum().backward()
    assert all(p.grad.isfinite().all() for p in student.parameters())
    assert all(p.grad.dtype == torch.float32 for p in student.parameters())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("tied", [True, False])
def test_what_was_saved_loads_to_the_same_logits(cell, tied, tmp_path):
    made = recurrent(cell, dtype=torch.float32, tie_word_embeddings=tied)
    loaded = models.load(models.save(made, tmp_path))
    tokens = draw_tokens(2, 12)
    assert torch.equal(loaded(tokens), made(tokens))
    assert loaded.config == made.config
    assert not any(p.requires_grad for p in loaded.parameters())
    assert (loaded.head.weight is loaded.embedding.weight) == tied
    cache = loaded.new_cache(2, 12)
    steps = [loaded(token, cache) for token in tokens.split(1, 1)]
    torch.testing.assert_close(torch.cat(steps, 1), made(tokens))


def test_its_files_are_plain_json_and_safetensors(tmp_path):
    models.save(recurrent(dtype=torch.bfloat16), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["model_type"] == "llmlab-rnn" and config["cell"] == "lstm"
    tensors = load_file(tmp_path / "model.safetensors")
    assert {t.dtype for t in tensors.values()} == {torch.bfloat16}
    assert "head.weight" not in tensors  # tied: stored once


def test_loading_one_with_a_tokenizer_warns_of_nothing(tmp_path):
    """Transformers does not know the type, and would say so in every notebook."""
    made, said = recurrent(), []
    made.tokenizer = tokenizer()
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    logging.getLogger("transformers").addHandler(listener)
    try:
        loaded = models.load(models.save(made, tmp_path))
    finally:
        logging.getLogger("transformers").removeHandler(listener)
    assert loaded.tokenizer.encode("x = 1") == made.tokenizer.encode("x = 1")
    assert said == []


def test_a_copy_trains_without_changing_the_original():
    original = recurrent(dtype=torch.float32)
    tokens = draw_tokens(1, 8)
    before = original(tokens)
    changed = copy.deepcopy(original)
    with torch.no_grad():
        for parameter in changed.parameters():
            parameter.mul_(0.5)
    assert torch.equal(original(tokens), before)
    assert not torch.equal(changed(tokens), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": "transformer"}, "cell='transformer'.*lstm"),
        ({"hidden_size": 0}, "hidden_size=0 must be at least 1"),
        ({"num_hidden_layers": -2}, "num_hidden_layers=-2"),
        ({"model_type": "llama"}, r"'llama'.*models\.load"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        RecurrentConfig(**SIZES | change)
