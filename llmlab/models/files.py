"""Where a model's files are, and what may be read of them: safetensors and JSON only.

A name is a bundled model, a folder, or an id on the Hugging Face hub (through
huggingface_hub, with its usual cache and its offline variables). Pickled weights are
refused, since unpickling runs code; links out of the folder are refused too.
"""

import contextlib
import difflib
import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from llmlab.core.arguments import shown

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
WANTED = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SECTION = "llmlab"  # of config.json: how a changed model differs from the plain one
VERSION = 4  # of that section
HIDDEN = "llmlab-"  # before a model type that transformers must not take for its own
ELSEWHERE = ("smollm2",)  # names of models that come out of another package
PARTIAL = ".saving-"  # a model's folder that is being written begins so


def bundled() -> Path:
    """Return the folder of the weights that ship with llmlab."""
    return Path(str(resources.files("llmlab"))) / "weights"


def names() -> tuple[str, ...]:
    """Return the names of the bundled models that this installation holds."""
    configs = bundled().glob("*/config.json")
    every = (path.parent.name for path in configs)
    return tuple(sorted(name for name in every if not name.startswith(".")))


def find(name: str | Path) -> Path:
    """Return the folder of a model by bundled name, path or hub id.

    Raises ValueError for a name that is none of these, OSError when the hub refuses.
    """
    if not isinstance(name, str | Path):
        raise ValueError(
            f"name={shown(name)} is neither text nor a path; give a bundled model "
            f"({', '.join(names())}), a folder, or an id of the Hugging Face hub."
        )
    if isinstance(name, str) and name in names():  # a Path means a folder
        return bundled() / name
    path = Path(name).expanduser()
    if str(name) and _is_there(path, Path.is_dir):
        return path
    if str(name) and _is_there(path, Path.exists):
        raise ValueError(
            f"name={str(name)!r} is a file; give the folder that holds config.json and "
            "the safetensors files."
        )
    known = (*names(), *ELSEWHERE)
    close = difflib.get_close_matches(str(name), known, n=1, cutoff=0.6)
    if close or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", str(name)):
        meant = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"name={shown(str(name))} is no bundled model ({', '.join(names())}), no "
            f"folder and no id of the Hugging Face hub.{meant}"
        )
    return _download(str(name))


def _is_there(path: Path, ask: Callable[[Path], bool]) -> bool:
    try:
        return ask(path)
    except OSError:  # a name longer than names may be
        return False


