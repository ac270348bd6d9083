"""Lab 10: a decode step without the framework in it.

fold_norms  norms without a scale: the linear layers behind hold it
fuse        q, k, v in one product, gate and up in one; unfuse takes them apart
compiled    the same model, its steps run by a program that was built before
static      a step of a fixed size: what compilers want
programs    a step as a graph, and what it is made of; engines, ahead run it
folding, places, fusing, joined: what these are made of
costs       what an operator costs besides arithmetic: its start, its bytes
native      which parts of a decoder C takes, and the tensors that it reads
inner       the inner loop of an int8 product in C: compiled, tried, its instructions
dots, compiling, confined, inner_child, disassembly: what that is made of
steps       the face of a native model: which way a call goes; runners: of others
experiments one line each: it measures, and what comes back has `records()`
quantities  name and unit of the facts of this lab

A step of a small model starts some hundred operators, and each costs microseconds
before it computes. One call for all layers leaves what the weights take to be read. It
costs a compiler, and the freedom to change a layer: what is compiled runs no hooks and
trains nothing.
"""

from llmlab.core import faces
from llmlab.graphs import costs, folding, fusing, quantities
from llmlab.graphs.folding import fold_norms
from llmlab.graphs.fusing import fuse, unfuse
from llmlab.graphs.runners import compiled

__all__ = ["ahead", "compiled", "compiling", "confined", "costs", "disassembly"]
__all__ += ["dots", "engines", "experiments", "fold_norms", "folding", "fuse"]
__all__ += ["fusing", "inner", "inner_child", "joined", "native", "places"]
__all__ += ["programs", "quantities", "runners", "static", "steps", "unfuse"]

__getattr__, __dir__ = faces.of(__name__, __all__)
