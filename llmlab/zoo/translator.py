"""The recipe of `translator`: a 1.4 M parameter T5, English number words to French.

Number translation, not translation: numbers 0 to 999,999 as `core.numbers` spells them,
less the bands that are held out (`core.bands`), drawn as `zoo.words` says. Trained with
Muon (Jordan 2024) for the matrices of the layers and AdamW for the rest; T5: Raffel et
al. 2020.

Shapes: B pairs, T tokens.
"""

import argparse
import random
from pathlib import Path

import torch
from torch import Tensor, nn

from llmlab.core import bands
from llmlab.measure import quality
from llmlab.models.translation import translate
from llmlab.zoo import curve, recipe, words
from llmlab.zoo.recipe import Recipe

STEPS, DECAY_SHARE = 1500, 0.4
RATE = 2e-3
EXAM = 250  # held-out numbers asked now and then while training
MATCH = "held_out_exact_match"
SHAPE = {
    "d_model": 128,
    "d_kv": 32,
    "num_heads": 4,
    "d_ff": 512,
    "num_layers": 3,
    "num_decoder_layers": 3,
}


def fresh() -> nn.Module:
    """Return the model with random weights, drawn from torch's generator."""
    from transformers import GenerationConfig, T5Config, T5ForConditionalGeneration

    ends = {
        "decoder_start_token_id": words.PAD_ID,
        "pad_token_id": words.PAD_ID,
        "eos_token_id": words.END_ID,
    }
    config = T5Config(
        vocab_size=words.VOCABULARY,
        dropout_rate=0.0,  # new pairs come all the time
        tie_word_embeddings=True,
        **SHAPE,
        **ends,
    )
    model = T5ForConditionalGeneration(config)
    model.generation_config = GenerationConfig(max_new_tokens=words.TARGET, **ends)
    return model


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the tables and norms."""
    return recipe.optimizers(model, rate=RATE, betas=(0.9, 0.95), weight_decay=0.0)


def loss(model: nn.Module, tokens: Tensor) -> Tensor:
    """Return the mean cross-entropy in nats of the target's tokens, padding aside."""
    source = _trimmed(tokens[:, : words.SOURCE])
    target = _trimmed(tokens[:, words.SOURCE :])
    return model(
        input_ids=source,
        attention_mask=(source != words.PAD_ID).long(),
        labels=target.masked_fill(target == words.PAD_ID, -100),
    ).loss


def _trimmed(tokens: Tensor) -> Tensor:
    """Drop the columns that hold padding only."""
    longest = int((tokens != words.PAD_ID).sum(1).max())
    return tokens[:, :longest]


def held_out_exam(tokenizer) -> curve.Evaluate:
    """Return a function that asks held-out numbers: exact match, and loss in nats."""
    chosen = random.Random(words.SEED).sample(bands.held_out_numbers(), EXAM)
    asked = [bands.pair(number) for number in chosen]
    tokens = words.packed(tokenizer, [pair[1:] for pair in asked])

    def evaluate(model: nn.Module) -> dict[str, float]:
        model.tokenizer = tokenizer
        answers = translate(model, [pair.english for pair in asked])
        match = quality.exact_match(answers, [pair.french for pair in asked])
        value = loss(model, tokens.to(model.device)).item()
        return {MATCH: match.value, "held_out_loss": round(value, 6)}

    return evaluate


def made(folder: Path) -> Recipe:
    """Return the recipe; its tokenizer stands in `folder`, learnt if none does."""
    tokenizer = words.prepare(folder)
    return Recipe(
        steps=STEPS,
        decay_share=DECAY_SHARE,
        seed=words.SEED,
        score=MATCH,
        exam=held_out_exam(tokenizer),
        tokenizer=tokenizer,
        fresh=fresh,
        batch=words.batches(tokenizer),
        loss=loss,
        optimizers=optimizers,
        autocast=torch.bfloat16,
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    recipe.add_arguments(parser, STEPS)


def run(options: argparse.Namespace) -> None:
    """Train the model, say how well it does, and publish it where asked."""
    from llmlab.zoo import translator_card as card  # it needs this recipe

    recipe.run(made, options, judge=card.quick, publish=card.publish)
