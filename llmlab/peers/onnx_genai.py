"""ONNX Runtime GenAI as a peer: a folder that its own model builder made.

Both the builder and the engine run in whichever Python has onnxruntime-genai
(LLMLAB_GENAI_PYTHON); the builder wants torch, transformers and onnx-ir beside it. This
file imports nothing of llmlab: `python onnx_genai.py FOLDER THREADS`. Left alone,
ONNX Runtime takes one thread here, so the number of threads is always set.

A model of theirs has to have tokens that end and pad a text. Ours goes on: the last
token of the vocabulary gets both parts, so it is never written, and prompts should not
have it.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

BUILDER = "onnxruntime_genai.models.builder"
CONFIG, TOKENIZER = "genai_config.json", "tokenizer.json"
PRECISIONS = ("fp32", "int8", "int4")


class Engine:
    """A built folder in ONNX Runtime GenAI."""

    def __init__(self, folder: str, threads: int):
        import numpy
        import onnxruntime_genai

        self.library, self.numpy = onnxruntime_genai, numpy
        told = json.loads((Path(folder) / CONFIG).read_text("utf-8"))
        config = onnxruntime_genai.Config(folder)
        config.overlay(json.dumps(_changes(told["model"]["vocab_size"], threads)))
        self.model = onnxruntime_genai.Model(config)

    def decode(self, prompts: list[list[int]], new: int) -> dict:
        """Return the seconds of all tokens but the first, and the tokens."""
        generator = self._read(prompts, new)
        tokens = [self._next(generator)]
        start = time.perf_counter()
        tokens += [self._next(generator) for _ in range(new - 1)]
        return {"seconds": time.perf_counter() - start, "tokens": tokens}

    def prefill(self, prompt: list[int]) -> dict:
        """Return the seconds to the first token."""
        start = time.perf_counter()
        self._next(self._read([prompt], 1))
        return {"seconds": time.perf_counter() - start}

    def logits(self, prompt: list[int], more: list[int]) -> dict:
        """Return the logits after the prompt, and after each token forced behind it."""
        generator = self._read([prompt], len(more) + 1)
        answers = [generator.get_logits()]
        for token in more:
            generator.append_tokens(self.numpy.array([[token]], self.numpy.int32))
            answers.append(generator.get_logits())
        return {"logits": [[float(x) for x in answer[0, -1]] for answer in answers]}

    def _read(self, prompts: list[list[int]], new: int):
        asked = self.library.GeneratorParams(self.model)
        most = len(prompts[0]) + new
        asked.set_search_options(
            batch_size=len(prompts), max_length=most, min_length=most, do_sample=False
        )
        generator = self.library.Generator(self.model, asked)
        generator.append_tokens(self.numpy.array(prompts, self.numpy.int32))
        return generator

    def _next(self, generator) -> list[int]:
        generator.generate_next_token()
        return [int(token) for token in generator.get_next_tokens()]


def _changes(vocabulary: int, threads: int) -> dict:
    """Return what of a folder's configuration is to be different."""
    options = {"intra_op_num_threads": threads}
    parts = ("bos_token_id", "eos_token_id", "pad_token_id")
    changed = dict.fromkeys(parts, vocabulary - 1)
    return {"model": changed | {"decoder": {"session_options": options}}}


def build(folder: str | Path, out: str | Path, *, precision: str, python: str) -> Path:
    """Let their builder turn a Llama folder into one of theirs; return its path.

    folder: with a tokenizer, which the builder copies; a vocabulary as large as the
    width comes out wrong (builder of version 0.18). precision: of PRECISIONS; of
    8 and of 4 bits in groups of 32. python: has onnxruntime-genai, torch, transformers
    and onnx-ir. Raises ValueError for another precision, and with the builder's last
    words where it fails.
    """
    if precision not in PRECISIONS:
        raise ValueError(
            f"precision={precision!r} is not known; choose one of "
            f"{', '.join(PRECISIONS)}."
        )
    if not (Path(folder) / TOKENIZER).is_file():
        raise ValueError(
            f"folder={str(folder)!r} has no {TOKENIZER}, which the builder "
            "copies; save any tokenizer there, for only token ids are read and written."
        )
    words = [python, "-m", BUILDER, "-i", str(folder), "-o", str(out), "-e", "cpu"]
    words += ["-p", precision, "-c", str(out)]  # it wants a cache, and leaves it empty
    ran = subprocess.run(words, capture_output=True, text=True)
    if ran.returncode:
        last = [line for line in ran.stderr.splitlines() if line.strip()][-1:]
        raise ValueError(
            f"python={python!r} could not build {folder}: {' '.join(last)} It needs "
            "onnxruntime-genai, onnx-ir, torch and transformers."
        )
    return Path(out)


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.path = [place for place in sys.path if Path(place).resolve() != here]
    sys.path.append(str(here))  # last: `llama_cpp` there would hide a library
    from llama_cpp import serve

    serve(Engine(sys.argv[1], int(sys.argv[2])))
