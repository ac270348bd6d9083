"""Threads and formats: what the processor has, and what it makes of it."""

import pytest
import torch

from llmlab.core import machine
from llmlab.hardware import precision, threads
from llmlab.hardware import quantities as q


@pytest.mark.parametrize(
    "cores, expected",
    [(1, [1, 2, 4]), (2, [1, 2, 4, 8]), (8, [1, 4, 8, 16, 32])],
)
def test_counts_are_one_half_all_twice_and_four_times(monkeypatch, cores, expected):
    monkeypatch.setattr(machine, "cores", lambda: cores)
    assert threads.counts() == expected


def test_cores_do_not_follow_the_wish_for_fewer_threads(monkeypatch):
    before = machine.cores()
    monkeypatch.setenv("LLMLAB_THREADS", "1")
    assert machine.cores() == before
    assert machine.threads() == 1


def test_every_call_is_timed_on_just_so_many_threads():
    seen = set()

    def call():
        seen.add(torch.get_num_threads())

    before = torch.get_num_threads()
    facts = threads.by_threads({"call": call}, counts=[1, 3])
    assert seen == {1, 3}
    assert torch.get_num_threads() == before
    times = [fact for fact in facts if fact.name == q.THREADS_TIME.name]
    gains = [fact for fact in facts if fact.name == q.THREADS_GAIN.name]
    assert [fact.details["threads"] for fact in times] == [1, 3]
    assert [fact.details["threads"] for fact in gains] == [3]
    assert gains[0].low <= gains[0].value <= gains[0].high


@pytest.mark.parametrize("counts", [[], [0], [1.5], "12", 3])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(ValueError, match="counts="):
        threads.by_threads({"call": lambda: None}, counts=counts)


@pytest.mark.parametrize(
    "format, capabilities, expected",
    [
        ("bf16", {"avx2": True}, ()),
        ("bf16", {"avx512_bf16": True, "amx_bf16": False}, ("AVX-512 BF16",)),
        ("bf16", {"avx512_bf16": True, "amx_bf16": True}, ("AMX bf16", "AVX-512 BF16")),
        ("fp16", {"f16c": True, "avx512_f": True}, ()),  # it only converts
        ("int8", {"i8mm": True, "dot": True}, ("I8MM", "DOT")),
        ("fp32", {"neon": True}, ("NEON",)),
    ],
)
def test_instructions_follow_from_what_the_processor_has(
    format, capabilities, expected
):
    assert precision.instructions(format, capabilities) == expected


def test_the_products_of_all_formats_are_near_the_exact_one():
    made = precision.linears(32, width=64)
    assert "fp32" in made
    bars = {"fp32": 1e-6, "bf16": 1e-2, "fp16": 1e-3, "int8": 3e-2}
    for name, error in precision.errors(made).items():
        assert error < bars[name]
    assert all(one().shape == (32, 64) for one in made.values())


def test_a_product_in_int8_is_exact_in_whole_numbers():
    one = precision.linears(3, width=16, formats=("int8",))["int8"]
    right = one.x.to(torch.int64) @ one.weight.to(torch.int64).t()
    assert torch.equal(one().to(torch.int64), right)


@pytest.mark.parametrize(
    "tokens, options, words",
    [
        (0, {}, "tokens=0"),
        (1.5, {}, "tokens=1.5"),
        (1, {"width": -1}, "width=-1"),
        (1, {"formats": ("fp8",)}, "format='fp8'"),
    ],
)
def test_sizes_and_formats_that_are_none_are_refused(tokens, options, words):
    with pytest.raises(ValueError, match=words):
        precision.linears(tokens, **options)


def test_an_unknown_format_has_no_instructions():
    with pytest.raises(ValueError, match="format='fp8'"):
        precision.instructions("fp8")


def test_errors_need_the_exact_numbers():
    made = precision.linears(2, width=16, formats=("bf16",))
    with pytest.raises(ValueError, match="no 'fp32'"):
        precision.errors(made)
