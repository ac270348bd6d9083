"""A pass over rows of tokens: what is handed to C is looked at before.

Shapes: M rows, each a token and its place; B sequences; D model width, F hidden width,
N query heads, K key/value heads, H head width, V vocabulary; R runs of P places, where
a sequence's keys and values lie.
"""

import ctypes
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from llmlab.kernels.native import structures
from llmlab.kernels.native.backoff import Backoff
from llmlab.kernels.native.library import Library
from llmlab.kernels.native.matrices import Laid, check
from llmlab.kernels.native.rooms import Room
from llmlab.kernels.native.structures import address
from llmlab.kernels.native.weights import Weights

MOST = 512  # rows of a call: what is between two layers must fit in a near cache
Memory = Sequence[tuple[Tensor, Tensor]]  # of each layer: keys, values (R, K, P, H)


@dataclass(frozen=True)
class Rows:
    """Which tokens a call reads, and where their sequences keep what came before.

    runs: of each sequence, in order, which runs hold its tokens. wanted: the rows whose
    logits are asked for, in their order.
    """

    tokens: Sequence[int]  # (M,)
    places: Sequence[int]  # (M,)
    sequences: Sequence[int]  # (M,): ascending, and places of one ascend
    runs: Sequence[Sequence[int]]  # (B, …)
    wanted: Sequence[int]


