"""Tiny models with a chat template: one of random weights, and one that has a script.

A token is a byte, or a sign of the template. The model with a script is a decoder whose
layers add nothing, so that each token alone decides the next one.
"""

import itertools

import small_models
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.decoders import ByteLevel
from transformers import LlamaConfig, PreTrainedTokenizerFast

from llmlab.models.decoder import Decoder

TURN, TEXT = "<turn>", "<text>"  # the end of a turn, and of a text
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ':' + message['content'] }}"
    "{{ '<turn>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"
)
WIDTH = 264  # at least as many as there are tokens
HELLO = "H\u00e9\u52a0."


def tokenizer(*, template=TEMPLATE, end=TEXT):
    """Return a tokenizer of bytes with a chat template, whose own end is another."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    own = Tokenizer(models.BPE({letter: n for n, letter in enumerate(letters)}, []))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    own.decoder = ByteLevel()
    own.add_special_tokens([TURN, TEXT])
    return PreTrainedTokenizerFast(
        tokenizer_object=own, chat_template=template, eos_token=end
    )


def random(*, context=512, seed=0, **options):
    """Return a decoder in float64 that answers nonsense."""
    sizes = {"vocab_size": WIDTH, "max_position_embeddings": context}
    model = small_models.decoder(dtype=torch.float64, **sizes)
    return ready(small_models.spread(model, seed=seed), **options)


def scripted(answer=HELLO, *, again=False, context=512, **options):
    """Return a decoder that answers this, and ends its turn; or says it again."""
    config = LlamaConfig(
        vocab_size=WIDTH, hidden_size=WIDTH, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=4, max_position_embeddings=context,
        tie_word_embeddings=False, bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    words = tokenizer()
    said = words(answer)["input_ids"]
    assert len({*said}) == len(said), "each token has one that follows it"
    start, end = words(":")["input_ids"][0], words.convert_tokens_to_ids(TURN)
    chain = [start, *said, said[0] if again else end]
    model = Decoder(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_() if weight.dim() > 1 else weight.fill_(1.0)
        model.embedding.weight.copy_(torch.eye(WIDTH))
        for token, following in itertools.pairwise(chain):
            model.head.weight[following, token] = 1.0
    return ready(model.eval().requires_grad_(False), **options)


def ready(model, **options):
    model.tokenizer = tokenizer(**options)
    model.name = "tiny"
    return model
