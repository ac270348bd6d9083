"""The recipe of `classifier`: a 1.2 M parameter BERT that tells standard modules apart.

It reads a snippet of code with the module's name masked (`texts.masking`) and says
which of twelve modules that was (BERT: Devlin et al. 2019, here without its
pre-training). It starts with what `coder` knows of its tokens. Matrices of the layers
are trained with Muon (Jordan 2024), the rest with AdamW.

Shapes: B sequences, T tokens, C modules.
"""

import argparse
import functools
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from llmlab import models
from llmlab.models import classification, files, snippets, training
from llmlab.texts import Snippet
from llmlab.texts.masking import MODULES
from llmlab.zoo import baselines, curve, recipe, splits
from llmlab.zoo.recipe import Recipe

STEPS, DECAY_SHARE = 1500, 0.5
RATE = 2e-3
SPREAD = 0.15  # of the embedding at the start: more than that of the places
SMOOTHING = 0.1
BATCH = 48  # snippets a step, four of each module
HIDDEN = 0.1  # of the tokens of a training snippet
EXAM = 256  # held-out snippets asked now and then while training
ACCURACY = "held_out_accuracy"
SHAPE = {
    "hidden_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "hidden_dropout_prob": 0.0,  # tokens are hidden instead, which costs nothing
    "attention_probs_dropout_prob": 0.0,
}
# To see the recipe at work in seconds, on few snippets.
SAMPLE_SHAPE = SHAPE | {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 256,
}
SAMPLE_STEPS, SAMPLE_BATCH = 40, 24


def fresh(words, shape: dict | None = None) -> nn.Module:
    """Return the untrained model: random weights, drawn from torch's generator, but for
    the tokens that `coder` knows, whose places among each other are taken from it."""
    from transformers import BertConfig, BertForSequenceClassification

    shape = shape or SHAPE
    config = BertConfig(
        # BERT's own 0.02 suits a width of 768. In narrow layers so little of a token
        # arrives at the label that hundreds of steps go by before anything is learnt.
        initializer_range=shape["hidden_size"] ** -0.5,
        vocab_size=len(words),
        max_position_embeddings=splits.CONTEXT,
        type_vocab_size=1,
        pad_token_id=words.pad_token_id,
        id2label=dict(enumerate(MODULES)),
        label2id={module: n for n, module in enumerate(MODULES)},
        **shape,
    )
    model = BertForSequenceClassification(config)
    known = main_directions(models.load("coder").embedding.weight, config.hidden_size)
    table = model.bert.embeddings.word_embeddings.weight
    with torch.no_grad():
        table[: len(known)] = known * (SPREAD / known.std())
    return model


def main_directions(table: Tensor, width: int) -> Tensor:
    """Return a table (V, D) in its `width` main directions: (V, width)."""
    centred = table.float() - table.float().mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    return centred @ directions[:width].T


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the tables and the head."""
    head = model.bert.pooler, model.classifier
    return training.muon_and_adamw(
        model, rate=RATE, betas=(0.9, 0.98), weight_decay=0.05, apart=head
    )


def loss(model: nn.Module, batch: Tensor) -> Tensor:
    """Return the loss of a batch with smoothed labels."""
    return classification.loss(model, batch, label_smoothing=SMOOTHING)


def answers(model: nn.Module, words, asked: Sequence[Snippet]) -> list[str]:
    """Return the module that the model names for each snippet."""
    codes = [snippet.code for snippet in asked]
    return classification.classify(model, codes, tokenizer=words)


def held_out_exam(words, chosen: Sequence[Snippet]) -> curve.Evaluate:
    """Return a function that gives the accuracy on some held-out snippets."""
    chosen = chosen[:EXAM]  # they stand in random order

    def evaluate(model: nn.Module) -> dict[str, float]:
        right = baselines.hits(answers(model, words, chosen), chosen)
        return {ACCURACY: round(sum(right) / len(right), 4)}

    return evaluate


def made(folder: Path, *, sample: int | None = None) -> Recipe:
    """Return the recipe; its snippets stand in `folder`, cut if there are none.

    sample: learn from so many of the standard library alone, in a smaller model.
    """
    words, by_split = splits.tokenizer(), splits.prepare(folder, sample=sample)
    shape, steps, rows = SHAPE, STEPS, BATCH
    if sample is not None:
        shape, steps, rows = SAMPLE_SHAPE, SAMPLE_STEPS, SAMPLE_BATCH
    return Recipe(
        steps=steps,
        decay_share=DECAY_SHARE,
        seed=splits.SEED,
        score=ACCURACY,
        exam=held_out_exam(words, by_split["held out"]),
        tokenizer=words,
        fresh=lambda: fresh(words, shape),
        batch=snippets.batches(
            words, by_split["training"], rows=rows, hidden=HIDDEN, seed=splits.SEED
        ),
        loss=loss,
        optimizers=optimizers,
        autocast=None,  # as the published weights, whatever is fastest here
        started_from=files.fingerprint(files.weight_files(files.find("coder"))),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    recipe.add_arguments(parser, STEPS)
    parser.add_argument(
        "--sample",
        type=int,
        help="learn from at most so many snippets, of the standard library alone, in "
        f"{SAMPLE_STEPS} steps and a smaller model: 600 takes seconds",
    )


def run(options: argparse.Namespace, *, card: ModuleType) -> None:
    """Train the model, say how well it does, and publish it with its card where asked.

    card: the module that writes it. It measures by this recipe, so it is handed in.
    """
    if options.sample is not None and options.publish:
        raise ValueError(
            f"--sample {options.sample} shows how the recipe works, and its card would "
            "describe another; leave out --publish or --sample."
        )
    make = functools.partial(made, sample=options.sample)
    recipe.run(make, options, judge=card.quick, publish=card.publish)
