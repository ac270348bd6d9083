"""The warm process: all is imported once, and each exercise is answered by a fork.

It runs in an interpreter of its own, reads one request a line and writes one reply a
line. No learner's code runs in it, so nothing of one exercise reaches another. It holds
no right answer and no submission but the one that is asked about.
"""

import contextlib
import gc
import importlib
import json
import os
import selectors
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from llmlab.core.wall import Limits, Wall
from llmlab.grading import answering, seal
from llmlab.grading.answering import Asked

PATIENCE = 9  # times the seconds by the clock that a process gets which did not run
Prepared = tuple[Asked, list[FunctionType]]  # and what is emptied besides


def serve(scratch: str, package: str, words: str, imports: str) -> None:
    """Answer requests until the input ends.

    scratch: an empty folder; package: llmlab's; words: of the labs, with spaces;
    imports: lines that the labs begin with, run once here.
    """
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _silence()
    wall = Wall.build(Path(scratch), Path(package))
    with contextlib.suppress(Exception):  # a lab says itself what it lacks
        exec(imports, {})
    _warm()
    prepared = _prepare(words.split())
    gc.collect()
    gc.freeze()
    _reply(replies, {"ready": wall.missing()})
    for line in requests:
        request = json.loads(line)
        one = prepared[request["word"], request["exercise"]]
        _reply(replies, _run(request, one, wall, Path(scratch)))


def _reply(replies: Any, message: Mapping[str, Any]) -> None:
    replies.write(json.dumps(message).encode() + b"\n")
    replies.flush()


def _silence() -> None:
    """Let nothing that is printed here reach anybody, nor anything be read."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for place in (0, 1, 2):
        os.dup2(nothing, place)
    os.close(nothing)


def _warm() -> None:
    import torch

    sys.dont_write_bytecode = True  # a submission imports, and may write nowhere
    torch.set_num_threads(1)  # threads do not live through a fork
    torch.zeros(2) @ torch.zeros(2)


def _prepare(words: list[str]) -> dict[tuple[str, str], Prepared]:
    """Make the cases of all exercises, and empty here what none of them needs."""
    questions, needs = {}, {}
    given: dict[int, FunctionType] = {}
    for word in words:
        room = importlib.import_module(f"llmlab.checks.{word}")
        for name, exercise in room.EXERCISES.items():
            cases = [*exercise.cases()]
            for one in cases:
                one.build()  # what is made once and kept is made here
            questions[word, name] = answering.asked_of(exercise, cases)
            needs[word, name] = seal.needed(exercise, cases)
            given |= seal.answers(exercise)
    every = given | seal.known()
    shared = {mark for some in needs.values() for mark in some}
    seal.empty(one for mark, one in every.items() if mark not in shared)
    kept = {mark: one for mark, one in every.items() if mark in shared}
    return {
        key: (asked, [one for mark, one in kept.items() if mark not in needs[key]])
        for key, asked in questions.items()
    }


def _run(
    request: Mapping[str, Any], prepared: Prepared, wall: Wall, scratch: Path
) -> dict[str, Any]:
    """Answer one exercise in a fork; say what it wrote and how it ended."""
    limits = Limits(**request["limits"])
    home = scratch / "home"
    home.mkdir()
    reads, writes = os.pipe()
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        _child(request, prepared, wall, limits, home, writes)
    os.close(writes)
    try:
        content, ended = _collect(reads, child, start + limits.seconds, limits)
    finally:
        os.close(reads)
        status = _end(child)
        shutil.rmtree(home, ignore_errors=True)
    text = content.decode("ascii", errors="replace")
    return {"text": text, "ended": ended, "status": status}


def _child(
    request: Mapping[str, Any],
    prepared: Prepared,
    wall: Wall,
    limits: Limits,
    home: Path,
    writes: int,
) -> None:
    """Answer and end, whatever happens; never return into the warm process."""
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        place = 3 if wall.rules != 3 else 4
        os.dup2(writes, place)
        _close_all_but({place, wall.rules})
        os.chdir(home)
        os.environ.clear()
        os.environ |= {"HOME": str(home), "TMPDIR": str(home), "PATH": ""}
        os.environ |= {"LLMLAB_HOME": str(home), "HF_HUB_OFFLINE": "1"}
        asked, unneeded = prepared
        asked = answering.with_kinds(asked, request["kinds"])
        seal.empty(unneeded)
        send = answering.sender(place)
        seal.refuse(home, lambda event: send({"tried": event}))
        wall.enter(limits)
        word, cells, name = (request[key] for key in ("word", "cells", "object"))
        answering.answer(asked, word, cells, name, send)
    finally:
        os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    start = 3
    for place in sorted(one for one in kept if one >= start):
        os.closerange(start, place)
        start = place + 1
    os.closerange(start, 4096)


def _collect(reads: int, child: int, end: float, limits: Limits) -> tuple[bytes, str]:
    """Read until the child has ended, or had its time or said too much."""
    content = bytearray()
    os.set_blocking(reads, False)
    with selectors.DefaultSelector() as selector:
        selector.register(reads, selectors.EVENT_READ)
        while True:
            over = time.monotonic() - end
            if over > 0 and (over > PATIENCE * limits.seconds or not _waits(child)):
                return bytes(content), "time"
            if selector.select(1.0):
                piece = os.read(reads, 1 << 20)
                if not piece:
                    return bytes(content), "exit"
                content += piece
                if len(content) > limits.answer_bytes:
                    return bytes(content[: limits.answer_bytes]), "output"
            elif _is_over(child):  # a process that it left holds the pipe
                return bytes(content), "exit"


def _waits(child: int) -> bool:
    """Say whether a process would run if the processor were free: a busy grader."""
    try:
        return (
            Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0] == "R"
        )
    except OSError:
        return False


def _is_over(child: int) -> bool:
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, child, options) is not None


def _end(child: int) -> int:
    """End the child and all that it started; return its exit status, -9 if killed."""
    if not _is_over(child):
        time.sleep(0.002)  # an end of the pipe comes a moment before that of a process
    for group in (True, False):
        with contextlib.suppress(OSError):
            (os.killpg if group else os.kill)(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    while True:  # orphans come to this process, where the kernel can do that
        with contextlib.suppress(OSError):
            place = f"/proc/self/task/{os.getpid()}/children"
            for other in Path(place).read_text().split():
                os.kill(int(other), signal.SIGKILL)
        try:
            if os.waitpid(-1, 0)[0] == 0:
                return status
        except ChildProcessError:
            return status
