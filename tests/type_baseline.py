"""Check the types of llmlab: `python tests/type_baseline.py`, a part of `make lint`.

A room that stands in type_baseline.json may have as many errors as it says, any other
room none. Fewer than it says fails too, until `--lower` has written the new number, so
that what was mended stays mended. The number never rises.
"""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
BASELINE = ROOT / "tests" / "type_baseline.json"


def errors() -> list[str]:
    """Return what mypy finds in llmlab, a line for each error."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", "--hide-error-context"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if done.returncode > 1 or done.stderr:
        raise SystemExit(f"mypy could not run:\n{done.stdout}{done.stderr}")
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def room(line: str) -> str:
    """Return the room of an error: "llmlab/zoo/coder_card.py:3: …" is in "zoo"."""
    return Path(line.partition(":")[0]).with_suffix("").parts[1]


def complaints(found: list[str], allowed: dict[str, int]) -> list[str]:
    """Return what is wrong with the numbers of errors, nothing where all is well."""
    counts = Counter(map(room, found))
    told = []
    for name in sorted({*counts, *allowed}):
        most = allowed.get(name, 0)
        if counts[name] > most:
            told += [line for line in found if room(line) == name]
            told.append(f"{name}: {counts[name]} errors of types, {most} are allowed.")
        if counts[name] < most:
            told.append(
                f"{name}: {counts[name]} errors of types and no longer {most}; keep it "
                "so: python tests/type_baseline.py --lower"
            )
    return told


def lowered(found: list[str], allowed: dict[str, int]) -> dict[str, int]:
    """Return the baseline with each number as low as it is now; none rises."""
    counts = Counter(map(room, found))
    least = {name: min(most, counts[name]) for name, most in allowed.items()}
    return {name: number for name, number in sorted(least.items()) if number}


def main(arguments: list[str]) -> int:
    found, allowed = errors(), json.loads(BASELINE.read_text())
    if "--lower" in arguments:
        allowed = lowered(found, allowed)
        BASELINE.write_text(json.dumps(allowed, indent=1) + "\n")
    told = complaints(found, allowed)
    print("\n".join(told) or f"Types: {sum(allowed.values())} errors left, none new.")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
