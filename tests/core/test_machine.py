"""The machine tells what this process may really use, and refuses what it has not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from llmlab.core import containers, machine


def groups(root: Path, files: dict[str, str], membership: str) -> dict[str, Path]:
    """Write a tree of control groups and what /proc/self/cgroup says of it."""
    for name, text in files.items():
        file = root / "mount" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    (root / "membership").write_text(membership)
    return {"mount": root / "mount", "membership": root / "membership"}


def test_threads_are_the_least_of_affinity_quota_and_wish(monkeypatch):
    monkeypatch.delenv("LLMLAB_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(containers, "cpu_quota", lambda: None)
    assert machine.threads() == 8
    monkeypatch.setattr(containers, "cpu_quota", lambda: 3.5)
    assert machine.threads() == 3
    monkeypatch.setattr(containers, "cpu_quota", lambda: 0.5)
    assert machine.threads() == 1
    monkeypatch.setattr(containers, "cpu_quota", lambda: 64.0)
    assert machine.threads() == 8
    monkeypatch.setenv("LLMLAB_THREADS", "2")
    assert machine.threads() == 2
    monkeypatch.setenv("LLMLAB_THREADS", "99")
    assert machine.threads() == 8


@pytest.mark.skipif(sys.platform != "linux", reason="affinity is Linux's")
def test_affinity_of_this_process_counts():
    code = "from llmlab.core import machine; print(machine.threads())"
    first = str(min(os.sched_getaffinity(0)))
    pinned = f"import os; os.sched_setaffinity(0, {{{first}}}); {code}"
    out = subprocess.run([sys.executable, "-c", pinned], capture_output=True, text=True)
    assert out.stdout.strip() == "1"


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_of_threads_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("LLMLAB_THREADS", wrong)
    with pytest.raises(ValueError, match=f"LLMLAB_THREADS='{wrong}'"):
        machine.threads()


def test_torch_gets_these_threads_once():
    count = machine.set_threads()
    before = torch.get_num_threads()
    try:
        assert machine.set_threads() == count
        torch.set_num_threads(1)
        machine.set_threads()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_quota_of_version_2_holds_anywhere_on_the_way_up(tmp_path):
    files = {"a/cpu.max": "max 100000", "a/b/cpu.max": "250000 100000"}
    files |= {"cpu.max": "400000 100000", "a/b/memory.max": "1000"}
    tree = groups(tmp_path, files, "0::/a/b\n")
    assert containers.cpu_quota(**tree) == 2.5
    assert containers.memory_limit(**tree) == 1000


def test_a_quota_of_version_1_is_read_from_its_controller(tmp_path):
    files = {
        "cpu,cpuacct/job/cpu.cfs_quota_us": "150000",
        "cpu,cpuacct/job/cpu.cfs_period_us": "100000",
        "cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "cpu,cpuacct/cpu.cfs_period_us": "100000",
        "memory/job/memory.limit_in_bytes": "2000",
    }
    membership = "5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n"
    tree = groups(tmp_path, files, membership)
    assert containers.cpu_quota(**tree) == 1.5
    assert containers.memory_limit(**tree) == 2000


def test_a_container_that_sees_only_its_root_group_still_finds_its_limit(tmp_path):
    tree = groups(tmp_path, {"cpu.max": "200000 100000"}, "0::/docker/1f3a\n")
    assert containers.cpu_quota(**tree) == 2.0


def test_without_control_groups_there_is_no_limit(tmp_path):
    nothing = {"mount": tmp_path / "no", "membership": tmp_path / "none"}
    assert containers.cpu_quota(**nothing) is None
    assert containers.memory_limit(**nothing) is None
    odd = groups(tmp_path, {"cpu.max": "max 100000"}, "what\n0::/\n")
    assert containers.cpu_quota(**odd) is None


def test_the_machine_is_described_in_one_line():
    here = machine.describe()
    assert here.threads == machine.threads()
    assert here.memory_bytes > 1e8
    assert here.torch == torch.__version__
    assert here.cpu in here.label
    assert "\n" not in here.label
    assert machine.describe() == here


def test_the_cpu_is_a_device():
    assert (
        machine.device() == machine.device(torch.device("cpu")) == torch.device("cpu")
    )


@pytest.mark.parametrize(
    "name", ["gpu", "mps", "cuda:", "cuda:x", "cpu ", "", "cuda:-1"]
)
def test_an_unknown_device_is_refused(name):
    if name == "cuda:" and torch.cuda.is_available():
        pytest.skip("an empty index means the first GPU")
    with pytest.raises(ValueError, match="device="):
        machine.device(name)


def test_a_gpu_that_is_not_here_is_refused():
    with pytest.raises(ValueError, match="use device='cpu'"):
        machine.device("cuda:99")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("fp32", torch.float32),
        ("float32", torch.float32),
        ("bf16", torch.bfloat16),
        ("bfloat16", torch.bfloat16),
        ("fp16", torch.float16),
        ("float64", torch.float64),
        (torch.bfloat16, torch.bfloat16),
    ],
)
def test_a_dtype_has_its_names(name, dtype):
    assert machine.dtype(name) is dtype
    assert machine.dtype(machine.dtype_name(dtype)) is dtype


@pytest.mark.parametrize("name", ["int8", "fp8", "", "Float32", torch.int8])
def test_an_unknown_dtype_is_refused(name):
    with pytest.raises(ValueError, match=r"fp32.*bf16|choose one of"):
        machine.dtype(name)


def test_the_time_dial_is_one_unless_set(monkeypatch):
    monkeypatch.delenv("LLMLAB_TIME", raising=False)
    assert machine.repetitions_scale() == 1.0
    monkeypatch.setenv("LLMLAB_TIME", "0.3")
    assert machine.repetitions_scale() == 0.3


@pytest.mark.parametrize("wrong", ["0", "-1", "nan", "inf", "fast"])
def test_a_wrong_time_dial_is_refused(monkeypatch, wrong):
    monkeypatch.setenv("LLMLAB_TIME", wrong)
    with pytest.raises(ValueError, match=f"LLMLAB_TIME='{wrong}'"):
        machine.repetitions_scale()


def test_folders_come_from_the_environment_or_a_default(monkeypatch, tmp_path):
    monkeypatch.setenv("LLMLAB_HOME", "~/course")
    assert machine.home() == Path.home() / "course"
    monkeypatch.setenv("LLMLAB_CACHE", str(tmp_path))
    assert machine.cache_folder() == tmp_path
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMLAB_HOME", "")
    assert machine.home() == tmp_path / ".llmlab"
    monkeypatch.delenv("LLMLAB_CACHE")
    assert machine.cache_folder().is_absolute()
    assert not machine.home().exists()
