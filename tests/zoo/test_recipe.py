"""What recipes share: a folder keeps its plan, and a training goes on where it was."""

import argparse
import json

import pytest
import torch
from torch import nn

from llmlab.core.records import Record
from llmlab.models import training
from llmlab.zoo import recipe

SCORE = "share_of_zeros"


class Model(nn.Module):
    """One table, one matrix, one vector, and a head."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 4)
        self.inside = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, tokens):
        return self.head(self.inside(self.table(tokens)).mean(1))


def made(folder):
    """Return a recipe that learns whether a row begins with 0, which takes no time."""

    def batch(step):
        dice = torch.Generator().manual_seed(step)
        return torch.randint(2, (8, 3), generator=dice)

    def loss(model, tokens):
        return nn.functional.cross_entropy(model(tokens), tokens[:, 0])

    return recipe.Recipe(
        autocast=None,
        steps=40,
        decay_share=0.5,
        seed=3,
        score=SCORE,
        started_from="v1",
        exam=lambda model: {SCORE: 0.5},
        tokenizer="its words",
        fresh=Model,
        batch=batch,
        loss=loss,
        optimizers=lambda model: training.muon_and_adamw(
            model, rate=0.01, betas=(0.9, 0.95), weight_decay=0.0, apart=[model.head]
        ),
    )


def test_a_log_ends_before_the_line_that_a_kill_cut_in_two(tmp_path):
    assert recipe.log(tmp_path) == []
    (tmp_path / "log.jsonl").write_text('{"step": 1, "loss": 2.0}\n{"step": 2, "lo')
    assert recipe.log(tmp_path) == [{"step": 1, "loss": 2.0}]


def test_a_plan_is_made_once_a_folder(tmp_path):
    plan = recipe.plan_of(made, tmp_path)
    assert plan == recipe.TrainingPlan(steps=40, decay=20, started_from="v1")
    (tmp_path / "plan.json").write_text('{"steps": 6, "decay": 3}')
    assert recipe.plan_of(made, tmp_path) == recipe.TrainingPlan(6, 3)


def test_a_plan_in_minutes_is_measured_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "steps_in", lambda seconds, own, device: int(seconds))
    first = recipe.plan_of(made, tmp_path, minutes=20)
    assert first == recipe.TrainingPlan(1200, 600, 20, "v1")
    assert recipe.plan_of(made, tmp_path, minutes=20) == first
    for other in (None, 3):
        with pytest.raises(ValueError, match="planned with minutes=20"):
            recipe.plan_of(made, tmp_path, minutes=other)


def test_a_training_goes_on_only_from_the_weights_that_it_began_with(tmp_path):
    plan = {"steps": 6, "decay": 3, "started_from": "v0"}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    options = argparse.Namespace(
        folder=tmp_path, device="cpu", minutes=None, stop_after=None, publish=None
    )
    with pytest.raises(ValueError, match=r"began with weights v0.*now v1"):
        recipe.run(made, options, judge=None, publish=None)


@pytest.mark.parametrize("minutes", [0, -1, float("nan")])
def test_minutes_that_are_none_make_nothing(tmp_path, minutes):
    with pytest.raises(ValueError, match="must be above 0"):
        recipe.plan_of(made, tmp_path / "new", minutes=minutes)
    assert not (tmp_path / "new").exists()


def test_more_time_is_more_steps():
    own = made(None)
    assert recipe.steps_in(1e-6, own) == recipe.EVALUATIONS
    assert recipe.steps_in(60, own) > recipe.EVALUATIONS


def test_a_paused_training_ends_as_one_that_went_through(tmp_path):
    own, plan = made(None), recipe.TrainingPlan(30, 10)
    whole = recipe.train(own, tmp_path / "whole", plan)
    recipe.train(own, tmp_path / "parts", plan, stop_after=11)
    assert len(recipe.scores(tmp_path / "parts", SCORE)) == 11
    parts = recipe.train(own, tmp_path / "parts", plan)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(one, other)
    assert recipe.log(tmp_path / "parts")[-1] == {"step": 30, SCORE: 0.5}
    assert parts.tokenizer == "its words"


def test_the_command_trains_judges_and_publishes(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    recipe.add_arguments(parser, 40)
    options = parser.parse_args([])
    options.folder, options.publish = tmp_path / "run", tmp_path / "published"
    options.stop_after = None
    asked = []

    def judge(model, folder):
        asked.append(folder)
        fact = {"name": "accuracy", "value": 0.75, "unit": "1", "kind": "measured"}
        return [Record(**fact, subject="all of it")]

    def publish(model, folder, target, plan):
        target.mkdir()
        (target / "plan.json").write_text(json.dumps(plan.steps))
        return target

    recipe.run(made, options, judge=judge, publish=publish)
    said = capsys.readouterr().out
    assert "trained 40 of 40 steps" in said and "share of zeros while" in said
    assert asked == [options.folder] and "all of it" in said
    assert (options.publish / "plan.json").read_text() == "40"
