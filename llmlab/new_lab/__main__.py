"""`python -m llmlab.new_lab WORD --folder solutions`."""

import argparse
import sys
from pathlib import Path

from llmlab.new_lab.skeleton import make


def main(arguments: list[str] | None = None) -> int:
    """Make the skeleton and print what is left to do; 1 where nothing was made."""
    parser = argparse.ArgumentParser(
        prog="python -m llmlab.new_lab",
        description="Make the skeleton of a lab. Nothing that exists is changed, but "
        "for a line in the lists of rooms and a part of docs/teaching.md.",
        epilog="example: python -m llmlab.new_lab caching --folder solutions",
    )
    parser.add_argument("word", metavar="WORD", help="the lab's word, such as caching")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("solutions"),
        help="where solutions stand in a checkout (default: solutions)",
    )
    options = parser.parse_args(arguments)
    try:
        print(make(options.word, options.folder))
    except (ValueError, OSError) as error:
        print(f"new_lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
