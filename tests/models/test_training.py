"""Training learns, leaves the original alone, and survives a kill bit by bit."""

import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from llmlab import models
from llmlab.models import training

SCRIPT = """
import sys, time, torch
torch.set_num_threads(1)
torch.manual_seed(0)
from llmlab import models
from llmlab.models import training

def batch(step):
    if len(sys.argv) > 2:
        time.sleep(0.05)  # slow enough to be killed in the middle
    generator = torch.Generator().manual_seed(step)
    return torch.randint(512, (2, 17), generator=generator)

def optimizers(model):
    matrices = [p for p in model.layers.parameters() if p.dim() == 2]
    rest = [p for p in model.parameters() if all(p is not m for m in matrices)]
    return [torch.optim.Muon(matrices, lr=1e-3), torch.optim.AdamW(rest, lr=1e-3)]

training.train(
    models.random_model("tiny"), batch, steps=40, optimizers=optimizers,
    schedule=training.constant_then_decay(40, warmup=5, decay=10),
    folder=sys.argv[1], checkpoint_every=3, log_every=2,
)
"""


def adamw(model):
    return [torch.optim.AdamW(model.parameters(), lr=3e-3)]


def repeated(step):
    """A text that can be learnt: the same run of tokens at every step."""
    return (torch.arange(33) * 7 % 50).expand(4, 33)


def run(folder, *more) -> subprocess.Popen:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LLMLAB_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, str(folder), *more]
    return subprocess.Popen(command, env=environment)


def digest(folder) -> str:
    """Name everything in a checkpoint but the order of its header, which is chance."""
    tensors = load_file(Path(folder) / "training.safetensors")
    whole = hashlib.sha256()
    for name in sorted(tensors):
        whole.update(name.encode() + tensors[name].contiguous().numpy().tobytes())
    return whole.hexdigest()


def test_a_killed_training_goes_on_to_the_same_weights_bit_by_bit(tmp_path):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert run(whole).wait() == 0
    process = run(broken, "slowly")
    deadline = time.monotonic() + 120
    while not (broken / "training.safetensors").exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert digest(broken) != digest(whole)  # it really was in the middle
    assert run(broken).wait() == 0
    assert digest(broken) == digest(whole)
    logs = [_steps(folder / "log.jsonl") for folder in (whole, broken)]
    assert logs[0] == logs[1] == list(range(2, 41, 2))


def _steps(path) -> list[int]:
    return [json.loads(line)["step"] for line in path.read_text().splitlines()]


def test_training_learns_and_leaves_the_original_unchanged():
    model = models.random_model("tiny")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    trained = training.train(model, repeated, steps=30, optimizers=adamw, log_every=10)
    assert trained.log[-1]["loss"] < 0.5 * trained.log[0]["loss"]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
    own = {p.data_ptr() for p in model.parameters()}
    assert not own & {p.data_ptr() for p in trained.model.parameters()}
    assert not any(p.requires_grad for p in trained.model.parameters())
    tied = trained.model
    assert tied.head.weight is tied.embedding.weight


def test_what_is_done_after_each_step_holds_and_sees_the_copy():
    """As masks do: weights that were set to zero are zero after every step."""
    model, seen = models.random_model("tiny"), []

    def mask(copy):
        seen.append(copy)
        copy.layers[0].mlp.up.weight.data[::2] = 0.0

    trained = training.train(
        model, repeated, steps=4, optimizers=adamw, after_step=mask
    )
    assert len(seen) == 4 and {id(one) for one in seen} == {id(trained.model)}
    assert (trained.model.layers[0].mlp.up.weight[::2] == 0).all()
    assert (trained.model.layers[0].mlp.up.weight[1::2] != 0).any()
    assert (model.layers[0].mlp.up.weight[::2] != 0).any()


def test_training_can_pause_and_go_on(tmp_path):
    arguments = {"steps": 12, "optimizers": adamw, "checkpoint_every": 5}
    model = models.random_model("tiny")
    torch.manual_seed(0)
    whole = training.train(model, repeated, folder=tmp_path / "a", **arguments)
    training.train(model, repeated, folder=tmp_path / "b", stop_after=7, **arguments)
    rest = training.train(model, repeated, folder=tmp_path / "b", **arguments)
    for one, other in zip(
        whole.model.parameters(), rest.model.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_the_rate_rises_stays_and_falls():
    factor = training.constant_then_decay(100, warmup=10, decay=20, floor=0.1)
    values = [factor(step) for step in range(100)]
    assert values[:2] == [0.1, 0.2] and values[10:80] == [1.0] * 70
    assert values[80] == 1.0 and values[90] == pytest.approx(0.55)
    assert all(a > b for a, b in pairwise(values[80:]))


@pytest.mark.parametrize(("warmup", "decay"), [(-1, 0), (0, -1), (60, 50)])
def test_a_schedule_that_does_not_fit_is_refused(warmup, decay):
    with pytest.raises(ValueError, match=r"fit into steps=100|from 0 to"):
        training.constant_then_decay(100, warmup=warmup, decay=decay)


def test_a_loss_that_is_no_number_stops_the_training():
    model = models.random_model("tiny")
    with pytest.raises(FloatingPointError, match="loss is nan"):
        training.train(
            model,
            repeated,
            steps=2,
            optimizers=adamw,
            loss=lambda m, t: training.next_token_loss(m, t) * float("nan"),
        )


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    model = models.random_model("tiny")
    training.train(model, repeated, steps=1, optimizers=adamw, folder=tmp_path)
    other = models.random_model("S")
    with pytest.raises(ValueError, match="another model"):
        training.train(other, repeated, steps=2, optimizers=adamw, folder=tmp_path)


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "training.safetensors").write_bytes(b"not safetensors")
    model = models.random_model("tiny")
    with pytest.raises(ValueError, match="not a training checkpoint"):
        training.train(model, repeated, steps=1, optimizers=adamw, folder=tmp_path)


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path):
    model = models.random_model("tiny")
    training.train(model, repeated, steps=2, optimizers=adamw, folder=tmp_path)
    before = digest(tmp_path)
    limited = f"""
import resource, torch
from llmlab import models
from llmlab.models import training
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
training.train(
    models.random_model("tiny"), lambda s: torch.zeros(1, 9, dtype=torch.int64),
    steps=4, optimizers=lambda m: [torch.optim.AdamW(m.parameters())],
    folder={str(tmp_path)!r},
)
"""
    command = [sys.executable, "-c", limited]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode != 0 and "File too large" in result.stderr
    assert digest(tmp_path) == before
    assert not list(tmp_path.glob(".*")), "nothing half-written lies beside it"


