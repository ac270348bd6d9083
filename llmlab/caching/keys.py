"""Keys of answers: all that an answer depends on, in 64 hexadecimal digits.

The SHA-256 of canonical JSON: the same question gives the same key on every machine, in
every process. The weights are named by their content. A model's `weights_version` says
which file they came from, and stays the same when they are quantized or trained.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from llmlab.core import arguments, wanted
from llmlab.core.arguments import shown
from llmlab.core.model import LanguageModel
from llmlab.models import built
from llmlab.models.sampling import Sampling

GREEDY = Sampling()
# By model: where its tensors lay and how often they were written to, and the digest.
_REMEMBERED: WeakKeyDictionary = WeakKeyDictionary()


def key(
    model: LanguageModel,
    prompt: Sequence[int],
    *,
    max_tokens: int,
    sampling: Sampling = GREEDY,
    seed: int | None = None,
    stop: Collection[int] = (),
) -> str:
    """Return the key of an answer: which weights, which tokens, chosen how.

    seed: what the generator of `sampling` starts from; greedy answers need none. Raises
    ValueError for what is drawn without a seed (no two answers are the same), and for a
    generator that stands elsewhere.
    """
    wanted.causal("model", model)
    drawn = _drawn(sampling, seed)
    return _digest(
        {
            "weights": fingerprint(model),
            "format": getattr(model, "format", None),
            "dtype": str(next(iter(model.parameters())).dtype).removeprefix("torch."),
            "prompt": token_ids("prompt", prompt),
            "max_tokens": arguments.whole("max_tokens", max_tokens),
            "stop": sorted(set(token_ids("stop", stop))),
            "sampling": drawn,
        }
    )


def fingerprint(model: Any) -> str:
    """Return the SHA-256 of a model's configuration and of all its tensors.

    Remembered until a tensor is written to or replaced; what goes round PyTorch's
    count of writes, as `tensor.data` does, is not noticed.
    """
    tensors = wanted.module("model", model).state_dict()
    state = _state(tensors)
    if state is not None and _REMEMBERED.get(model, (None,))[0] == state:
        return _REMEMBERED[model][1]
    digest = hashlib.sha256(_canonical(_facts(model)).encode())
    for name, tensor in tensors.items():
        said = name, str(tensor.dtype), list(tensor.shape)
        digest.update(_canonical(said).encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy())
    if state is not None:
        _REMEMBERED[model] = state, digest.hexdigest()
    return digest.hexdigest()


def of_call(call: Callable, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the key of a call; ValueError for arguments that JSON cannot say."""
    name = f"{call.__module__}.{getattr(call, '__qualname__', type(call).__name__)}"
    try:
        return _digest([name, list(args), dict(kwargs)])
    except (TypeError, ValueError):
        raise ValueError(
            f"args={shown(args)}, kwargs={shown(kwargs)} hold more than JSON can say; "
            "hand memoize a `key` that makes text of them."
        ) from None


def _state(tensors: Mapping[str, Tensor]) -> tuple | None:
    """Return what changes when a tensor does; None where PyTorch does not count."""
    if any(tensor.is_inference() for tensor in tensors.values()):
        return None
    return tuple(
        (name, tensor.data_ptr(), tensor.dtype, tensor._version)
        for name, tensor in tensors.items()
    )


def _facts(model: nn.Module) -> Any:
    config = getattr(model, "config", None)
    return None if config is None else built.to_json(config)


def _drawn(sampling: Sampling, seed: int | None) -> list | None:
    """Return how tokens are drawn, None where the best one is taken."""
    if not isinstance(sampling, Sampling):
        raise ValueError(
            f"sampling={shown(sampling)} does not say how a token is chosen; hand in "
            "one such as models.Sampling(temperature=0.8)."
        )
    if not sampling.temperature:
        return None
    if seed is None:
        raise ValueError(
            f"temperature={sampling.temperature} draws the tokens, and without a seed "
            "no two answers are the same; give the seed of its generator, or keep only "
            "greedy answers."
        )
    seed = arguments.whole("seed", seed)
    generator = sampling.generator
    if generator is not None:
        fresh = torch.Generator(generator.device).manual_seed(seed)
        if not torch.equal(fresh.get_state(), generator.get_state()):
            raise ValueError(
                f"generator does not stand where seed={seed} starts; make it anew for "
                f"each answer: torch.Generator().manual_seed({seed})."
            )
    return [sampling.temperature, sampling.top_k, sampling.top_p, seed]


def token_ids(name: str, ids: Any) -> list[int]:
    """Return token ids as a list; ValueError for anything else."""
    listed = ids.tolist() if isinstance(ids, Tensor) else ids
    is_list = isinstance(listed, Collection) and not isinstance(listed, str | bytes)
    if not is_list or not all(map(arguments.is_whole, listed)):
        raise ValueError(
            f"{name}={shown(ids)} is no list of token ids; give one, such as "
            "model.tokenizer(text)['input_ids']."
        )
    return [int(token) for token in listed]


def _canonical(what: Any) -> str:
    return json.dumps(what, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _digest(what: Any) -> str:
    return hashlib.sha256(_canonical(what).encode()).hexdigest()
