"""Load saved models where nothing but `llmlab.models` was imported, and ask them."""

import json
import subprocess
import sys
from pathlib import Path

import torch

SCRIPT = """
import json, sys
from pathlib import Path
from llmlab import models
import torch
home = Path(sys.argv[1])
loaded, asked = {}, torch.load(home / "asked.pt", weights_only=True)
for number, name in enumerate(json.loads((home / "names.json").read_text())):
    model = models.load(home / str(number))
    inner = getattr(model, "model", model)
    with torch.inference_mode():
        if getattr(inner.config, "is_encoder_decoder", False):
            logits = model(input_ids=asked, decoder_input_ids=asked[:, :7]).logits
        else:
            logits = model(asked)
    loaded[name] = logits if isinstance(logits, torch.Tensor) else logits.logits
torch.save(loaded, home / "loaded.pt")
"""


def tokens(seed: int = 0) -> torch.Tensor:
    """Return two drawn rows of twelve tokens."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(61, (2, 12), generator=generator)


def answer(model, asked: torch.Tensor | None = None) -> torch.Tensor:
    """Return the logits of a model, whatever its family, on token ids (B, T)."""
    asked = tokens() if asked is None else asked
    config = getattr(getattr(model, "model", model), "config", None)
    with torch.inference_mode():
        if getattr(config, "is_encoder_decoder", False):
            return model(input_ids=asked, decoder_input_ids=asked[:, :7]).logits
        result = model(asked)
    return result if isinstance(result, torch.Tensor) else result.logits


def answers(folders: dict[str, Path], home: Path) -> dict[str, torch.Tensor]:
    """Return what the models of these folders answer in a process of their own."""
    for number, folder in enumerate(folders.values()):
        if folder != home / str(number):
            (home / str(number)).symlink_to(folder)
    (home / "names.json").write_text(json.dumps(list(folders)))
    torch.save(tokens(), home / "asked.pt")
    subprocess.run([sys.executable, "-c", SCRIPT, str(home)], check=True)
    return torch.load(home / "loaded.pt", weights_only=True)
