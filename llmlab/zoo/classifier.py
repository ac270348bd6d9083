"""The recipe of `classifier`: a 1.2 M parameter BERT that tells standard modules apart.

It reads a snippet of code with the module's name masked (`core.snippets`) and says
which of twelve modules that was (BERT: Devlin et al. 2019, here without its
pre-training). It starts with what `coder` knows of its tokens. Matrices of the layers
are trained with Muon (Jordan 2024), the rest with AdamW.

Shapes: B sequences, T tokens, C modules.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from llmlab import models
from llmlab.core.snippets import MODULES
from llmlab.core.texts import Snippet
from llmlab.models import classification, files, snippets, training
from llmlab.zoo import curve, recipe, rivals, splits
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


def fresh(words) -> nn.Module:
    """Return the untrained model: random weights, drawn from torch's generator, but for
    the tokens that `coder` knows, whose places among each other are taken from it."""
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        # BERT's own 0.02 suits a width of 768. In narrow layers so little of a token
        # arrives at the label that hundreds of steps go by before anything is learnt.
        initializer_range=SHAPE["hidden_size"] ** -0.5,
        vocab_size=len(words),
        max_position_embeddings=splits.CONTEXT,
        type_vocab_size=1,
        pad_token_id=words.pad_token_id,
        id2label=dict(enumerate(MODULES)),
        label2id={module: n for n, module in enumerate(MODULES)},
        **SHAPE,
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


def batches(words, chosen: Sequence[Snippet]) -> Callable[[int], Tensor]:
    """Return the batch of each step, a part of its tokens hidden."""
    return snippets.batches(words, chosen, rows=BATCH, hidden=HIDDEN, seed=splits.SEED)


def answers(model: nn.Module, words, asked: Sequence[Snippet]) -> list[str]:
    """Return the module that the model names for each snippet."""
    codes = [snippet.code for snippet in asked]
    return classification.classify(model, codes, tokenizer=words)


def held_out_exam(words, chosen: Sequence[Snippet]) -> curve.Evaluate:
    """Return a function that gives the accuracy on some held-out snippets."""
    chosen = chosen[:EXAM]  # they stand in random order

    def evaluate(model: nn.Module) -> dict[str, float]:
        right = rivals.hits(answers(model, words, chosen), chosen)
        return {ACCURACY: round(sum(right) / len(right), 4)}

    return evaluate


def made(folder: Path) -> Recipe:
    """Return the recipe; its snippets stand in `folder`, cut if there are none."""
    words, found = splits.tokenizer(), splits.prepare(folder)
    return Recipe(
        steps=STEPS,
        decay_share=DECAY_SHARE,
        seed=splits.SEED,
        score=ACCURACY,
        exam=held_out_exam(words, found["held out"]),
        tokenizer=words,
        fresh=lambda: fresh(words),
        batch=batches(words, found["training"]),
        loss=loss,
        optimizers=optimizers,
        started_from=files.version(files.weight_files(files.find("coder"))),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    recipe.add_arguments(parser, STEPS)


def run(options: argparse.Namespace) -> None:
    """Train the model, say how well it does, and publish it where asked."""
    from llmlab.zoo import classifier_card as card  # it needs this recipe

    recipe.run(made, options, judge=card.quick, publish=card.publish)
