"""`llmlab export`: a model as a file that another engine reads."""

import argparse
from pathlib import Path

from llmlab.command import terminal


def run(options: argparse.Namespace) -> int:
    """Write a GGUF file for llama.cpp; ValueError for what it cannot say."""
    from llmlab import models
    from llmlab.models import gguf_writing

    model = models.load(options.model)
    out = Path(options.out or f"{Path(options.model).name}-{options.type}.gguf")
    try:
        gguf_writing.write(model, out, type=options.type)
    except ImportError as error:
        raise ValueError(
            f"--to {options.to} needs the library {error.name}; get it with "
            "pip install 'llmlab[llama]', or pip install gguf alone."
        ) from error
    print(f"{out}: {terminal.quoted(options.model)} in {options.type}, token ids only")
    return 0
