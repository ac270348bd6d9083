"""What every format takes on disk, and whether what is read again is the same."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from llmlab import models
from llmlab.core import quantities, records
from llmlab.core.model import LanguageModel
from llmlab.core.records import Record
from llmlab.quantization.quantities import FILE_RATIO


@dataclass(frozen=True)
class FileSizes:
    """Bytes of the files by format; the first is what the others are compared with."""

    sizes: Mapping[str, int]
    different: tuple[str, ...]  # formats whose logits were others after loading
    left_out: tuple[str, ...]  # what no file can keep

    def records(self) -> list[Record]:
        """Return the size of each file, and how many times smaller than the first."""
        first = next(iter(self.sizes.values()))
        note = {"note": self.note} if self.note else {}
        return [
            records.measured(what, value, subject=word, details=note)
            for word, size in self.sizes.items()
            for what, value in (
                (quantities.FILE_SIZE, size),
                (FILE_RATIO, first / size),
            )
        ]

    @property
    def note(self) -> str:
        """Say what could not be saved, and what came back changed; "" if nothing."""
        said = []
        if self.left_out:
            said.append(f"No file can keep {', '.join(self.left_out)}.")
        if self.different:
            said.append(f"Loaded again, {', '.join(self.different)} gave other logits.")
        return " ".join(said)

    def ratio(self, word: str) -> Record:
        """Return how many times smaller than the first a file is.

        Raises ValueError for a format that was not saved.
        """
        for fact in self.records():
            if fact.subject == word and fact.name == FILE_RATIO.name:
                return fact
        raise ValueError(f"{word!r} was not saved; choose of {', '.join(self.sizes)}.")


@torch.inference_mode()
def file_sizes(models_by_name: Mapping[str, LanguageModel]) -> FileSizes:
    """Save every model, load it again, and compare its logits bit by bit.

    What has layers that no file can keep, such as those of a notebook, is left out, and
    the note says so. Raises ValueError where none can be saved.
    """
    sizes, different, left_out = {}, [], []
    for word, model in models_by_name.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                place = models.save(model, folder)
            except ValueError:
                left_out.append(word)
                continue
            sizes[word] = models.size(place)
            dtype = next(model.parameters()).dtype
            again = models.load(place, dtype=dtype)
            tokens = torch.arange(8)[None] % model.vocabulary
            if not torch.equal(again(tokens), model(tokens)):
                different.append(word)
    if not sizes:
        raise ValueError(
            f"models_by_name holds {', '.join(left_out) or 'nothing'}, none of which a "
            "file can keep; hand in what quantization.quantize gives."
        )
    return FileSizes(sizes, tuple(different), tuple(left_out))
