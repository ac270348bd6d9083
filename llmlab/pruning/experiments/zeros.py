"""What zeros cost and save: the time of a model full of them, and its file."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from llmlab import measure, texts
from llmlab.core import quantities, records
from llmlab.core.quantities import DECODE_SPEED_UP, PREFILL_SPEED_UP
from llmlab.core.records import Record
from llmlab.measure import Speed, comparison
from llmlab.models import checkpoints
from llmlab.pruning import files
from llmlab.pruning.experiments.masked import Model

DENSE, SPARSE = "dense", "half zeros"
PROMPT, NEW, SECONDS = 256, 17, 4.0
PHASES = {"prefill": PREFILL_SPEED_UP, "decode": DECODE_SPEED_UP}


@dataclass(frozen=True)
class ZerosRace:
    """Two models, one with zeros, timed against each other; and their files."""

    speed: Speed
    sizes: tuple[Record, ...]

    def ratio(self, of: str) -> Record:
        """Return how many times as fast the one with zeros is; of: "prefill"/"decode".

        ValueError for another phase.
        """
        if of not in PHASES:
            raise ValueError(f"of={of!r} is no phase; choose 'prefill' or 'decode'.")
        pair = (self._series(name, of).rounds for name in (SPARSE, DENSE))
        one, other = pair
        verdict = comparison.compare(
            SPARSE, one, DENSE, other, ran_on=self.speed.ran_on
        )
        return records.measured(
            PHASES[of], verdict.ratio, low=verdict.low, high=verdict.high,
            subject=SPARSE, details={"verdict": verdict.word, "phase": of},
        )  # fmt: skip

    def records(self) -> list[Record]:
        """Return times, how many times as fast, and the bytes of the files."""
        what = {
            "prefill": quantities.PREFILL_LATENCY,
            "decode": quantities.DECODE_LATENCY,
        }
        times = [
            self._series(name, of).record(quantity, subject=name)
            for of, quantity in what.items()
            for name in (DENSE, SPARSE)
        ]
        return [*times, *(self.ratio(of) for of in PHASES), *self.sizes]

    @property
    def note(self) -> str:
        """Say what neighbours did meanwhile, "" if nothing."""
        return self.speed.note

    def _series(self, name: str, of: str):
        timing = self.speed[name]
        return timing.time_to_first_token if of == "prefill" else timing.per_token


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
