"""Kernels in C, compiled at first use by the compiler that is there.

integers.h  activations rounded to integers; sums in an order that vectors keep
plain.h     products and scores in plain C, of weights in rows: the reference
tiles.h     products of weights in tiles of sixteen rows, of 8 or 4 bits
heads.h     queries with their keys and values, sixteen numbers at a time
avx2.h      what tiles.h and heads.h ask of a register, and the same for
avx512.h    AVX-512 with VNNI
amx.h       products of many tokens by AMX, of the same tiles
products.h  which of these ways a library goes, and what follows in all of them
pass.c      a decoder of the Llama family, all layers in one call
compilers   which compiler, and with which flags
building    source -> library in the cache folder, checked before it is loaded
structures  what C takes: the same structures for ctypes
library     the functions of the library, or the reason why there are none
tiles       weights as tiles.h reads them
huge_pages  the weights side by side, where a step reads them fastest
matrices    one matrix of integers: a product, and the bytes that it reads in a second
layers      a quantized layer as such a matrix
planning    which way pays for how many tokens, measured
weights     the tensors of a decoder, checked
backoff     fewer threads for a while, where a neighbour holds one up
rooms       what a pass writes between the layers
decoding    a pass over rows of tokens

The tensors are torch's, handed over by address; nothing here knows a model.
"""

from llmlab.core import faces

__all__ = [
    "backoff",
    "building",
    "compilers",
    "decoding",
    "huge_pages",
    "layers",
    "library",
    "matrices",
    "planning",
    "rooms",
    "structures",
    "tiles",
    "weights",
]

__getattr__, __dir__ = faces.of(__name__, __all__)
