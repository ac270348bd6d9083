"""Quality by method, sparsity and scope: the whole grid, on the frozen texts.

For `coder` the bits per byte against the original's, paired; for `translator` the share
of exact matches. The result goes to llmlab/recorded/pruning_grid.json, row by row, and
a row that stands there for the same weights is not made again. Takes about twenty
minutes on two idle cores. `--small` scores the short texts and some of the rows, prints
them and writes nothing.
"""

import argparse
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmlab import measure, models, pruning, show, texts
from llmlab.core import machine
from llmlab.core.recording import Grid, Make
from llmlab.measure import exams
from llmlab.models import calibration, translation
from llmlab.pruning import sparsegpt, wanda

FILE = Path(__file__).resolve().parents[1] / "llmlab/recorded/pruning_grid.json"
COMMAND = "python benchmarks/pruning_grid.py"
SPARSITIES = (0.3, 0.5, 0.6, 0.7, 0.8)
FEW = (0.5, 0.7)
PROMPTS = 16  # of 256 tokens, to calibrate on


def main() -> None:
    """Make every row that is not there yet, and show them all."""
    options = _options()
    machine.set_threads()
    grid = Grid(None if options.small else FILE, COMMAND)
    for name, ways, judge in exams_of(options.small):
        model = models.load(name)
        rows = ways(model, FEW if options.small else SPARSITIES)
        for fact in grid.fill(model, rows, judge):
            print(fact, dict(fact.details), flush=True)
    columns = ("subject", "method", "scope", "sparsity", "value", "interval")
    print(show.table(grid.facts, columns))


def exams_of(small: bool) -> Iterator[tuple]:
    """Yield model name, the ways to prune it, and what judges the pruned one."""
    files = texts.short_files() if small else texts.evaluation_files()
    exam = exams.number_words(200 if small else None)

    @functools.lru_cache(2)
    def scored(model):
        return measure.quality.score(model, files)

    def bits_per_byte(model, changed):
        return measure.quality.difference(changed, scored(model), files)

    def exact_match(model, changed):
        return exam.mark(translation.translate(changed, exam.asked))

    yield "coder", coder_ways, bits_per_byte
    yield "translator", translator_ways, exact_match


def coder_ways(model: Any, shares: tuple[float, ...]) -> Iterator[tuple[dict, Make]]:
    """Yield every method in every scope and pattern that it has."""
    data = calibration.batches(model, count=PROMPTS)
    calibrated = {
        "Wanda": functools.partial(wanda.prune, data=data),
        "SparseGPT": functools.partial(sparsegpt.prune, data=data),
    }
    for share in shares:
        for scope in ("layer", "row", "model"):
            yield _way("magnitude", share, scope), _magnitude(share, scope)
        for method, prune in calibrated.items():
            scope = "row" if method == "Wanda" else "layer"
            yield _way(method, share, scope), functools.partial(prune, sparsity=share)
    plain = functools.partial(pruning.prune, pattern="2:4")
    yield _way("magnitude", 0.5, "2:4"), plain
    for method, prune in calibrated.items():
        yield _way(method, 0.5, "2:4"), functools.partial(prune, pattern="2:4")


def translator_ways(
    model: Any, shares: tuple[float, ...]
) -> Iterator[tuple[dict, Make]]:
    """Yield plain magnitude, which needs no text."""
    yield _way("original", 0.0, "layer"), lambda model: model
    for share in shares:
        yield _way("magnitude", share, "layer"), _magnitude(share, "layer")


def _magnitude(share: float, scope: Any) -> Make:
    return functools.partial(pruning.prune, sparsity=share, scope=scope)


def _way(method: str, sparsity: float, scope: str) -> dict[str, Any]:
    return {"method": method, "sparsity": sparsity, "scope": scope}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--small", action="store_true", help="short texts, few rows, nothing written"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
