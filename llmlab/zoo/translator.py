"""The recipe of `translator`: a 1.4 M parameter T5, English number words to French.

Number translation, not translation: numbers 0 to 999,999 as `texts.number_words` spells
them, less the bands that are held out (`texts.number_bands`), drawn as `models.pairs`
says. Trained with Muon (Jordan 2024) for the matrices of the layers and AdamW for the
rest; T5: Raffel et al. 2020.
"""

import argparse
import random
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from llmlab.measure import quality
from llmlab.models import pairs, training, translation
from llmlab.models.translation import translate
from llmlab.texts import number_bands
from llmlab.zoo import curve, recipe, translator_tokenizer
from llmlab.zoo.recipe import Recipe

STEPS, DECAY_SHARE = 1500, 0.4
RATE = 2e-3
BATCH = 128  # pairs a step
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
        "decoder_start_token_id": translator_tokenizer.PAD_ID,
        "pad_token_id": translator_tokenizer.PAD_ID,
        "eos_token_id": translator_tokenizer.END_ID,
    }
    config = T5Config(
        vocab_size=translator_tokenizer.VOCABULARY,
        dropout_rate=0.0,  # new pairs come all the time
        tie_word_embeddings=True,
        **SHAPE,
        **ends,
    )
    model = T5ForConditionalGeneration(config)
    model.generation_config = GenerationConfig(max_new_tokens=pairs.TARGET, **ends)
    return model


def optimizers(model: nn.Module) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the tables and norms."""
    return training.muon_and_adamw(model, rate=RATE)


def held_out_exam(tokenizer) -> curve.Evaluate:
    """Return a function that asks held-out numbers: exact match, and loss in nats."""
    chosen = random.Random(translator_tokenizer.SEED).sample(
        number_bands.held_out_numbers(), EXAM
    )
    asked = [number_bands.pair(number) for number in chosen]
    tokens = pairs.packed(tokenizer, [pair[1:] for pair in asked])

    def evaluate(model: nn.Module) -> dict[str, float]:
        model.tokenizer = tokenizer
        answers = translate(model, [pair.english for pair in asked])
        match = quality.exact_match(answers, [pair.french for pair in asked])
        value = translation.loss(model, tokens.to(model.device)).item()
        return {MATCH: match.value, "held_out_loss": round(value, 6)}

    return evaluate


def made(folder: Path) -> Recipe:
    """Return the recipe; its tokenizer stands in `folder`, learnt if none does."""
    tokenizer = translator_tokenizer.prepare(folder)
    return Recipe(
        steps=STEPS,
        decay_share=DECAY_SHARE,
        seed=translator_tokenizer.SEED,
        score=MATCH,
        exam=held_out_exam(tokenizer),
        tokenizer=tokenizer,
        fresh=fresh,
        batch=pairs.batches(tokenizer, rows=BATCH, seed=translator_tokenizer.SEED),
        loss=translation.loss,
        optimizers=optimizers,
        autocast=torch.bfloat16,  # as the published weights, whatever is fastest here
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this recipe can be told besides what every recipe can."""
    recipe.add_arguments(parser, STEPS)


def run(options: argparse.Namespace, *, card: ModuleType) -> None:
    """Train the model, say how well it does, and publish it with its card where asked.

    card: the module that writes it. It measures by this recipe, so it is handed in.
    """
    recipe.run(made, options, judge=card.quick, publish=card.publish)
