"""`python -m llmlab.zoo NAME`: train a bundled model anew, or go on training it."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from llmlab.core import machine

RECIPES = {  # name of the model -> modules of its recipe and of its card
    "coder": ("coder", "coder_card"),
    "coder-small": ("coder", "coder_card"),
    "coder-rnn": ("coder", "coder_card"),
    "coder-distilled": ("coder_distilled", "coder_distilled_card"),
    "translator": ("translator", "translator_card"),
    "classifier": ("classifier", "classifier_card"),
}

# A step takes and frees hundreds of megabytes. glibc hands such memory back to the
# system each time, and faulting it in again cost a third of the training's speed.
MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**33),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_TOP_PAD_": str(2**28),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the recipe of one model: train it, and publish it if asked."""
    options = _options(arguments)
    machine.set_threads()
    options.folder = options.folder or machine.cache_folder() / "zoo" / options.name
    run(options)
    return 0


def run(options: argparse.Namespace) -> None:
    """Train the model of these options, and publish it with its card if asked."""
    _, card = RECIPES[options.name]
    options.recipe.run(options, card=importlib.import_module(f"llmlab.zoo.{card}"))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m llmlab.zoo", description=__doc__)
    names = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    for name, (module, _) in RECIPES.items():
        recipe = importlib.import_module(f"llmlab.zoo.{module}")
        subparser = names.add_parser(name, help=recipe.__doc__.partition("\n")[0])
        subparser.add_argument("--folder", type=Path, help="where the training stands")
        subparser.add_argument(
            "--publish", type=Path, help="write weights and card there"
        )
        subparser.add_argument("--stop-after", type=int, help="pause after this step")
        recipe.add_arguments(subparser)
        subparser.set_defaults(recipe=recipe)
    return parser.parse_args(arguments)


def _with_memory_kept() -> None:
    """Start again with glibc told to keep its memory; other systems ignore it."""
    if sys.platform == "linux" and "MALLOC_TOP_PAD_" not in os.environ:
        command = [sys.executable, "-m", "llmlab.zoo", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | MEMORY)


if __name__ == "__main__":
    _with_memory_kept()
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print(
            "stopped; the same command goes on from the last checkpoint.",
            file=sys.stderr,
        )
        sys.exit(130)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"llmlab.zoo: {error}", file=sys.stderr)
        sys.exit(1)
