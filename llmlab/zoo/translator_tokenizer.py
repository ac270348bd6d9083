"""The words that `translator` reads and writes: its tokenizer.

A byte-level BPE (Sennrich et al. 2016): bytes, and parts of number words of both
languages, so every text can be written in it. Whole words would leave nothing to spell,
and bytes would make answers three times as long. Capitals are read as small letters.
Token 0 pads and starts an answer, token 1 ends every text. It is learnt from numbers
that are not held out.
"""

import itertools
import random
from pathlib import Path

from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from llmlab.core import atomic
from llmlab.texts import number_bands, number_words

PAD, END = "<pad>", "</s>"
PAD_ID, END_ID = 0, 1
VOCABULARY = 320
SEED = 1
LEARNT_FROM = 20_000  # numbers, by the tokenizer


def made():
    """Learn the tokenizer anew, and return it as transformers reads it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Lowercase(), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {END}", special_tokens=[(END, END_ID)]
    )
    return _wrapped(tokenizer)


def prepare(folder: Path):
    """Return the tokenizer that stands in `folder`, learnt and written if none does."""
    path = folder / "tokenizer.json"
    if path.exists():
        return _wrapped(Tokenizer.from_file(str(path)))
    tokenizer = made()
    atomic.write(path, tokenizer.backend_tokenizer.to_str(pretty=True))
    return tokenizer


def _texts():
    """Yield numbers in both languages, among them every one below a hundred."""
    dice = random.Random(SEED)
    drawn = (dice.randrange(number_bands.LIMIT) for _ in itertools.count())
    allowed = (number for number in drawn if not number_bands.is_held_out(number))
    chosen = itertools.chain(range(100), itertools.islice(allowed, LEARNT_FROM))
    for number in chosen:
        yield number_words.english(number)
        yield number_words.french(number)


def _wrapped(tokenizer: Tokenizer):
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        model_max_length=512,  # a mere warning: places are relative, in T5
        model_input_names=["input_ids", "attention_mask"],  # T5 knows no others
        clean_up_tokenization_spaces=False,
    )
