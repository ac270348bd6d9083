"""The grader's end of a warm process: start it, ask it, start it again if it died."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import llmlab
from llmlab.core.wall import Limits

START = """
import sys
sys.path[:] = sys.argv[5:]
from llmlab.grading import warm
warm.serve(*sys.argv[1:5])
"""
QUIET = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
    "LLMLAB_THREADS": "1", "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
    "MPLBACKEND": "agg", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8",
}  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """What a learner's process wrote, line by line, and how it ended."""

    messages: list[dict[str, Any]]
    ended: str  # exit, time, output, garbled: a line that was no message, lost
    status: int  # of the process; negative: the signal that ended it


class Worker:
    """A warm process; a context manager, so that none is left behind."""

    def __init__(self, words: Sequence[str], imports: str, limits: Limits):
        self.words, self.imports, self.limits = words, imports, limits
        self.missing: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Worker":
        self._start()
        return self

    def __exit__(self, *problem: Any) -> None:
        self._stop()

    def ask(
        self,
        word: str,
        exercise: str,
        learner_object: str,
        cells: Sequence[Sequence[str]],
        kinds: Sequence[Any],
    ) -> Reply:
        """Have an exercise answered; cells: (id, source) in their order."""
        request = {
            "word": word,
            "exercise": exercise,
            "object": learner_object,
            "cells": cells,
            "kinds": kinds,
            "limits": asdict(self.limits),
        }
        try:
            answer = self._exchange(request)
        except (BrokenPipeError, EOFError):  # somebody killed it, or memory ran out
            self._stop()
            self._start()
            return Reply([], "lost", -9)
        return _reply(answer)

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        assert process and process.stdin and process.stdout
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def _start(self) -> None:
        """Start the process; it says when it is warm, and what its kernel lacks."""
        package = Path(llmlab.__file__).parent
        self._scratch = tempfile.TemporaryDirectory(prefix="llmlab-grading-")
        place = str(Path(self._scratch.name).resolve())
        command = [sys.executable, "-I", "-c", START, place, str(package)]
        command += [" ".join(self.words), self.imports, *filter(None, sys.path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=place, env=QUIET | {"HOME": place},
        )  # fmt: skip
        assert self._process.stdout and self._process.stderr
        line = self._process.stdout.readline()
        if not line:
            said = self._process.stderr.read().decode(errors="replace").strip()
            last = said.splitlines()[-1] if said else "it said nothing"
            self._stop()
            raise OSError(f"the process that runs answers did not start: {last}")
        self.missing = json.loads(line)["ready"]

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            for stream in (
                self._process.stdin, self._process.stdout, self._process.stderr
            ):  # fmt: skip
                if stream is not None:
                    stream.close()
            self._process.wait()
        if self._scratch is not None:
            self._scratch.cleanup()


def _reply(answer: dict[str, Any]) -> Reply:
    messages: list[dict[str, Any]] = []
    for line in answer["text"].splitlines():
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            cut = answer["ended"] != "exit" or answer["status"] != 0
            ended = answer["ended"] if cut else "garbled"
            return Reply(messages, ended, answer["status"])
        messages.append(message)
    return Reply(messages, answer["ended"], answer["status"])
