"""The names of weights: ours, which a lesson reads, and the Llama family's files'."""

from collections.abc import Callable, Collection

RENAMES = (  # in the files, here
    ("model.embed_tokens.", "embedding."),
    ("model.layers.", "layers."),
    ("model.norm.", "norm."),
    ("lm_head.", "head."),
    (".self_attn.q_proj.", ".attention.query."),
    (".self_attn.k_proj.", ".attention.key."),
    (".self_attn.v_proj.", ".attention.value."),
    (".self_attn.o_proj.", ".attention.output."),
    (".self_attn.q_norm.", ".attention.query_norm."),
    (".self_attn.k_norm.", ".attention.key_norm."),
    (".mlp.gate_proj.", ".mlp.gate."),
    (".mlp.up_proj.", ".mlp.up."),
    (".mlp.down_proj.", ".mlp.down."),
    (".input_layernorm.", ".attention_norm."),
    (".post_attention_layernorm.", ".mlp_norm."),
)


def ours(name: str) -> str:
    """Return our name of a tensor in a file of the Llama family."""
    for theirs, ours in RENAMES:
        name = name.replace(theirs, ours)
    return name


def ours_of(names: Collection[str]) -> Callable[[str], str]:
    """Return `ours` for a file with these names, which may lack the prefix "model.".

    So the decoder without its head is saved, and transformers adds the prefix too.
    """
    if any(name.startswith("model.") for name in names):
        return ours
    return lambda name: ours(name if name.startswith("lm_head.") else f"model.{name}")


def theirs(name: str) -> str:
    """Return a file's name of one of our tensors; undoes `ours`."""
    for in_file, ours in RENAMES:
        if ours[0] == "." or name.startswith(ours):
            name = name.replace(ours, in_file)
    return name


def of_layers(rename: Callable[[str], str]) -> Callable[[str], str]:
    """Return the function that renames a layer as `rename` does its weight."""
    return lambda name: rename(f"{name}.weight").removesuffix(".weight")
