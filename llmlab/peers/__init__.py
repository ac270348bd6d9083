"""Other engines on the same weights, side by side; each in a process of its own.

engines     transformers and llmlab: what they are called, how they are loaded
llama_cpp   llama.cpp through llama-cpp-python, which may have a Python of its own
onnx_genai  ONNX Runtime GenAI and its model builder, which may have one, too
racing      processes that wait for their turn, and rounds whose order rotates
vllm_cpu    vLLM's build for processors: whole traces, in a Python of its own
worker      what such a process runs

An engine offers three jobs: `decode` (greedy, of a batch, behind prompts), `prefill`
(to the first token) and `logits`; vLLM has `serve`, of a whole trace. A process that
waits takes no time of the others.
"""

from llmlab.core import faces

__all__ = ["engines", "llama_cpp", "onnx_genai", "racing", "vllm_cpu"]
__all__ += ["worker"]

__getattr__, __dir__ = faces.of(__name__, __all__)
