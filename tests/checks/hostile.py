"""What an answer may be that no text ever asked for, and how a call may stop."""

import decimal
import fractions
import itertools
import sys
from collections import UserDict, namedtuple

import numpy
import torch


class _NoRepr:
    def __repr__(self):
        raise RuntimeError("no repr")


class _Liar:
    """Says that it can be iterated, compared, measured, and cannot."""

    shape, ndim, dtype = "wide", -1, None

    def __iter__(self):
        raise KeyError("no items")

    def __len__(self):
        return -1

    def __eq__(self, other):
        raise ValueError("not comparable")

    __hash__ = None

    def __float__(self):
        raise OverflowError

    def item(self):
        raise TypeError


class _Unsaid(Exception):
    def __str__(self):
        raise RuntimeError("no str")


class _Tensor(torch.Tensor):
    pass


async def _coroutine():
    return 1.0


def _stops_late():
    yield 1.0
    raise LookupError("half way")


def _deep():
    inside = []
    for _ in range(5_000):
        inside = [inside]
    return inside


def _itself():
    inside = [1.0]
    inside.append(inside)
    return inside


VALUES = {  # each is made afresh, as an answer would be
    "None": lambda: None,
    "NotImplemented": lambda: NotImplemented,
    "True": lambda: True,
    "empty text": lambda: "",
    "long text": lambda: "x" * 100_000,
    "text of lines": lambda: "a\nb\n\nc",
    "bytes": lambda: b"\xff\x00",
    "empty list": list,
    "empty tuple": lambda: (),
    "empty dict": dict,
    "set": lambda: {1.0, 2.0},
    "arrays as values": lambda: {"up": numpy.ones(2), "down": torch.ones(2)},
    "array items": lambda: [numpy.ones(2), torch.ones(3, 3)],
    "None in places": lambda: (None, None, None),
    "list of None": lambda: [None],
    "nan": lambda: float("nan"),
    "infinity": lambda: -float("inf"),
    "complex": lambda: 1j,
    "whole and huge": lambda: 10**400,
    "huge in a list": lambda: [10**400, -(10**5000)],
    "decimal": lambda: decimal.Decimal("NaN"),
    "fraction": lambda: fractions.Fraction(10**400, 3),
    "meta tensor": lambda: torch.ones(3, device="meta"),
    "meta number": lambda: torch.ones((), device="meta"),
    "sparse tensor": lambda: torch.eye(3).to_sparse(),
    "complex tensor": lambda: torch.ones(3, 4, dtype=torch.complex64),
    "quantized tensor": lambda: torch.quantize_per_tensor(
        torch.ones(3), 0.1, 0, torch.quint8
    ),
    "bool tensor": lambda: torch.ones(3, 4, dtype=torch.bool),
    "nested tensor": lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
    "empty tensor": lambda: torch.empty(0),
    "huge tensor": lambda: torch.ones(1).expand(10**12),
    "tensor of its own class": lambda: torch.ones(3).as_subclass(_Tensor),
    "tensor with gradient": lambda: torch.ones(3, 4, requires_grad=True) * 2,
    "nan tensor": lambda: torch.full((3, 4), float("nan")),
    "array of objects": lambda: numpy.array([None, "a"], dtype=object),
    "array of text": lambda: numpy.array(["a", "b"]),
    "structured array": lambda: numpy.zeros(2, dtype=[("a", int)]),
    "masked array": lambda: numpy.ma.masked_all(3),
    "huge array": lambda: numpy.broadcast_to(1.0, 10**12),
    "generator": lambda: (one for one in ()),
    "generator that stops": _stops_late,
    "endless": lambda: itertools.repeat(1.0),
    "endless tensors": lambda: itertools.cycle([torch.ones(2)]),
    "coroutine": _coroutine,
    "no repr": _NoRepr,
    "list of no repr": lambda: [_NoRepr()] * 3,
    "liar": _Liar,
    "dict with a liar": lambda: {"up": _Liar(), "down": _Liar()},
    "named tuple": lambda: namedtuple("Pair", "a b")(1.0, 2.0),
    "user's dict": lambda: UserDict(up=4, down=8),
    "a class": lambda: int,
    "a function": lambda: print,
    "a module": lambda: sys,
    "deep list": _deep,
    "list in itself": _itself,
    "an exception": lambda: ValueError("x"),
    "range": lambda: range(10**12),
    "memory": lambda: memoryview(b"abc"),
}


def _raise(error):
    raise error


def _endless_recursion():
    return _endless_recursion()


STOPS = {
    "SystemExit": lambda: sys.exit(3),
    "RecursionError": _endless_recursion,
    "StopIteration": lambda: next(iter(())),
    "AssertionError": lambda: _raise(AssertionError()),
    "no str": lambda: _raise(_Unsaid()),
    "group": lambda: _raise(ExceptionGroup("all", [ValueError("a"), KeyError("b")])),
    "many lines": lambda: _raise(RuntimeError("one\ntwo\n\nthree")),
    "unicode": lambda: _raise(UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad")),
    "memory": lambda: _raise(MemoryError()),
    "arguments": lambda: _raise(ValueError(torch.ones(2), [_NoRepr()])),
    "index": lambda: [][1],
    "torch": lambda: torch.ones(2) @ torch.ones(3),
}
