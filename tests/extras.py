"""Which extras have a suite of tests, what they want installed, and whose turn it is.

    python tests/extras.py            all that have a suite, one a line
    python tests/extras.py --turn     the one that .ci/run installs and runs this time
    python tests/extras.py --install NAME   install what that extra's suite needs

An extra of pyproject.toml has a suite when it is also a marker and test files carry it.
Those that `make test` installs anyway are left out. Nothing has to be written here for
a new one. What must come without the things it depends on is listed in pyproject.toml
as well, under `tool.llmlab.without-dependencies`.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install")


def suites() -> list[str]:
    """Return the extras that have a suite."""
    markers = project()["tool"]["pytest"]["ini_options"]["markers"]
    named = {line.partition(":")[0] for line in markers}
    files = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    marks = {name for text in files for name in re.findall(r"\bmark\.(\w+)", text)}
    return sorted((named & known() & marks) - {*always()})


def by_turn(names: Sequence[str], turn: int) -> list[str]:
    """Return the one whose turn it is, none where there is none."""
    return [names[turn % len(names)]] if names else []


def project() -> dict[str, Any]:
    """Return what pyproject.toml says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def known() -> set[str]:
    """Return the names of all extras."""
    return {*project()["project"]["optional-dependencies"]}


def always() -> list[str]:
    """Return the extras that `make test` installs."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (installed,) = re.findall(r"^TEST_EXTRAS := (.+)$", makefile, re.MULTILINE)
    return installed.split(",")


def without_dependencies(name: str) -> list[str]:
    """Return the packages that an extra wants without what they depend on."""
    return project()["tool"]["llmlab"]["without-dependencies"].get(name, [])


def installs(name: str) -> list[tuple[str, ...]]:
    """Return the calls of pip that install what an extra's suite needs."""
    extras = ",".join([*always(), name])
    constrained = (*PIP, "--constraint", "constraints.txt")
    calls = [(*constrained, "--editable", f".[{extras}]")]
    if packages := without_dependencies(name):
        calls.append((*constrained, "--no-deps", *packages))
    return calls


def install(name: str) -> int:
    """Install it; say in a sentence what could not be had."""
    if name not in known():
        print(f"{name!r} is no extra; these are: {', '.join(sorted(known()))}.")
        return 2
    for call in installs(name):
        status = subprocess.run(call, cwd=ROOT).returncode
        if status != 0:
            print(
                f"What the suite of {name} needs could not be installed (pip says "
                f"above why: often the network), so it did not run: {' '.join(call)}"
            )
            return status
    return 0


def main(words: list[str]) -> int:
    """Print them, or the one whose turn it is, or install one."""
    match words:
        case []:
            print(*suites(), sep="\n")
        case ["--turn"]:
            sys.path.append(str(ROOT / "solutions"))
            import rotation

            print(*by_turn(suites(), rotation.turn()), sep="\n")
        case ["--install", name]:
            return install(name)
        case _:
            print(f"extras.py: {' '.join(words)!r} is none of the three lines above.")
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
