"""What zeros cost and save: the time of a model full of them, and its file."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab import measure, texts
from llmlab.core import quantities, records
from llmlab.core.records import Record
from llmlab.measure import Speed, phases
from llmlab.models import checkpoints
from llmlab.pruning import files
from llmlab.pruning.experiments.masked import Model

DENSE, SPARSE = "dense", "half zeros"
PROMPT, NEW, SECONDS = 256, 17, 4.0


@dataclass(frozen=True)
class ZerosRace:
    """Two models, one with zeros, timed against each other; and their files."""

    speed: Speed
    sizes: tuple[Record, ...]

    def ratio(self, of: str) -> Record:
        """Return how many times as fast the one with zeros is; of: "prefill"/"decode".

        ValueError for another phase.
        """
        return phases.ratio(self.speed, SPARSE, DENSE, of)

    def records(self) -> list[Record]:
        """Return times, how many times as fast, and the bytes of the files."""
        words = phases.SPEED_UPS
        times = [
            phases.latency(self.speed, name, of)
            for of in words
            for name in (DENSE, SPARSE)
        ]
        return [*times, *map(self.ratio, words), *self.sizes]

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return self.speed.note


def zeros_race(
    model: Model, sparse: Model, *, prompt: Sequence[int] | None = None,
    seconds: float = SECONDS,
) -> ZerosRace:  # fmt: skip
    """Race a model with zeros against the dense one, and save both.

    prompt: token ids; by default 256 tokens of a frozen program. The file of the sparse
    one holds a bit for each place and the values that stay.
    """
    prompt = prompt_of(model) if prompt is None else prompt
    models = {DENSE: model, SPARSE: sparse}
    speed = measure.race(models, prompt, max_tokens=NEW, seconds=seconds)
    sizes = (_size(model, DENSE), _size(files.pack(sparse), SPARSE))
    return ZerosRace(speed, sizes)


def prompt_of(model: Model) -> list[int]:
    """Return the first 256 tokens of a frozen program."""
    return model.tokenizer(texts.short()[:2000])["input_ids"][:PROMPT]


def _size(model: Model, name: str) -> Record:
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(checkpoints.save(model, Path(folder) / "model"))
        size = sum(one.stat().st_size for one in saved.glob("*.safetensors"))
    return records.measured(quantities.FILE_SIZE, size, subject=name)