FASTEST = """
import torch
from llmlab.models import training
print(training.fastest_autocast())
"""


def fastest_autocast(**environment) -> str:
    """Ask a process of its own, since each tries it once."""
    command = [sys.executable, "-c", FASTEST]
    environment = os.environ | environment
    return subprocess.check_output(command, env=environment, text=True).strip()


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="AVX2 is for x86-64"
)
def test_mixed_precision_is_not_offered_where_it_is_slow():
    """Without AVX-512 nothing multiplies bf16, and it takes ten times as long."""
    avx2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
    assert fastest_autocast(**avx2) == "None"


def test_mixed_precision_is_tried_once_and_leaves_no_trace():
    torch.manual_seed(0)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    with torch.inference_mode():  # it needs gradients all the same
        first = training.fastest_autocast()
        start = time.thread_time()
        again = [training.fastest_autocast(torch.device("cpu")) for _ in range(10)]
        assert time.thread_time() - start < 0.01
        assert torch.is_inference_mode_enabled()
    assert again == [first] * 10
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("autocast", ["fastest", None, torch.bfloat16])
def test_training_learns_in_each_dtype_and_names_it(autocast):
    trained = training.train(
        models.random_model("tiny"), repeated, steps=30, optimizers=adamw,
        autocast=autocast, log_every=10,
    )  # fmt: skip
    assert trained.log[-1]["loss"] < 0.5 * trained.log[0]["loss"]
    assert {p.dtype for p in trained.model.parameters()} == {torch.float32}
    fastest = training.fastest_autocast() if autocast == "fastest" else autocast
    name = "bf16" if fastest else "fp32"
    assert trained.dtype == name and {row["dtype"] for row in trained.log} == {name}
    facts = trained.records()
    assert [fact.details["step"] for fact in facts] == [10, 20, 30]
    assert {fact.details["dtype"] for fact in facts} == {name}
    assert facts[-1].value == trained.log[-1]["loss"]


def test_bf16_rounds_what_float32_does_not():
    """So a name that is right by accident would be found out."""
    forced = {
        autocast: training.train(
            models.random_model("tiny"), repeated, steps=3, optimizers=adamw,
            autocast=autocast, log_every=1,
        )
        for autocast in ("fastest", None, torch.bfloat16)
    }  # fmt: skip
    losses = {each: [row["loss"] for row in one.log] for each, one in forced.items()}
    assert losses[None] != losses[torch.bfloat16]
    assert losses["fastest"] == losses[training.fastest_autocast()]


def test_weights_of_other_dtypes_are_trained_in_their_own():
    model = models.random_model("tiny").double()
    trained = training.train(model, repeated, steps=1, optimizers=adamw)
    assert trained.dtype == "fp64"


@pytest.mark.parametrize("autocast", [None, torch.bfloat16])
def test_a_training_goes_on_in_the_dtype_that_it_began_in(tmp_path, autocast):
    """Whatever is fastest on the machine where it goes on."""
    arguments = {"optimizers": adamw, "steps": 8, "log_every": 2}
    model = models.random_model("tiny")
    whole = training.train(model, repeated, autocast=autocast, **arguments)
    arguments["folder"] = tmp_path
    training.train(model, repeated, autocast=autocast, stop_after=4, **arguments)
    rest = training.train(model, repeated, **arguments)
    assert rest.dtype == whole.dtype
    for one, other in zip(
        whole.model.parameters(), rest.model.parameters(), strict=True
    ):
        assert torch.equal(one, other)


def test_a_training_that_is_told_to_change_its_dtype_says_so(tmp_path):
    arguments = {"optimizers": adamw, "steps": 4, "log_every": 2, "folder": tmp_path}
    model = models.random_model("tiny")
    training.train(model, repeated, autocast=None, stop_after=2, **arguments)
    trained = training.train(model, repeated, autocast=torch.bfloat16, **arguments)
    assert [row["dtype"] for row in trained.log] == ["fp32", "bf16"]


@pytest.mark.parametrize("wrong", ["bf16", True, torch.int8])
def test_what_no_training_computes_in_is_refused(wrong):
    with pytest.raises(ValueError, match=f"autocast={wrong!r}.*fastest"):
        training.train(
            models.random_model("tiny"), repeated, steps=1, optimizers=adamw,
            autocast=wrong,
        )  # fmt: skip
