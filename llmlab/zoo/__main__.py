"""`python -m llmlab.zoo NAME`: train a bundled model anew, or go on training it."""

import argparse
import os
import sys
from pathlib import Path

from llmlab.core import machine

# A step takes and frees hundreds of megabytes. glibc hands such memory back to the
# system each time, and faulting it in again cost a third of the training's speed.
MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": str(2**33),
    "MALLOC_TRIM_THRESHOLD_": str(2**34),
    "MALLOC_TOP_PAD_": str(2**28),
}


def main(arguments: list[str] | None = None) -> int:
    """Train, publish, and say where the model stands."""
    options = _options(arguments)
    machine.set_threads()
    from llmlab.zoo import card, coder

    folder = options.folder or machine.cache_folder() / "zoo" / options.name
    plan = coder.Plan.of(options.tokens, decay_million=options.decay)
    model = coder.train(
        folder, plan, resume=options.resume, stop_after=options.stop_after
    )
    done = plan.steps if options.stop_after is None else options.stop_after
    print(f"trained {done} of {plan.steps} steps in {folder}")
    if options.keep:
        coder.keep(model, folder, options.keep, steps=done)
        print(f"written {options.keep}")
    if options.publish:
        card.publish(model, folder, options.publish, plan=plan)
        print(f"written {options.publish}")
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m llmlab.zoo", description=__doc__)
    parser.add_argument("name", choices=["coder"])
    parser.add_argument("--folder", type=Path, help="where the training stands")
    parser.add_argument(
        "--tokens",
        type=float,
        default=16.384,
        help="millions in all (default %(default)s)",
    )
    parser.add_argument(
        "--decay", type=float, default=4.9152, help="millions of them in the decay"
    )
    parser.add_argument(
        "--resume", type=Path, help="go on from kept weights: llmlab/zoo/resume/coder"
    )
    parser.add_argument(
        "--keep", type=Path, help="write weights of the constant phase there"
    )
    parser.add_argument("--stop-after", type=int, help="pause after this step")
    parser.add_argument("--publish", type=Path, help="write weights and card there")
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
