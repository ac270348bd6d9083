"""transformers and llmlab as peers: one decoder's folder, loaded in several ways."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from llmlab import graphs, kernels, models, quantization
from llmlab.core import machine
from llmlab.kernels import Format
from llmlab.kernels.native import compilers
from llmlab.models import generation


class Engine:
    """A model of our face."""

    def __init__(self, model: Any):
        self.model = model

    def decode(self, prompts: list[list[int]], new: int) -> dict:
        """Return the seconds of all tokens but the first, and the tokens."""
        steps = generation.stream_batch(self.model, prompts, max_tokens=new)
        tokens = [next(steps)]
        start = time.perf_counter()
        tokens += list(steps)
        return {"seconds": time.perf_counter() - start, "tokens": tokens}

    def prefill(self, prompt: list[int]) -> dict:
        """Return the seconds to the first token."""
        start = time.perf_counter()
        next(generation.stream(self.model, prompt, max_tokens=1))
        return {"seconds": time.perf_counter() - start}

    @torch.inference_mode()
    def logits(self, prompt: list[int], more: list[int]) -> dict:
        """Return the logits after the prompt, and after each token forced behind it."""
        cache = self.model.new_cache(1, len(prompt) + len(more))
        answers = [self.model(torch.tensor([prompt]), cache, last=True)]
        answers += [self.model(torch.tensor([[token]]), cache) for token in more]
        return {"logits": [answer[0, -1].tolist() for answer in answers]}


class Transformers(Engine):
    """transformers' own `generate`."""

    def decode(self, prompts: list[list[int]], new: int) -> dict:
        """As above; a call for one token is taken away from a call for all."""
        one, _ = self._generate(prompts, 1)
        all_seconds, tokens = self._generate(prompts, new)
        return {"seconds": all_seconds - one, "tokens": tokens.T.tolist()}

    def prefill(self, prompt: list[int]) -> dict:
        seconds, _ = self._generate([prompt], 1)
        return {"seconds": seconds}

    @torch.inference_mode()
    def logits(self, prompt: list[int], more: list[int]) -> dict:
        logits = self.model(torch.tensor([prompt + more])).logits[0]
        return {"logits": logits[len(prompt) - 1 :].tolist()}

    def _generate(self, prompts: list[list[int]], new: int):
        tokens = torch.tensor(prompts)
        start = time.perf_counter()
        written = self.model.generate(
            tokens, attention_mask=torch.ones_like(tokens), do_sample=False,
            max_new_tokens=new, min_new_tokens=new, pad_token_id=0,
        )  # fmt: skip
        return time.perf_counter() - start, written[:, tokens.shape[1] :]


class Reading:
    """No engine: the same bytes, read and added up by all threads."""

    def __init__(self, folder: str):
        weights = sum(
            file.stat().st_size for file in Path(folder).glob("*.safetensors")
        )
        self.numbers = torch.ones(weights // 16)  # of fp32, as many bytes as in int8

    def decode(self, prompts: list[list[int]], new: int) -> dict:
        start = time.perf_counter()
        for _ in range(new - 1):
            self.numbers.sum()
        return {"seconds": time.perf_counter() - start, "tokens": []}


def _transformers(folder: str) -> Transformers:
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return Transformers(loaded.eval())


def _quantized(folder: str, word: str = "int8") -> Any:
    return quantization.quantize(models.load(folder), Format.parse(word))


def _native(folder: str, word: str, *, way: str | None = None) -> Engine:
    """Return a model in a format that runs natively; way: of `compilers.WAYS`."""
    if way:
        os.environ[compilers.NATIVE] = way  # of this process, which has one engine
    model = graphs.compiled(_quantized(folder, word))
    if model.reason:
        raise ValueError(model.reason)
    return Engine(model)


ENGINES: dict[str, Callable[[str], Any]] = {
    "transformers fp32": _transformers,
    "llmlab fp32": lambda folder: Engine(models.load(folder)),
    "llmlab bf16": lambda folder: Engine(models.load(folder, dtype="bfloat16")),
    "llmlab int8, eager": lambda folder: Engine(kernels.autotune(_quantized(folder))),
    "llmlab int8, native": lambda folder: _native(folder, "int8"),
    "llmlab int8-g64, native": lambda folder: _native(folder, "int8-g64"),
    "llmlab int4-g32, native": lambda folder: _native(folder, "int4-g32"),
    "llmlab int8, AVX-512": lambda folder: _native(folder, "int8", way="avx512"),
    "llmlab int8, AVX2": lambda folder: _native(folder, "int8", way="avx2"),
    "llmlab int8, plain C": lambda folder: _native(folder, "int8", way="plain"),
    "bare read": Reading,
}


def make(name: str, folder: str) -> Any:
    """Return an engine of ENGINES on `machine.threads()` threads."""
    machine.set_threads()
    return ENGINES[name](folder)
