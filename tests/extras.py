"""Which extras have a suite of tests, and whose turn it is.

    python tests/extras.py          all of them, one a line
    python tests/extras.py --turn   the one that .ci/run installs and runs this time

An extra of pyproject.toml has a suite when it is also a marker and test files carry it.
Those that `make test` installs anyway are left out. Nothing has to be written here for
a new one.
"""

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

TESTS = Path(__file__).resolve().parent


def suites() -> list[str]:
    """Return the extras that have a suite."""
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())
    markers = project["tool"]["pytest"]["ini_options"]["markers"]
    named = {line.partition(":")[0] for line in markers}
    extras = named & project["project"]["optional-dependencies"].keys()
    makefile = (TESTS.parent / "Makefile").read_text()
    (installed,) = re.findall(r"^TEST_EXTRAS := (.+)$", makefile, re.MULTILINE)
    files = [path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py")]
    marks = {name for text in files for name in re.findall(r"\bmark\.(\w+)", text)}
    return sorted((extras & marks) - {*installed.split(",")})


def by_turn(names: Sequence[str], turn: int) -> list[str]:
    """Return the one whose turn it is, none where there is none."""
    return [names[turn % len(names)]] if names else []


def main(words: list[str]) -> int:
    """Print them, or the one whose turn it is."""
    names = suites()
    if words == ["--turn"]:
        sys.path.append(str(TESTS.parent / "solutions"))
        import rotation

        names = by_turn(names, rotation.turn())
    elif words:
        print(f"extras.py: {words[0]!r} is no option; --turn is.", file=sys.stderr)
        return 2
    print(*names, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
