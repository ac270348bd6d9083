"""Small models of the families that every technique promises to take."""

import torch
import transformers
from small_models import CONTEXT, VOCABULARY, decoder, draw_tokens, spread
from torch import nn

BERT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": CONTEXT,
}
LLAMA = BERT | {"num_key_value_heads": 2, "bos_token_id": None, "eos_token_id": None}
LLAMA |= {"pad_token_id": None, "tie_word_embeddings": True}
GPT2 = {
    "vocab_size": VOCABULARY,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": CONTEXT,
    "bos_token_id": None,
    "eos_token_id": None,
}
T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 4,
    "feed_forward_proj": "gated-gelu",
    "decoder_start_token_id": 0,
    "pad_token_id": 0,
}
FAMILIES = {  # name -> class, configuration, sizes
    "llama": ("LlamaForCausalLM", "LlamaConfig", LLAMA),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", LLAMA),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", GPT2),
    "bert": ("BertForMaskedLM", "BertConfig", BERT),
    "t5": ("T5ForConditionalGeneration", "T5Config", T5),
    "albert": ("AlbertForMaskedLM", "AlbertConfig", BERT | {"embedding_size": 16}),
}
NAMES = ["decoder", *FAMILIES]


def make(name, *, dtype=torch.float32) -> nn.Module:
    """Return a small model with random weights, ready for inference."""
    if name == "decoder":
        return decoder(dtype=dtype, tie_word_embeddings=True, intermediate_size=64)
    kind, config, sizes = FAMILIES[name]
    config = getattr(transformers, config)(**sizes)
    model = spread(getattr(transformers, kind)(config)).to(dtype)
    if name == "t5":  # its attention has no scale, and would pick single tokens
        with torch.no_grad():
            for path, parameter in model.named_parameters():
                parameter *= 0.1 if path.endswith((".q.weight", ".k.weight")) else 1
    model.tokenizer = None
    return model


def ask(model, *, seed=0, rows=2):
    """Run a model on some tokens and return its logits."""
    with torch.inference_mode():
        answer = model(**batch(model, seed=seed, rows=rows))
    return answer if isinstance(answer, torch.Tensor) else answer.logits


def batch(model, *, seed=0, rows=2):
    """Return the arguments of a forward call."""
    tokens = draw_tokens(rows, 12, seed=seed)
    config = getattr(model, "config", None)
    if hasattr(model, "shape"):
        return {"tokens": tokens}
    if config.is_encoder_decoder:
        return {"input_ids": tokens, "decoder_input_ids": tokens[:, :7]}
    return {"input_ids": tokens}
