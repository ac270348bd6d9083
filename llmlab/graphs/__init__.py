"""Lab 10: a decode step without the framework in it.

compiled    the same model, its steps run by one native call
native      which parts of a decoder C takes, and the tensors that it reads
steps       the face of such a model: which way a call goes
experiments one line each: it measures, and what comes back has `records()`
quantities  name and unit of the facts of this lab

A step of a small model starts some hundred operators, and each costs microseconds
before it computes. One call for all layers leaves what the weights take to be read. It
costs a compiler, and the freedom to change a layer: what is compiled runs no hooks and
trains nothing.
"""

from llmlab.core import faces
from llmlab.graphs import quantities
from llmlab.graphs.steps import compiled

__all__ = ["compiled", "experiments", "native", "quantities", "steps"]

__getattr__, __dir__ = faces.of(__name__, __all__)
