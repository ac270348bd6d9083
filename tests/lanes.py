"""Run the tests in two lanes: all that can share the machine, then what wants it alone.

    python tests/lanes.py [options of tests/suite.py] [options of pytest]

The first lane runs two tests at a time, each on one thread; the second, what takes
times or memory (marker `alone`), one after the other on two threads. `make test` is
this command. Its exit status is good if that of both lanes is, and its end says once
for both what ran, what did not, and what failed.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parent
DIAL = "0.3"  # fewer repetitions, nothing else
GOOD, INTERRUPTED, USAGE, NONE = 0, 2, 4, 5  # pytest's
ONE_THREAD = {"LLMLAB_THREADS": "1", "OMP_NUM_THREADS": "1"}
TWO_THREADS = {"LLMLAB_THREADS": "2"}
TWO_AT_A_TIME = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
# What stands before the words that were given may be changed by them.
LANES = {"together": (TWO_AT_A_TIME, []), "alone": ([], ["-n", "0"])}
THREADS = {"together": ONE_THREAD, "alone": TWO_THREADS}


def main(arguments: list[str]) -> int:
    """Run both lanes and say how it went; return the exit status."""
    words, environment = prepared(arguments)
    begun, done, facts = time.monotonic(), {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for lane in LANES:
            file = Path(folder) / f"{lane}.json"
            done[lane] = run(lane, [f"--facts={file}", *words], environment)
            if file.exists():
                facts[lane] = json.loads(file.read_text(encoding="utf-8"))
            if done[lane] in (INTERRUPTED, USAGE):
                break
    tell(done, facts, words, time.monotonic() - begun)
    return status(done)


def prepared(arguments: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the words for pytest, one seed among them, and the environment."""
    environment = dict(os.environ)
    if "--everything" in arguments:
        environment.setdefault("LLMLAB_EXAMPLES", "thorough")  # of Hypothesis
    else:
        environment.setdefault("LLMLAB_TIME", DIAL)
    seeded = any("randomly" in word for word in arguments)
    seed = [] if seeded else [f"--randomly-seed={random.randrange(2**32)}"]
    return [*seed, *arguments], environment


def run(lane: str, words: list[str], environment: dict[str, str]) -> int:
    """Run one lane; a stop by Ctrl-C is waited for, so that pytest can tell."""
    before, behind = LANES[lane]
    command = [sys.executable, "-m", "pytest", f"--lane={lane}"]
    command += [*before, *words, *behind]
    print(f"lane {lane}: pytest {' '.join(command[3:])}", flush=True)
    with subprocess.Popen(command, env=environment | THREADS[lane]) as process:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return process.wait()
        finally:
            signal.signal(signal.SIGINT, handler)


def status(done: dict[str, int]) -> int:
    """Return the first bad status; NONE only where no lane had a test."""
    bad = [one for one in done.values() if one not in (GOOD, NONE)]
    if bad:
        return bad[0]
    return NONE if set(done.values()) == {NONE} else GOOD


def tell(done, facts, words, seconds) -> None:
    """Print the end of both lanes, as one."""
    sys.path[:0] = [str(TESTS), str(TESTS.parent / "solutions")]
    import summary

    both = None
    for one in facts.values():
        both = one if both is None else summary.together(both, one)
    chosen = any(not word.startswith("-") for word in words)
    sections = {}
    if both:
        sections = summary.left_out(both) if chosen else summary.whole_end(both)
        sections["both lanes"] = _outcomes(both)
    lines = sections.setdefault("both lanes", [])
    for lane, code in done.items():
        minutes = f"{facts[lane]['wall'] / 60:.1f} minutes" if lane in facts else "?"
        left = "" if lane in facts else "; it ended before it could say what it did"
        lines.append(f"lane {lane}: status {code}, {minutes}{left}")
    lines += [f"lane {lane}: did not run" for lane in LANES if lane not in done]
    lines.append(f"together {seconds / 60:.1f} minutes; {' '.join(words)}")
    for title, text in sections.items():
        print(f" {title} ".center(80, "="), *text, sep="\n", flush=True)


def _outcomes(facts) -> list[str]:
    failed = [f"FAILED {nodeid}" for nodeid in facts["failed"]]
    counts = [f"{count} {name}" for name, count in facts["outcomes"].items()]
    return [*failed, ", ".join(counts) or "no test was run"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
