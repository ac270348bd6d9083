"""What the end of a run says: what did not run, which labs did, where the time went.

A plugin of conftest.py. A run of `make test` is two, and tests/lanes.py says this once
for both: each writes its facts into a file (`--facts`), and adds no words of its own.
"""

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from notebooks import MOST_CPU_SECONDS, SOLUTIONS
from suite import SUITES

PARTS = ("notebook", "grading", "browser", "wheel", "slow")  # timed one by one
REST = "all the rest"
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
RAN = ("passed", "failed", "xfailed", "xpassed")
SLOWEST = 15
BENCHMARKS = "benchmarks (each run by hand, on an idle machine)"


def pytest_addoption(parser):
    """Add the option of tests/lanes.py."""
    group = parser.getgroup("llmlab")
    group.addoption("--facts", metavar="FILE", help="write the facts of the end there")


def pytest_configure(config):
    """Look at the clock."""
    config.begun = time.monotonic()


def pytest_sessionfinish(session):
    """Fail where nothing of an extra ran; tell the controller what a worker knows."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["llmlab"] = _known(config)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and _nothing_ran_of_an_extra(reporter):
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    """Take over what a worker knows: only workers collect tests."""
    for name, value in getattr(node, "workeroutput", {}).get("llmlab", {}).items():
        setattr(node.config, name, value)


def pytest_terminal_summary(terminalreporter):
    """Say it, or write it down for the command that runs two lanes."""
    config = terminalreporter.config
    if _nothing_ran_of_an_extra(terminalreporter):
        name = config.option.extra
        terminalreporter.section(f"nothing of the extra {name} ran: a failure")
    facts = facts_of(terminalreporter)
    if config.option.facts:
        Path(config.option.facts).write_text(json.dumps(facts), encoding="utf-8")
        return
    whole = config.args_source is config.ArgsSource.TESTPATHS
    sections = whole_end(facts) if whole and not config.option.lab else left_out(facts)
    for title, lines in sections.items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


def facts_of(terminalreporter):
    """Return what the end of a run reports, as JSON can hold it."""
    config, stats = terminalreporter.config, terminalreporter.stats
    reports = [one for name in RAN for one in stats.get(name, ())]
    phases = [one for many in stats.values() for one in many]
    phases = [one for one in phases if isinstance(one, pytest.TestReport)]
    seconds = Counter()
    for phase in phases:
        parts = [name for name in PARTS if name in phase.keywords]
        seconds[(*parts, REST)[0]] += phase.duration
    slowest = sorted(((p.duration, p.nodeid, p.when) for p in phases), reverse=True)
    failed = [one for name in ("failed", "error") for one in stats.get(name, ())]
    return _known(config) | {
        "ran": Counter(n for one in reports for n in SUITES if n in one.keywords),
        "executed": dict(map(_execution, filter(_execution, reports))),
        "seconds": seconds,
        "slowest": slowest[:SLOWEST],
        "outcomes": {name: len(stats[name]) for name in OUTCOMES if name in stats},
        "failed": [one.nodeid for one in failed],
        "wall": time.monotonic() - config.begun,
    }


def together(one, other):
    """Return the facts of two runs as those of one."""
    both = {name: one[name] | other[name] for name in ("due_labs", "executed")}
    for name in ("ran", "seconds", "outcomes"):
        both[name] = Counter(one[name]) + Counter(other[name])
    for name in ("known_suites", "left_out"):
        both[name] = Counter(one[name]) | Counter(other[name])
    both["slowest"] = sorted([*one["slowest"], *other["slowest"]], reverse=True)
    both["slowest"] = both["slowest"][:SLOWEST]
    both["failed"] = [*one["failed"], *other["failed"]]
    return both | {"wall": one["wall"] + other["wall"]}


def whole_end(facts):
    """Return the sections of the end of a whole run: title -> lines."""
    missing = [
        f"{name} ({count} tests)"
        for name, count in sorted(facts["known_suites"].items())
        if not facts["ran"].get(name)
    ]
    slowest = [
        f"{seconds:7.1f} s  {nodeid}{'' if when == 'call' else f' ({when})'}"
        for seconds, nodeid, when in facts["slowest"]
    ]
    return {
        "heavy suites that did not run": [", ".join([*missing, BENCHMARKS])],
        **left_out(facts),
        "labs": _labs(facts),
        "the slowest": slowest,
        "minutes": [_minutes(facts["seconds"])],
    }


def left_out(facts):
    """Return the section about tests that are for another time, if there are any."""
    lines = [f"{why} ({count} tests)" for why, count in facts["left_out"].items()]
    return {"left out": lines} if lines else {}


def _nothing_ran_of_an_extra(reporter):
    if not reporter.config.option.extra:
        return False
    return not any(reporter.stats.get(name) for name in RAN)


def _labs(facts):
    executed = [
        f"executed: {name}, {seconds} CPU seconds"
        f"{f', of at most {MOST_CPU_SECONDS}' if seconds > MOST_CPU_SECONDS else ''}"
        f" ({facts['due_labs'].get(name, 'by its name')})"
        for name, seconds in sorted(facts["executed"].items())
    ]
    rest = [p.stem for p in SOLUTIONS if p.stem not in facts["executed"]]
    return [*executed, f"not executed: {', '.join(rest) or 'none, all of them were'}"]


def _minutes(seconds):
    parts = [f"{name} {seconds[name] / 60:.1f}" for name in PARTS if name in seconds]
    return ", ".join([*parts, f"{REST} {seconds.get(REST, 0) / 60:.1f}"])


def _execution(report):
    """Return a notebook that a report says was executed, and its CPU seconds."""
    said = dict(report.user_properties)
    return (said["executed"], said["cpu_seconds"]) if "executed" in said else None


def _known(config):
    names = ("known_suites", "left_out", "due_labs")
    return {name: dict(getattr(config, name, {})) for name in names}
