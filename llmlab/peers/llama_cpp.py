"""llama.cpp as a peer: tokens in, tokens and logits out, by its own batches.

It runs in whichever Python has llama-cpp-python (LLMLAB_LLAMA_PYTHON) and imports
nothing of llmlab, which need not be there: `python llama_cpp.py FILE THREADS`.
"""

import json
import sys
import time


class Engine:
    """A GGUF file in llama.cpp."""

    def __init__(self, path: str, threads: int, *, rows: int = 16, places: int = 1024):
        import llama_cpp
        import numpy

        self.library, self.numpy = llama_cpp, numpy
        llama_cpp.llama_backend_init()
        self.log = llama_cpp.llama_log_callback(lambda *said: None)
        llama_cpp.llama_log_set(self.log, None)
        self.model = llama_cpp.llama_model_load_from_file(
            path.encode(), llama_cpp.llama_model_default_params()
        )
        if not self.model:
            raise ValueError(f"llama.cpp cannot read {path}.")
        asked = llama_cpp.llama_context_default_params()
        asked.n_ctx, asked.n_seq_max = rows * places, rows
        asked.n_batch, asked.n_ubatch = 4096, 512
        asked.n_threads = asked.n_threads_batch = threads
        self.context = llama_cpp.llama_init_from_model(self.model, asked)
        vocabulary = llama_cpp.llama_model_get_vocab(self.model)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(vocabulary)
        self.batch = llama_cpp.llama_batch_init(4096, 0, 1)

    def decode(self, prompts: list[list[int]], new: int) -> dict:
        """Return the seconds of all tokens but the first, and the tokens."""
        self._empty()
        chosen = [self._choose(row) for row in self._read(prompts, 0)]
        tokens, place = [chosen], len(prompts[0])
        start = time.perf_counter()
        for step in range(new - 1):
            rows = self._read([[token] for token in chosen], place + step)
            chosen = [self._choose(row) for row in rows]
            tokens.append(chosen)
        return {"seconds": time.perf_counter() - start, "tokens": tokens}

    def prefill(self, prompt: list[int]) -> dict:
        """Return the seconds to the first token."""
        self._empty()
        start = time.perf_counter()
        (row,) = self._read([prompt], 0)
        self._choose(row)
        return {"seconds": time.perf_counter() - start}

    def logits(self, prompt: list[int], more: list[int]) -> dict:
        """Return the logits after the prompt, and after each token forced behind it."""
        self._empty()
        answers = [self._logits(*self._read([prompt], 0))]
        for step, token in enumerate(more):
            answers.append(self._logits(*self._read([[token]], len(prompt) + step)))
        return {"logits": [[float(x) for x in answer] for answer in answers]}

    def _empty(self) -> None:
        memory = self.library.llama_get_memory(self.context)
        self.library.llama_memory_clear(memory, True)

    def _read(self, rows: list[list[int]], place: int) -> list[int]:
        """Read a list of tokens for each row; return where their last logits stand."""
        batch, ends, count = self.batch, [], 0
        for row, tokens in enumerate(rows):
            for offset, token in enumerate(tokens):
                batch.token[count], batch.pos[count] = token, place + offset
                batch.n_seq_id[count], batch.seq_id[count][0] = 1, row
                batch.logits[count] = offset == len(tokens) - 1
                count += 1
            ends.append(count - 1)
        batch.n_tokens = count
        if self.library.llama_decode(self.context, batch):
            raise RuntimeError("llama_decode failed")
        return ends

    def _logits(self, end: int):
        pointer = self.library.llama_get_logits_ith(self.context, end)
        logits = self.numpy.ctypeslib.as_array(pointer, shape=(self.vocabulary,))
        return logits.copy()  # the next batch writes over them

    def _choose(self, end: int) -> int:
        return int(self._logits(end).argmax())


def serve(engine) -> None:
    """Answer jobs, a line of JSON each, until the input ends."""
    out = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    out.write('"ready"\n')
    out.flush()
    for line in sys.stdin:
        job = json.loads(line)
        answer = getattr(engine, job.pop("job"))(**job)
        out.write(json.dumps(answer) + "\n")
        out.flush()


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: the file's name would hide the library's
    serve(Engine(sys.argv[1], int(sys.argv[2])))
