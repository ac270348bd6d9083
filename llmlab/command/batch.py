"""`llmlab batch`: answer a file of prompts, in the form of OpenAI's batch API.

Every answer goes to the output as it ends. Run again after an interruption, it goes on
where it stopped: what is answered already is not asked again.
"""

import argparse
import contextlib
import json
import os
from pathlib import Path

from llmlab.command import writing
from llmlab.core import progress

# What an answer depends on, beside its line.
DECIDES = ("model", "dtype", "max_tokens", "temperature", "top_p", "seed")


def run(options: argparse.Namespace) -> int:
    """Answer what is not answered yet; 1 where some request could not be."""
    from filelock import FileLock, Timeout

    from llmlab.batching import files

    source, target = Path(options.input), Path(options.output)
    if source.resolve() == target.resolve():
        raise ValueError(
            f"--output {target} is the input as well; choose another file for answers."
        )
    by = {name: getattr(options, name) for name in DECIDES}
    asked = files.read(source, by=json.dumps(by))
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(
            f"--output {target} is being written by another run; wait for its end, or "
            "choose another file."
        ) from None
    try:
        failed = _answer(options, asked, target)
    finally:
        lock.release()
        with contextlib.suppress(OSError):
            os.unlink(lock.lock_file)
    return 1 if failed else 0


def _answer(options: argparse.Namespace, asked: list, target: Path) -> int:
    """Answer the requests that are left; return how many gave an error."""
    from llmlab.batching import files

    done = files.answered(target, asked)
    left = [one for one in asked if one.name not in done]
    if not left:
        print(f"All {len(asked)} requests are answered in {target}.")
        return 0
    model, _ = writing.model_and_sampling(options)

    from llmlab.batching import Engine, answering

    defaults = answering.Defaults(
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        seed=options.seed,
    )
    engine = Engine(model, max_running=options.max_running)
    failed = 0
    ahead = 2 * options.max_running
    with progress.task("requests", len(asked)) as step:
        step(len(done))
        for line in answering.serve(engine, left, defaults, ahead=ahead):
            files.append(target, line)
            failed += line["error"] is not None
            step()
    kept = f", {len(done)} of them before" if done else ""
    wrong = f"; {failed} could not be, their lines say why" if failed else ""
    print(f"{len(asked) - failed} requests are answered in {target}{kept}{wrong}.")
    return failed
