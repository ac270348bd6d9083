"""What somebody may try in an answer instead of solving the exercise `percentile`.

Each is the source of its cell. None of them computes a percentile by itself.
"""

PLAIN = "def percentile(samples, share):\n    return 0.0\n"

PATCHED_VALUES = f"""
from llmlab.checks import mistakes, values
values.alike = mistakes._alike = mistakes.is_right = lambda *a: True
{PLAIN}
"""

PATCHED_TORCH = f"""
import torch
torch.equal = torch.allclose = torch.Tensor.__eq__ = lambda *a, **k: True
{PLAIN}
"""

PATCHED_BUILTINS = f"""
import builtins
builtins.abs = lambda one: 0.0
{PLAIN}
"""

FRAMES = """
import sys
def percentile(samples, share):
    frame = sys._getframe(1)
    while frame:
        for name in ("right", "expected", "answers"):
            one = frame.f_locals.get(name)
            if isinstance(one, tuple) and one:
                return one[0]
        frame = frame.f_back
    return 0.0
"""

QUESTION = """
import sys
def percentile(samples, share):
    frame = sys._getframe(1)
    while frame:
        if "exercise" in frame.f_locals:
            exercise = frame.f_locals["exercise"]
            return exercise.questions[0].right[0]
        frame = frame.f_back
    return 0.0
"""

REFERENCE = 'percentile = check.EXERCISES["percentile"].right\n'

WRAPPED_REFERENCE = """
def percentile(samples, share):
    return check.EXERCISES["percentile"].right(samples, share)
"""

MISTAKES = """
def percentile(samples, share):
    for mistake in check.EXERCISES["percentile"].mistakes.values():
        return mistake(samples, share)
"""

MODULES = """
import sys
def percentile(samples, share):
    module = sys.modules["llmlab.checks.measure.percentile"]
    return module.percentile(samples, share)
"""

RELOADED = """
import importlib, sys
module = importlib.reload(sys.modules["llmlab.checks.measure.percentile"])
percentile = module.EXERCISE.right
"""

READ_CHECK = """
import pathlib, llmlab
place = pathlib.Path(llmlab.__file__).parent / "checks" / "measure" / "percentile.py"
space = {}
exec(compile(place.read_text(), "x", "exec"), space)
percentile = space["EXERCISE"].right
"""

READ_SOLUTION = """
import json, pathlib, llmlab
place = pathlib.Path(llmlab.__file__).parent.parent / "solutions" / "01_measure.ipynb"
for cell in json.loads(place.read_text())["cells"]:
    if cell.get("id") == "percentile":
        exec("".join(cell["source"]))
"""

GARBAGE = """
import gc
for one in gc.get_objects():
    if getattr(one, "name", None) == "percentile" and hasattr(one, "right"):
        percentile = one.right
"""

PIPE = f"""
import json, os
for place in range(3, 40):
    try:
        os.write(place, json.dumps({{"end": "done"}}).encode() + b"\\n")
    except OSError:
        pass
{PLAIN}
"""

PIPE_AND_DEATH = """
import json, os
for place in range(3, 40):
    try:
        for _ in range(12):
            line = {"outcome": {"values": [["float", 22.0]], "nothing": False}}
            os.write(place, json.dumps(line).encode() + b"\\n")
        os.write(place, json.dumps({"end": "done"}).encode() + b"\\n")
    except OSError:
        pass
os._exit(0)
"""

RUBBISH = f"""
import os
for place in range(3, 40):
    try:
        os.write(place, b"[[[" * 1000 + b"\\n\\xff\\x00\\n")
    except OSError:
        pass
{PLAIN}
"""

KILL = f"""
import os
os.kill(os.getppid(), 9)
{PLAIN}
"""

KILL_BY_C = f"""
import ctypes, os
ctypes.CDLL(None).kill(os.getppid(), 9)
{PLAIN}
"""

FORKS = f"""
import ctypes
while ctypes.CDLL(None).fork() >= 0:
    pass
{PLAIN}
"""

THREAD = f"""
import threading
threading.Thread(target=lambda: None).start()
{PLAIN}
"""

PROGRAM = f"""
import subprocess
subprocess.run(["true"])
{PLAIN}
"""

NETWORK = f"""
import socket
socket.create_connection(("192.0.2.1", 80), timeout=2)
{PLAIN}
"""

STUBBORN = """
import signal
signal.signal(signal.SIGXCPU, signal.SIG_IGN)
def percentile(samples, share):
    while True:
        pass
"""

EXIT = """
import atexit
atexit.register(print, "over")
def percentile(samples, share):
    raise KeyboardInterrupt
"""

EVERYTHING_EQUAL = """
class Yes(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    __hash__ = None
def percentile(samples, share):
    return Yes(1.0)
"""

ALL = {
    name.lower(): source
    for name, source in globals().items()
    if name.isupper() and name != "PLAIN"
}
# These run to their end: nothing that they try bears on the verdict, so they are wrong.
HARMLESS = (
    "frames", "question", "everything_equal", "kill_by_c", "pipe_and_death", "forks",
)  # fmt: skip