class Pass:
    """A decoder ready to be called; it keeps the tensors that C reads alive.

    weights: laid out for the library's way (`huge_pages.side_by_side`). threads: at
    most; calls get fewer for a while where a busy neighbour holds them up (`backoff`),
    which `clock` (seconds) tells. The bits are the same.
    """

    def __init__(
        self, library: Library, weights: Weights, *, threads: int,
        clock: Callable[[], float] = time.perf_counter,
    ):  # fmt: skip
        self.library, self.weights = library, weights
        head = weights.head
        if not isinstance(head, Laid):
            raise ValueError("weights are not laid out; see huge_pages.side_by_side.")
        self.threads = library.threads(threads)
        layers = [layer.structure(weights.head_width) for layer in weights.layers]
        self._layers = (structures.Layer * len(layers))(*layers)
        self._model = structures.Model(
            layers=self._layers, head=head.structure(), count=len(layers),
            width=weights.embedding.shape[1], head_width=weights.head_width,
            embedding=address(weights.embedding), norm=address(weights.norm),
            epsilon=weights.epsilon,
        )  # fmt: skip
        self._backoff = Backoff(self.threads, clock=clock)
        self._room = Room(weights, self.threads)
        self._seen: list = []  # of the memory: tensors, addresses, shapes
        self._parts: list[Tensor] = []
        self._angles: tuple | None = None
        self._table: Any = None
        self._lock = threading.Lock()  # one call at a time: it works in one room

    def run(self, rows: Rows, memory: Memory, rotary: tuple[Tensor, Tensor]) -> Tensor:
        """Return the logits of the rows that are wanted; keys and values are kept.

        rotary: cosines and signed sines of every place, (places, H). Raises ValueError,
        before anything is written, for what lies outside of the tensors.
        """
        logits = torch.empty(len(rows.wanted), self.weights.head.shape[0])
        keys = memory[0][0]
        with self._lock:
            table = self._addressed(memory)
            self._check(rows, keys, rotary)
            starts = [0, *accumulate(map(len, rows.runs))]
            first = [starts[sequence] for sequence in rows.sequences]
            runs = [run for listed in rows.runs for run in listed]
            done = 0
            for start in range(0, len(rows.tokens), MOST):
                part = slice(start, start + MOST)
                places, sequences = rows.places[part], rows.sequences[part]
                wanted = [m - start for m in rows.wanted if 0 <= m - start < MOST]
                lists = (rows.tokens[part], places, first[part], runs, wanted)
                numbers, addresses = _numbers(lists)
                given = structures.Rows(
                    *addresses, len(places), len(wanted), keys.shape[2],
                    len(set(sequences)) < len(sequences),
                )  # fmt: skip
                room = self._room.of(len(places), max(places) + 1)
                out = logits.data_ptr() + done * logits.stride(0) * 4
                self._call(table, given, room, out, sum(places))
                del numbers  # until here C read it
                done += len(wanted)
        return logits

    def _call(self, table, given, room, out: int, seen: int) -> None:
        """Run C; calls that see as many places, within 2 x, are of one kind."""
        run, model = self.library.pass_rows, self._model
        if self.threads == 1:
            run(model, table, given, room, out, 1)
            return
        self._backoff.run(
            (given.count, given.asked, seen.bit_length()),
            lambda threads: run(model, table, given, room, out, threads),
        )

    def _addressed(self, memory: Memory) -> ctypes.Array:
        """Return the addresses of keys and values; ValueError where C cannot follow.

        What a call saw last is not looked at again.
        """
        parts = [part for pair in memory for part in pair]
        seen = [(id(part), part.data_ptr(), part.shape) for part in parts]
        if seen != self._seen:
            self._table, self._seen = self._memory(memory), seen
            self._parts = parts  # kept, so that no other tensor gets their ids
        return self._table

    def _memory(self, memory: Memory) -> ctypes.Array:
        width, entries = self.weights.head_width, []
        if len(memory) != len(self.weights.layers):
            raise ValueError(
                f"the cache is made for {len(memory)} layers and the model has "
                f"{len(self.weights.layers)}; make it with this model's new_cache."
            )
        for (keys, values), layer in zip(memory, self._layers, strict=True):
            runs, _, places, _ = keys.shape
            shape, stride = (runs, layer.kv_heads, places, width), keys.stride()
            for part in (keys, values):
                right = part.shape == shape and part.dtype == torch.float32
                if not right or part.device.type != "cpu":
                    raise ValueError(
                        f"the cache holds {tuple(part.shape)} in {part.dtype} and the "
                        f"model wants {shape} in torch.float32 on the CPU; make it "
                        "with this model's new_cache."
                    )
                if part.stride() != stride or stride[3] != 1:
                    raise ValueError("keys and values do not lie alike in memory.")
            if (runs, places) != (memory[0][0].shape[0], memory[0][0].shape[2]):
                raise ValueError("layers of the cache have different runs.")
            entries.append(
                structures.Memory(keys.data_ptr(), values.data_ptr(), *stride[:3])
            )
        return (structures.Memory * len(entries))(*entries)

    def _check(self, rows: Rows, keys: Tensor, rotary: tuple[Tensor, Tensor]) -> None:
        runs, _, places, width = keys.shape
        vocabulary = self.weights.embedding.shape[0]
        if not 0 <= min(rows.tokens) <= max(rows.tokens) < vocabulary:
            raise ValueError(
                f"tokens go from {min(rows.tokens)} to {max(rows.tokens)}; token ids "
                f"are whole numbers from 0 to {vocabulary - 1}."
            )
        if rotary is not self._angles:
            for table in rotary:
                check("rotary", table, (len(rotary[0]), width))
            self._model.cosines, self._model.sines = map(address, rotary)
            self._angles = rotary
        if min(rows.places) < 0 or max(rows.places) >= rotary[0].shape[0]:
            raise ValueError(f"place {max(rows.places)} has no rotary angles.")
        ends: dict[int, int] = {}
        for sequence, place in zip(rows.sequences, rows.places, strict=True):
            ends[sequence] = max(place + 1, ends.get(sequence, 0))
        for sequence, end in ends.items():
            listed = rows.runs[sequence]
            if len(listed) * places < end or not all(0 <= r < runs for r in listed):
                raise ValueError(
                    f"runs {listed} of sequence {sequence} do not hold {end} tokens in "
                    f"{runs} runs of {places} places."
                )


def _numbers(lists: Iterable[Sequence[int]]) -> tuple[array, list[int]]:
    """Return all numbers in one array, and where each list begins in memory."""
    numbers, starts = array("q"), []
    for one in lists:
        starts.append(len(numbers))
        numbers.extend(one)
    begin, _ = numbers.buffer_info()
    return numbers, [begin + 8 * start for start in starts]
