"""Kernels in plain C, compiled at first use by the compiler that is there.

integers.h  exact products of rounded activations with int8 weights; no intrinsics
pass.c      a decoder of the Llama family, all layers in one call
compilers   which compiler, and with which flags
building    source -> library in the cache folder, checked before it is loaded
structures  what C takes: the same structures for ctypes
library     the functions of the library, or the reason why there are none
huge_pages  the weights side by side, where a step reads them fastest
matrices    one int8 matrix: a product, and the bytes that it reads in a second
planning    which way pays for how many tokens, measured
decoding    the tensors of a decoder, checked, and a pass over them

The tensors are torch's, handed over by address; nothing here knows a model.
"""

from llmlab.core import faces

__all__ = [
    "building",
    "compilers",
    "decoding",
    "huge_pages",
    "library",
    "matrices",
    "planning",
    "structures",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
