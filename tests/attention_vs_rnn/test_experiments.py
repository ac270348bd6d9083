"""Lab 02: experiments run on the learner's functions, and refuse wrong ones."""

import math
import sys

import pytest
import torch
from byte_models import tokenizer
from small_models import decoder, recurrent

from llmlab import attention_vs_rnn as lab
from llmlab.attention_vs_rnn import experiments
from llmlab.attention_vs_rnn.experiments import claimed, scores
from llmlab.core import records
from llmlab.models.caches.recurrent import State

TINY = {"lengths": (8, 32), "seconds": 0.05}


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Leave nothing out, however busy the machine is."""
    monkeypatch.setattr(lab.latency, "PATIENCE", 10**6)


def attend(queries, keys, values):
    tokens, seen = queries.shape[-2], keys.shape[-2]
    products = queries @ keys.mT / math.sqrt(queries.shape[-1])
    later = torch.ones(tokens, seen, dtype=torch.bool).triu(seen - tokens + 1)
    return products.masked_fill(later, -math.inf).softmax(-1) @ values


def lstm_step(x, hidden, cell, weight_ih, weight_hh, bias):
    i, f, g, o = (x @ weight_ih.T + hidden @ weight_hh.T + bias).chunk(4, -1)
    cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
    return o.sigmoid() * cell.tanh(), cell


def gradient_by_distance(model, x):
    x = x.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(x)[-1].sum(), x)
    return gradient.norm(dim=-1).flip(0)


def scan(decay, new):
    states, state = [], torch.zeros_like(new[:, 0])
    for kept, added in zip(decay.unbind(1), new.unbind(1), strict=True):
        state = kept * state + added
        states.append(state)
    return torch.stack(states, 1)


def speaking(**changes):
    model = decoder(vocab_size=260, **changes)
    model.tokenizer = tokenizer()
    return model


# Attention by length


def test_growth_holds_a_fact_of_each_way_and_length_and_pairs_lengths():
    growth = experiments.growth(attend, lengths=(8, 70), tile=16, seconds=0.05)
    facts = [fact for fact in growth.records() if fact.details]
    places = {(fact.name, fact.subject, fact.details["tokens"]) for fact in facts}
    names = {name for name, _, _ in places}
    assert {"attention latency", "time for each score", "attention memory"} <= names
    assert len(places) == len(facts) == len(names) * 3 * 2
    ratio = growth.ratio("yours", 70, over=8)
    assert ratio.low <= ratio.value <= ratio.high


def test_tiles_give_the_same_numbers_and_never_hold_all_scores():
    text = scores._text(70, 0)
    whole, tiled = attend(*text), scores._in_tiles(attend, 16, *text)
    torch.testing.assert_close(tiled, whole)
    growth = experiments.growth(attend, lengths=(512,), seconds=0.05)
    size = {
        fact.subject: fact.value
        for fact in growth.records()
        if fact.name == "attention memory"
    }
    assert size["yours"] > 4 * 512 * 512 * 4 > size["yours, in tiles"]


def test_page_faults_are_those_of_fresh_memory():
    pages = scores.faults(lambda: torch.ones(64 << 20, dtype=torch.uint8))
    assert pages is None or pages * 4096 >= 32 << 20


def test_a_function_that_attends_otherwise_is_refused():
    with pytest.raises(ValueError, match=r"run check\.attend first"):
        experiments.growth(lambda q, k, v: v, **TINY)
    with pytest.raises(ValueError, match="numbers of tokens from 1"):
        experiments.growth(attend, lengths=(0, 4))


# A model on somebody else's attention


@pytest.mark.parametrize("heads", [4, 2, 1])
def test_a_model_writes_the_same_tokens_on_the_learners_attention(heads):
    model = speaking(num_key_value_heads=heads)
    written = experiments.write_with(model, attend, "abcdefg", max_tokens=9)
    assert written.same_tokens and len(written.tokens) == 9
    assert written.calls == 9 * model.config.num_hidden_layers
    other = experiments.write_with(model, lambda q, k, v: q, "abcdefg", max_tokens=9)
    assert not other.same_tokens


def test_a_model_without_attention_is_refused():
    model = recurrent(vocab_size=260)
    model.tokenizer = tokenizer()
    with pytest.raises(ValueError, match="does not attend by the fused operator"):
        experiments.write_with(model, attend, "abc", max_tokens=2)


# What a token looks at


def test_words_are_tokens_up_to_the_next_blank_and_share_one_whole():
    model = speaking()
    words = experiments.looked_at(model, "ab cd e", "x", by="word")
    tokens = experiments.looked_at(model, "ab cd e", "x")
    assert words.words == ("ab", " cd", " e")
    assert [*tokens.words] == [*"ab cd e"]
    weights = [words.weight(word).value for word in ("ab", "cd", "e")]
    assert sum(weights) == pytest.approx(1, abs=1e-5)
    pieces = [fact for fact in tokens.records() if fact.name == "attention weight"]
    assert weights[0] == pytest.approx(sum(fact.value for fact in pieces[:2]))
    with pytest.raises(ValueError, match="word='dog' is not in the text"):
        words.weight("dog")
    with pytest.raises(ValueError, match="by='letter'"):
        experiments.looked_at(model, "ab cd", "x", by="letter")


# Steps of an LSTM


def test_an_lstms_steps_arrive_where_pytorch_does_and_are_timed():
    steps = experiments.steps(lstm_step, width=8, tokens=5, seconds=0.05)
    assert [fact.subject for fact in steps.records()] == [
        "your loop", "nn.LSTM", "your step", "nn.LSTM, one token", "torch.lstm_cell",
    ]  # fmt: skip
    assert steps.ratio("nn.LSTM", "your loop").details["verdict"]


def test_another_step_is_refused():
    def swapped(*arguments: torch.Tensor) -> State:
        return lstm_step(*arguments)[::-1]

    with pytest.raises(ValueError, match=r"away from nn.LSTM's; run check\.lstm_step"):
        experiments.steps(swapped, width=8, tokens=5, seconds=0.05)


# What reaches back


def test_reach_measures_fresh_and_trained_readers_with_the_learners_function():
    reach = experiments.reach(
        gradient_by_distance, kinds=("rnn", "attention"), distance=3, steps=2
    )
    norms = [fact for fact in reach.records() if fact.name == "gradient norm"]
    assert len(norms) == 2 * 2 * 4  # kinds, states, tokens: cue, noise and question
    near, far = (reach.norm("rnn", "fresh", at).value for at in (1, 3))
    assert reach.fading("rnn").value == pytest.approx(near / far)
    assert {score.subject for score in reach.scores} == {"rnn", "attention"}
    assert isinstance(reach.learnt("rnn"), bool)


def test_a_gradient_of_nothing_has_a_least_factor_and_says_so():
    def forgetting(model, x):
        return [1.0, 0.5, *[0.0] * (len(x) - 2)]

    reach = experiments.reach(
        forgetting, kinds=("rnn",), distance=2, steps=1, sequences=1
    )
    fading = reach.fading("rnn")
    assert fading.value == pytest.approx(0.5 / sys.float_info.min)
    assert "At least so many times: 2 tokens back" in fading.details["note"]
    with pytest.raises(ValueError, match="no gradient comes back even one token"):
        experiments.reach(
            lambda model, x: [1.0, *[0.0] * (len(x) - 1)],
            kinds=("rnn",), distance=2, steps=1, sequences=1,
        ).fading("rnn")  # fmt: skip


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.2e8, "10⁸ × smaller"), (35, "35 × smaller"), (0.963, "about as large"),
     (0.25, "4 × larger")],
)  # fmt: skip
def test_a_claim_says_in_words_how_much_smaller_a_gradient_became(value, words):
    fading = records.measured(lab.quantities.FADING, value)
    assert claimed._smaller(fading) == words


def test_too_few_norms_are_refused():
    with pytest.raises(ValueError, match="gave 1 norms for 3 tokens"):
        experiments.reach(
            lambda model, x: [1.0], kinds=("rnn",), distance=2, steps=1, sequences=1
        )


# Scans and layers by length


def test_a_scan_is_raced_and_a_wrong_one_refused():
    scans = experiments.scans(scan, width=4, **TINY)
    ratio = scans.ratio("yours", "llmlab")
    assert ratio.details["tokens"] == 32  # the longest
    assert scans.ratio("loop", "yours", 8).details["tokens"] == 8
    turned = scans.ratio("llmlab", "yours")
    assert turned.value == pytest.approx(1 / ratio.value)
    with pytest.raises(ValueError, match=r"away from the loop's; run check\.scan"):
        experiments.scans(lambda decay, new: new, width=4, **TINY)


def test_costs_run_the_learners_parts_and_end_where_scores_take_too_much(monkeypatch):
    monkeypatch.setattr(experiments.lengths, "WHOLE_MATRIX", 8)
    called = []

    def counted(*arguments):
        called.append(arguments[0].shape[-2])
        return attend(*arguments)

    layers = {
        "attention, yours": lab.build("attention", width=16, attend=counted),
        "attention, fused": lab.build("attention", width=16),
        "lstm": lab.build("lstm", width=16),
        "gated, yours": lab.build("gated", width=16, scan=scan),
    }
    costs = experiments.costs(layers, some=(8, 32), **TINY)
    assert {1, 8} <= set(called)
    reads = {
        (fact.subject, fact.details["tokens"])
        for fact in costs.records()
        if fact.name == "prefill latency"
    }
    assert ("attention, yours", 32) not in reads and ("lstm", 32) in reads
    assert len(costs.crossings("writing")) == 3 and len(costs.slopes) == 7
    ratio = costs.ratio("attention, fused", "lstm", "reading")
    assert ratio.details["tokens"] == 32
    grown = costs.grown("lstm", "writing")
    assert grown.value > 0 and grown.details == {"tokens": 32, "over": 8}
    assert {slope.details["of"] for slope in costs.slopes} == {"reading", "writing"}
    assert all(slope.value == round(slope.value, 2) for slope in costs.slopes)
    assert costs.width == 16
    odd = {**layers, "gru": lab.build("gru", width=8)}
    with pytest.raises(ValueError, match="layers have the widths 8, 16"):
        experiments.costs(odd, **TINY)
    with pytest.raises(ValueError, match="against='mamba' is no layer here"):
        experiments.costs(layers, against="mamba", **TINY)
    with pytest.raises(ValueError, match="phase='singing'"):
        costs.ratio("lstm", "attention, fused", "singing")
