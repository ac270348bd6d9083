"""Odd folders by config.json: unfit values, huge sizes, and rare ones that fit."""

from odd_folders import LONG, SAME, config, odd, text

FILE = "config.json"
BIG, HUGE = 10**9, 10**13


def rope(**facts):
    return config(rope_parameters={"rope_theta": 10_000.0} | facts)


def llama(gives=FILE, **changes):
    return odd("llama", config(**changes), gives=gives)


def gpt2(gives=FILE, **changes):
    return odd("gpt2", config(**changes), gives=gives)


UNFIT = {
    "heads 7": llama(num_attention_heads=7),
    "heads 0": llama(num_attention_heads=0),
    "heads -4": llama(num_attention_heads=-4),
    "heads in words": llama(num_attention_heads="four"),
    "key heads 3": llama(num_key_value_heads=3),
    "key heads 0": llama(num_key_value_heads=0),
    "layers '2'": llama(num_hidden_layers="2"),
    "layers 0": llama(num_hidden_layers=0),
    "layers -1": llama(num_hidden_layers=-1),
    "layers 1.5": llama(num_hidden_layers=1.5),
    "layers null": llama(num_hidden_layers=None),
    "vocabulary -5": llama(vocab_size=-5),
    "vocabulary 0": llama(vocab_size=0),
    "width 0": llama(hidden_size=0),
    "width 32.0": llama(hidden_size=32.0),
    "width 31": llama(hidden_size=31),
    "hidden [48]": llama(intermediate_size=[48]),
    "head width 7": llama(head_dim=7),
    "head width '8'": llama(head_dim="8"),
    "context 'x'": llama(max_position_embeddings="x"),
    "context null": llama(max_position_embeddings=None),
    "context 0": llama(max_position_embeddings=0),
    "context -1": llama(max_position_embeddings=-1),
    "epsilon null": llama(rms_norm_eps=None),
    "epsilon '1e-6'": llama(rms_norm_eps="1e-6"),
    "epsilon -1": llama(rms_norm_eps=-1.0),
    "epsilon not a number": llama(rms_norm_eps=float("nan")),
    "tied 'no'": llama(tie_word_embeddings="no"),
    "biases 'yes'": llama(attention_bias="yes"),
    "rope 'x'": llama(rope_parameters="x"),
    "rope a list": llama(rope_parameters=[1]),
    "rope of no known kind": odd("llama", rope(rope_type="evil"), gives=FILE),
    "rope linear by 0": odd("llama", rope(rope_type="linear", factor=0.0), gives=FILE),
    "rope linear by words": odd(
        "llama", rope(rope_type="linear", factor="x"), gives=FILE
    ),
    "rope llama3 without its factors": odd(
        "llama", rope(rope_type="llama3"), gives=FILE
    ),
    "rope theta 0": odd("llama", rope(rope_type="default", rope_theta=0.0), gives=FILE),
    "rope theta -1": odd(
        "llama", rope(rope_type="default", rope_theta=-1.0), gives=FILE
    ),
    "rope theta in words": odd(
        "llama", rope(rope_type="default", rope_theta="x"), gives=FILE
    ),
    "rope of half a head": odd(
        "llama", rope(rope_type="default", partial_rotary_factor=0.5)
    ),
    "longrope with too few factors": odd(
        "longrope", config(rope_parameters=LONG | {"long_factor": [1.0]}), gives=FILE
    ),
    "activation 'evil'": llama(hidden_act="evil"),
    "activation 3": llama(hidden_act=3),
    "window 0": odd("mistral", config(sliding_window=0), gives=FILE),
    "window -3": odd("mistral", config(sliding_window=-3), gives=FILE),
    "window 'x'": odd("mistral", config(sliding_window="x"), gives=FILE),
    "layers of too few kinds": odd(
        "qwen2", config(layer_types=["full_attention"]), gives=FILE
    ),
    "layers of no known kind": odd("qwen2", config(layer_types=["a", "b"]), gives=FILE),
    "architectures [3]": llama(architectures=[3]),
    "architectures a word": llama(architectures="LlamaForCausalLM"),
    "architecture pipeline": llama(architectures=["pipeline"]),
    "architecture AutoTokenizer": llama(architectures=["AutoTokenizer"]),
    "architecture of another family": llama(SAME, architectures=["GPT2LMHeadModel"]),
    "dtype 'wonder'": llama(dtype="wonder"),
    "no family": llama(model_type=...),
    "family []": llama(model_type=[]),
    "family of nobody": llama(model_type="wonder"),
    "family of another": llama(model_type="gpt2"),
    "family as a path": llama(model_type="../llama"),
    "deep": odd(
        "llama", text(FILE, '{"a":' + "[" * 99_999 + "]" * 99_999 + "}"), gives=FILE
    ),
    "empty": odd("llama", text(FILE, ""), gives=FILE),
    "with a mark in front": odd("llama", text(FILE, "\ufeff{}"), gives=FILE),
    "gpt2, heads 5": gpt2(n_head=5),
    "gpt2, heads 0": gpt2(n_head=0),
    "gpt2, width '32'": gpt2(n_embd="32"),
    "gpt2, layers null": gpt2(n_layer=None),
    "gpt2, activation 'evil'": gpt2(activation_function="evil"),
    "gpt2, dropout 7": gpt2(resid_pdrop=7.0),
    "attention by somebody else": gpt2(attn_implementation="wonder"),
    "mixtral, more experts a token than it has": odd(
        "mixtral", config(num_experts_per_tok=9), gives=FILE
    ),
    "an encoder's flag": llama(SAME, is_encoder_decoder=True),
}
SIZES = {
    f"{base}, {key} {size:.0e}": odd(base, config(**{key: size}), gives=FILE)
    for base, keys in {
        "llama": (
            "vocab_size", "num_hidden_layers", "hidden_size", "intermediate_size",
            "num_attention_heads", "num_key_value_heads", "head_dim",
        ),
        "qwen2": ("num_hidden_layers",),
        "gpt2": ("vocab_size", "n_layer", "n_embd", "n_positions", "n_inner"),
        "mixtral": ("num_local_experts", "num_hidden_layers"),
        "longrope": ("num_hidden_layers", "hidden_size"),
    }.items()
    for key in keys
    for size in (10**6, BIG, HUGE)
}  # fmt: skip
RARE = {
    "a long context": odd("llama", config(max_position_embeddings=BIG)),
    "a window of a billion": odd("mistral", config(sliding_window=BIG)),
    "no window": odd("mistral", config(sliding_window=None)),
    "a window in a llama": odd("llama", config(sliding_window=7)),
    "kinds of layers in a llama": odd(
        "llama", config(layer_types=["sliding_attention"] * 2, sliding_window=7)
    ),
    "a window for one layer": odd(
        "qwen2",
        config(
            layer_types=["full_attention", "sliding_attention"],
            use_sliding_window=True,
            sliding_window=7,
        ),
    ),
    "a window that is not used": odd(
        "qwen2", config(sliding_window=7, use_sliding_window=False)
    ),
    "head width null": odd("llama", config(head_dim=None)),
    "no word about heads of keys": odd("gpt_neox", config(num_key_value_heads=None)),
    "no architectures": odd("llama", config(architectures=...)),
    "architectures null": odd("llama", config(architectures=None)),
    "two architectures": odd("llama", config(architectures=["LlamaForCausalLM", "X"])),
    "gpt2 without architectures": odd("gpt2", config(architectures=[])),
    "no cache by its word": odd("llama", config(use_cache=False)),
    "gpt2 without a cache by its word": odd("gpt2", config(use_cache=False)),
    "gpt2 with tuples by its word": odd("gpt2", config(return_dict=False)),
    "gpt2 that shows its attentions": odd("gpt2", config(output_attentions=True)),
    "gpt2 that shows its layers": odd("gpt2", config(output_hidden_states=True)),
    "gpt2 with scaled layers": odd(
        "gpt2", config(scale_attn_by_inverse_layer_idx=True)
    ),
    "gpt2 without scaled scores": odd("gpt2", config(scale_attn_weights=False)),
    "a llama with GELU": odd("llama", config(hidden_act="gelu")),
    "a llama cut for training": odd("llama", config(pretraining_tp=2)),
    "dropout": odd("llama", config(attention_dropout=0.5)),
    "gpt2 with dropout": odd("gpt2", config(attn_pdrop=0.5, embd_pdrop=0.5)),
    "an old word for the dtype": odd("llama", config(torch_dtype="float16", dtype=...)),
    "eager attention": odd("gpt2", config(_attn_implementation="eager")),
    "a key that nobody knows": odd("llama", config(wonder={"a": [1, "größe Ł ”"]})),
    "code that is not needed": odd(
        "llama", config(auto_map={"AutoModelForCausalLM": "wonder.Model"})
    ),
    "names that are not ASCII": odd("llama", config(_name_or_path="größe Ł ” 加")),
    "rope by its old names": odd(
        "llama",
        config(
            rope_parameters=...,
            rope_theta=500.0,
            rope_scaling={"type": "linear", "factor": 4.0},
        ),
    ),
    "rope yarn": odd(
        "llama", rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=24)
    ),
    "rope yarn with its own factor": odd(
        "llama",
        rope(
            rope_type="yarn",
            factor=4.0,
            attention_factor=1.3,
            original_max_position_embeddings=24,
            beta_fast=16.0,
        ),
    ),
    "rope dynamic": odd(
        "llama",
        rope(rope_type="dynamic", factor=4.0),
    ),
    "rope linear": odd("qwen3", rope(rope_type="linear", factor=4.0)),
    "longrope": odd("longrope"),
    "longrope with an old name": odd(
        "longrope",
        config(
            rope_parameters=...,
            original_max_position_embeddings=32,
            rope_scaling={k: v for k, v in LONG.items() if "_factor" in k}
            | {"type": "longrope"},
        ),
    ),
    "phi3 with half of each head turned": odd(
        "phi3", rope(rope_type="default", partial_rotary_factor=0.5)
    ),
    "neox": odd("gpt_neox"),
    "neox with one residual": odd("gpt_neox", config(use_parallel_residual=False)),
    "gemma2": odd("gemma2"),
    "gemma2 without caps": odd("gemma2", config(attn_logit_softcapping=None)),
    "bert that writes on": odd("bert"),
}

FOLDERS = UNFIT | SIZES | RARE
