"""The checks of lab 10 let right answers pass, and name what is wrong in wrong ones.

What they let pass serves the rest of the lab: steps are counted, norms fold, and layers
are fused.
"""

import random
import time

import fused_models
import pytest
import torch
import torch.nn.functional as F
from checks import factory
from graphs import wrong_programs
from graphs.right_answers import RIGHT
from graphs.wrong_answers import WRONG

from llmlab.checks import graphs as check
from llmlab.checks.graphs import products
from llmlab.checks.judging import judge
from llmlab.grading import seal
from llmlab.graphs import experiments, folding, fusing

room = factory.part(check, list(RIGHT))  # dot_source has a file of tests of its own
globals().update(factory.tests(room, RIGHT, factory.by_name(room, WRONG)))
TOKENS = torch.arange(12)[None] % 7


def each_right(exercise):
    """Run a test with every right answer to an exercise."""
    answers = RIGHT[exercise]
    return pytest.mark.parametrize("answer", answers, ids=lambda one: one.__name__)


@pytest.fixture(scope="module")
def model():
    return fused_models.llama().float()


@torch.no_grad()
def logits(model):
    answer = model(TOKENS)
    return getattr(answer, "logits", answer)


@each_right("count_operators")
def test_an_accepted_count_is_that_of_a_traced_step(answer, model):
    assert experiments.counted(model, answer, tokens=8).wrong == {}


@each_right("fold_norm")
@pytest.mark.parametrize("make", ["llama", "gpt2"])
def test_an_accepted_fold_changes_no_logits(answer, make):
    plain = fused_models.MAKERS[make]().float()
    folded = folding.fold_norms(plain, fold=answer)
    assert torch.allclose(logits(folded), logits(plain), atol=1e-4)


@each_right("qkv")
def test_an_accepted_product_changes_no_logits(answer, model):
    def qkv(x, query, key, value):
        return tuple(answer(x, query, key, value))

    fused = fusing.fuse(model, qkv=qkv)
    assert torch.allclose(logits(fused), logits(model), atol=1e-4)


@each_right("static_mask")
def test_an_accepted_mask_is_right_at_any_positions(answer):
    dice = random.Random(0)
    for count, length in ((1, 3), (6, 6), (4, 19)):
        positions = [dice.randrange(length) for _ in range(count)]
        rows = [[place <= one for place in range(length)] for one in positions]
        mask = answer(torch.tensor(positions), length)
        assert mask.tolist() == rows


@pytest.mark.parametrize("exercise", check.EXERCISES)
def test_a_check_takes_well_under_a_second(exercise):
    one = check.EXERCISES[exercise]
    assert judge(one, one.right) is None  # loads what is loaded once
    start = time.process_time()
    assert judge(one, one.right) is None
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize(
    "multiply",
    [
        lambda x, w, b: torch.mm(x, w.T),
        lambda x, w, b: torch.addmm(b, x, w.T),
        lambda x, w, b: x[None].bmm(w.T[None]),
        lambda x, w, b: torch.matmul(x, w.T),
        lambda x, w, b: F.linear(x, w, b),
        lambda x, w, b: F.linear(x[None, None], w),
        lambda x, w, b: torch.einsum("td,od->to", x, w),
        lambda x, w, b: torch.einsum("bto->bot", (x @ w.T)[None]),
        lambda x, w, b: torch.baddbmm(b, x[None], w.T[None]),
    ],
)
def test_one_product_is_one_however_it_is_written(multiply):
    ran = products.counted(multiply, torch.ones(3, 5), torch.ones(4, 5), torch.ones(4))
    assert (ran.products, ran.multiplied) == (1, 3 * 4 * 5)


def test_products_of_vectors_count_as_well():
    def apart(x, w):
        return torch.stack([torch.mv(w, row) for row in x]), torch.dot(x[0], x[1])

    ran = products.counted(apart, torch.ones(3, 5), torch.ones(4, 5))
    assert (ran.products, ran.multiplied) == (4, 3 * 4 * 5 + 5)


def test_what_a_graph_cannot_follow_is_named_by_its_line():
    def static_mask(positions, length):
        ends = [int(position) for position in positions]
        return torch.stack([torch.arange(length) <= end for end in ends])

    text = factory.message(check.static_mask, static_mask)
    assert "it stopped at `ends = [int(position) for position in positions]`" in text


def test_a_mask_is_traced_without_a_word_of_what_it_prints(capsys):
    def static_mask(positions, length):
        print("called")
        return torch.arange(length) <= positions[:, None]

    check.static_mask(static_mask)
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("called") == len(check.EXERCISES["static_mask"].questions)


def test_an_answer_that_errs_at_other_positions_alone_is_told_its_error():
    def static_mask(positions, length):
        if positions[0] == 4:
            raise LookupError("no row for 4")
        return torch.arange(length) <= positions[:, None]

    text = factory.message(check.static_mask, static_mask)
    factory.three_lines(text)
    assert "LookupError: no row for 4" in text


def test_slices_of_changing_length_have_a_hint_of_their_own():
    hints = {
        factory.message(check.static_mask, answer).splitlines()[2]
        for answer in (
            wrong_programs.by_item,
            wrong_programs.by_cells,
            wrong_programs.by_slices_of_a_list,
        )
    }
    assert len(hints) == 3


@pytest.mark.parametrize("exercise", check.EXERCISES)
def test_what_calls_an_answer_is_not_sealed_where_answers_are_graded(exercise):
    one = check.EXERCISES[exercise]
    kept = seal.needed(one, one.cases()).values()
    for case in one.cases():
        through = getattr(case.through, "func", case.through)
        assert through in kept
    assert not {*map(id, kept)} & {*seal.answers(one)}


def test_nodes_are_made_afresh_for_every_call():
    case = check.EXERCISES["count_operators"].cases()[0]
    (first,), (second,) = case.build(), case.build()
    first[3].target = None
    assert second[3].target.__name__ == "mm.default"
    assert [node.name for node in second] == [node.name for node in case.build()[0]]
