"""What pass.c takes, field by field: the same structures for ctypes."""

import ctypes

from torch import Tensor

POINTER, WHOLE = ctypes.c_void_p, ctypes.c_int64


def _fields(pointers: str = "", numbers: str = "") -> list:
    return [(name, POINTER) for name in pointers.split()] + [
        (name, WHOLE) for name in numbers.split()
    ]


class Matrix(ctypes.Structure):
    _fields_ = _fields("weight scale bias", "rows columns group bits")


class Layer(ctypes.Structure):
    _fields_ = [
        *((name, Matrix) for name in "query key value output gate up down".split()),
        *_fields("attention_norm mlp_norm query_norm key_norm"),
        *_fields(numbers="heads kv_heads window"),
    ]


class Model(ctypes.Structure):
    _fields_ = [
        ("layers", ctypes.POINTER(Layer)),
        ("head", Matrix),
        *_fields(numbers="count width head_width"),
        *_fields("embedding norm cosines sines"),
        ("epsilon", ctypes.c_float),
    ]


class Memory(ctypes.Structure):
    _fields_ = _fields("keys values", "run head place")


class Rows(ctypes.Structure):
    _fields_ = _fields(
        "tokens places first runs wanted", "count asked run_places several"
    )


class Room(ctypes.Structure):
    _fields_ = _fields(
        "stream queries keys values gate up factors scores sums integers strip",
        "columns reach strip_bytes",
    )


def address(tensor: Tensor | None) -> int | None:
    """Return where a tensor's numbers begin, None for none."""
    return None if tensor is None else tensor.data_ptr()
