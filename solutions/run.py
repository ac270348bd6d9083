"""Execute one lab's solution, keep what its cells show, and cut the labs again.

    python solutions/run.py quantization
    python solutions/run.py quantization --anew   new outputs in any case

The kernel is a learner's on a fresh machine: its journal and cache are empty, and it
reaches this machine only. The file is replaced when every cell has run, and not
otherwise. Outputs that say what they said, numbers aside, stay as they are. The hash of
all that was executed goes into the file (`inputs`), so that `make test` need not run it
again. Figures come from the machine that runs this: let it be idle.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import cut
import inputs
import nbformat
import outputs
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError

ROOT = cut.HERE.parent
# What a kernel imports: the refusal of the network, and the package beside this file.
PATHS = [str(ROOT / "tests" / "offline"), str(ROOT)]
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
MOST_SECONDS = 1800  # of one cell: a kernel that hangs must come to an end


def by_word() -> dict[str, list[Path]]:
    """Return the solutions of each word: "quantization" -> [04_quantization.ipynb]."""
    words: dict[str, list[Path]] = {}
    for path in sorted(cut.HERE.glob("[0-9]*_*.ipynb")):
        words.setdefault(path.stem.split("_", 1)[1], []).append(path)
    return words


def environment(folder: Path) -> dict[str, str]:
    """Return a kernel's environment: offline, with journal and cache in a folder."""
    paths = [*PATHS, os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        **dict.fromkeys(OFFLINE, "1"),
        "LLMLAB_SKIP_GUESSES": "1",  # they are the learner's and stay open
        "LLMLAB_QUIET": "1",  # bars of progress would stay in the file
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "LLMLAB_HOME": str(folder / "home"),
        "LLMLAB_CACHE": str(folder / "cache"),
    }


def execute(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of a run; kernelspec and language stay.

    RuntimeError: a cell raised, took too long, or its kernel died.
    """
    executed, begun = _bare(solution), []
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            executed,
            timeout=MOST_SECONDS,
            kernel_name="python3",
            record_timing=False,
            on_cell_start=lambda cell, cell_index: begun.append(cell.id),
        )
        try:
            client.execute(env=environment(Path(folder)), cwd=folder)
        except (CellControlSignal, DeadKernelError) as error:
            place = f"cell {begun[-1]!r}" if begun else "its kernel"
            raise RuntimeError(f"{place} stopped\n{error}") from error
    for key in ("kernelspec", "language_info"):  # a kernel names its exact version
        executed.metadata.pop(key, None)
        if key in solution.metadata:
            executed.metadata[key] = solution.metadata[key]
    return executed


def _bare(solution: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy without outputs: nothing of an older run may stay."""
    copy = nbformat.from_dict(solution)
    copy.metadata.pop("widgets", None)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return copy


def renewed(path: Path, *, anew: bool) -> nbformat.NotebookNode:
    """Execute a solution's file; return it with outputs and the hash of its inputs.

    The outputs that stand there stay if they say the same, unless all are to be new.
    RuntimeError: as `execute`.
    """
    solution = cut.read(path)
    _, _, word = path.stem.partition("_")
    executed_with = inputs.fingerprint(solution, word)
    executed = execute(solution)
    if not anew and outputs.agree(solution, executed):
        executed = solution
    executed.metadata["llmlab"] = {"inputs": executed_with}
    return executed


def main(words: list[str]) -> int:
    """Run the solutions of one word, then cut all labs; 1 where that failed."""
    known, anew = by_word(), "--anew" in words
    words = [word for word in words if word != "--anew"]
    if len(words) != 1 or words[0] not in known:
        said = repr(" ".join(words)) if words else "no word"
        print(
            f"run.py: {said} is no word of a lab that has a solution; choose one of "
            f"{', '.join(known)}.",
            file=sys.stderr,
        )
        return 2
    try:
        for path in known[words[0]]:
            _run(path, anew=anew)
    except (RuntimeError, ValueError, OSError) as error:
        print(f"run.py: {path.name} stays as it was: {error}", file=sys.stderr)
        return 1
    return cut.main([])


def _run(path: Path, *, anew: bool) -> None:
    start, before = time.monotonic(), nbformat.read(path, as_version=4)
    executed = renewed(path, anew=anew)
    cut.write(path, cut.text(executed))
    seconds = time.monotonic() - start
    shown = [cell.get("outputs") for cell in executed.cells]
    kept = shown == [cell.get("outputs") for cell in before.cells]
    said = "outputs kept, they say the same" if kept else "new outputs"
    print(f"solutions/{path.name}: executed in {seconds:.0f} s, {said}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
