"""The verdict on an exercise, from what its process wrote and how that ended.

Whatever a process writes, points come only from values that were judged here. How it
ended tells apart what a teacher wants to know: wrong, too slow, dead, tampered with.
"""

import signal
from collections.abc import Callable

from llmlab.checks.feedback import Failure
from llmlab.grading import messages, seal
from llmlab.grading.assignments import Task
from llmlab.grading.marks import RIGHT, TAMPERED, Mark
from llmlab.grading.worker import Reply

SLOW = -int(signal.SIGXCPU)
Judge = Callable[[Reply], Failure | None]


def verdict(task: Task, reply: Reply, judge: Judge, cases: int) -> Mark:
    """Return the mark of a reply. judge: gives the failure of its outcomes, or None."""
    try:
        mark = _verdict(task, reply, judge, cases)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RuntimeError):
        return _tampered(task, "its answer is not what a check reads")
    tried = sorted({str(one["tried"]) for one in reply.messages if "tried" in one})
    if tried:
        return _tampered(task, f"tried {', '.join(tried)[:200]}")
    if any(seal.SEALED in line for line in mark.lines):
        return _tampered(task, "called the check's own answer")
    return mark


def _verdict(task: Task, reply: Reply, judge: Judge, cases: int) -> Mark:
    if reply.ended == "garbled":
        return _tampered(task, "wrote into the grader's pipe")
    ends = [one["end"] for one in reply.messages if "end" in one]
    if not ends:
        return _unfinished(task, reply)
    if len(ends) > 1:
        return _tampered(task, "wrote into the grader's pipe")
    changed = [name for one in reply.messages for name in one.get("changed", ())]
    if changed:
        return _tampered(task, f"replaced {', '.join(map(str, changed))[:200]}")
    stopped = [one["as"] for one in reply.messages if one.get("stopped") == task.name]
    if ends[0] == "todo":
        text = f"✗ Exercise {task.number} is not written yet."
        return Mark(task, "not written", (text,))
    if ends[0] == "missing":
        return _undefined(task, stopped)
    misnamed = [one["misnamed"] for one in reply.messages if "misnamed" in one]
    failure = messages.failure_of(misnamed[0]) if misnamed else judge(reply)
    if failure is None:
        return Mark(task, RIGHT, (f"✓ {task.name}: {cases} cases",))
    state = "wrong"
    if failure.error is not None:
        memory = messages.is_out_of_memory(failure.error)
        state = "out of memory" if memory else "crashed"
    return Mark(task, state, _lines(failure))


def _lines(failure: Failure) -> tuple[str, ...]:
    lines = str(failure).split("\n")
    where = getattr(failure.error, "line", "")
    if where:
        lines[-1] = lines[-1].replace("Hint: ", f"Hint: it stopped at `{where}`; ", 1)
    return tuple(lines)


def _undefined(task: Task, stopped: list) -> Mark:
    if not stopped:
        text = f"✗ {task.learner_object} is not defined in its cell."
        return Mark(task, "missing", (text,))
    name, text, _ = stopped[0]
    if name == "Todo":
        return Mark(task, "not written", (f"✗ {text.removeprefix('Todo: ')}",))
    return Mark(task, "crashed", (f"✗ the cell stopped: {text}",))


def _unfinished(task: Task, reply: Reply) -> Mark:
    """Say how a process ended that did not come to its end."""
    if reply.ended == "time" or reply.status == SLOW:
        text = "✗ it did not end in the time that an exercise has."
        return Mark(task, "too slow", (text,))
    if reply.ended == "output":
        return Mark(task, "dead", ("✗ its answer is too large to be read.",))
    text = "✗ its process ended before the check was through."
    return Mark(task, "dead", (text,))


def _tampered(task: Task, how: str) -> Mark:
    return Mark(task, TAMPERED, ("✗ not counted; your teacher looks at it.",), how)