def _download(identifier: str) -> Path:
    import huggingface_hub
    from huggingface_hub import errors

    ways = (
        f"check the id, log in with `hf auth login` for a gated model, or download "
        f"it elsewhere and give its folder; bundled models: {', '.join(names())}."
    )
    try:
        return Path(
            huggingface_hub.snapshot_download(
                identifier, allow_patterns=WANTED, ignore_patterns=["*/*"]
            )
        )
    except errors.LocalEntryNotFoundError as error:
        raise OSError(
            f"{identifier!r} is not in the local cache and the hub cannot be reached "
            f"(offline?); {ways}"
        ) from error
    except (errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        first = str(error).strip().partition("\n")[0]
        raise OSError(f"the hub did not give {identifier!r}: {first} {ways}") from error
    except Exception as error:  # httpx and its kin, when a stream breaks off
        raise OSError(
            f"the download of {identifier!r} broke off ({type(error).__name__}); what "
            "came is kept, run it again to go on."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON object; ValueError when it is missing or damaged."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(
            f"{path} is missing; a model's folder holds one.{_half_saved(path.parent)}"
        ) from None
    except IsADirectoryError:
        raise ValueError(
            f"{path} is a folder and should be a file; move it away and get the file."
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(
            f"{path} is not JSON ({error}); get the file again."
        ) from error
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object; get the file again.")
    return value


def _half_saved(folder: Path) -> str:
    """Say where the rest is of a save that broke off."""
    left = sorted(folder.glob(f"{PARTIAL}*")) if folder.is_dir() else []
    if not left:
        return ""
    return (
        f" A save broke off here, and {left[-1]} holds what was to come: move its "
        "files up, config.json last, or save the model again."
    )


def index_of(folder: Path) -> list[str]:
    """Return the names of the files that a folder's index names, each once."""
    weight_map = read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not (
        weight_map and all(isinstance(part, str) for part in weight_map.values())
    ):
        raise ValueError(
            f"{folder / INDEX} is damaged: it does not say in which file each weight "
            "is; get the file again."
        )
    return sorted(set(weight_map.values()))


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a model, all of them present and inside.

    They are model.safetensors or, without it, those that the index names; a folder may
    hold others, which belong to somebody else.
    """
    for name in (SINGLE, INDEX):
        _check_file(folder / name)
    if (folder / SINGLE).exists():
        paths = [folder / SINGLE]
    elif (folder / INDEX).exists():
        paths = [folder / part for part in index_of(folder)]
    else:
        paths = []
    if missing := [path.name for path in paths if not path.exists()]:
        raise ValueError(
            f"{folder} lacks {', '.join(missing)}, which {INDEX} names; download the "
            "missing files again."
        )
    if not paths:
        pickled = [p.name for p in sorted(folder.iterdir()) if p.suffix in PICKLED]
        held = ""
        if pickled:
            held = f" It holds {pickled[0]}, and pickled weights can run code."
        others = [path.name for path in sorted(folder.glob("*.safetensors"))]
        if others:
            held = f" It holds {others[0]}, which may be anything: rename it if it is."
        raise ValueError(
            f"{folder} holds no safetensors file named {SINGLE}, and no {INDEX}.{held} "
            "Save the model with save_pretrained(..., safe_serialization=True)."
        )
    for path in paths:
        _stay_inside(folder, path)
    return paths


def _check_file(path: Path) -> None:
    """Raise ValueError where something else than a file has a file's name."""
    if path.is_symlink() and not path.exists():
        raise ValueError(
            f"{path} is a link to {path.readlink()}, which is not there; copy the file "
            "in."
        )
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file; get the model's file in its place.")


def _stay_inside(folder: Path, path: Path) -> None:
    real, home = path.resolve(), folder.resolve()
    # The hub's cache keeps a snapshot's files as links into its own blobs folder.
    blobs = home.parent.parent / "blobs"
    if not (real.is_relative_to(home) or real.is_relative_to(blobs)):
        raise ValueError(
            f"{path} is a link to {real}, outside the model's folder; copy the file in."
        )


def tensors(paths: list[Path]) -> Iterator[tuple[str, Tensor]]:
    """Yield each tensor's name and the tensor; ValueError when damaged."""
    for path in paths:
        with _telling(path), safe_open(path, "pt") as file:
            for key in file.keys():
                yield key, file.get_tensor(key)


def headers(paths: list[Path]) -> dict[str, tuple[int, str]]:
    """Return how many elements each tensor has, and of which type, by its name.

    Raises ValueError for a damaged file, and for a tensor that stands in two.
    """
    held: dict[str, tuple[int, str]] = {}
    for path in paths:
        with _telling(path), safe_open(path, "pt") as file:
            for key in file.keys():
                if key in held:
                    raise ValueError(
                        f"{path} holds {key}, and so does another file that {INDEX} "
                        "names; get the files again, all of one version."
                    )
                part = file.get_slice(key)
                held[key] = math.prod(part.get_shape()), part.get_dtype()
    return held


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is damaged or not safetensors ({error}); get the file again."
        ) from error


def size(folder: Path | str) -> int:
    """Return the bytes of the weights of a saved model: what a download would be."""
    if not isinstance(folder, str | os.PathLike):
        raise ValueError(f"folder={shown(folder)} is no path of a saved model.")
    if not Path(folder).is_dir():
        raise FileNotFoundError(
            f"folder={str(folder)!r} is no folder; hand in that of a saved model."
        )
    return sum(path.stat().st_size for path in weight_files(Path(folder)))


def fingerprint(paths: list[Path]) -> str:
    """Return a name for exactly these weights: the start of their SHA-256."""
    digest = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:12]
