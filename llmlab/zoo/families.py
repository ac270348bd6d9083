"""One manifest for a family of models: what each of them learnt from, in one file.

Most rows are the same for all of them, and a manifest of 8,000 files is a megabyte. A
row that not all read says who did. Who publishes one model leaves what the file says of
the others as it was.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llmlab.texts import manifests

FIELDS = (*manifests.PACKAGE, *manifests.FILE)


def manifest(target: Path, name: str) -> str:
    """Return where to write what model `name`, to stand in `target`, learnt from.

    As the way from `target`: into the folder of the first of its family, if that stands
    beside and `target` has the model's own name; or else into `target` itself.
    """
    target = target.expanduser().resolve()
    first = _members(name)[0]
    beside = (target.parent / first / "config.json").exists()
    if beside and target.name == name != first:
        return f"../{first}/{manifests.MANIFEST}"
    return manifests.MANIFEST


def merged(target: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the text of that file, when `rows` is what model `name` learnt from."""
    path = (target.expanduser() / manifest(target, name)).resolve()
    family = _present(target, name)
    readers: dict[tuple, set[str]] = {}
    for row in manifests.read_manifest(path) if path.exists() else ():
        others = {*row.get("models", family)} & {*family} - {name}
        readers.setdefault(_key(row), set()).update(others)
    for row in rows:
        readers.setdefault(_key(row), set()).add(name)
    found = []
    for key, who in readers.items():
        row = dict(zip(FIELDS, key, strict=True))
        chosen = [member for member in family if member in who]
        if chosen:
            found.append(row | ({} if chosen == family else {"models": chosen}))
    return manifests.manifest_text(found)


def _members(name: str) -> tuple[str, ...]:
    return next((family for family in manifests.FAMILIES if name in family), (name,))


def _present(target: Path, name: str) -> list[str]:
    """Return of whom the file in question speaks: `name`, and who stands beside it."""
    target = target.expanduser().resolve()
    if target.name != name:
        return [name]
    return [
        member
        for member in _members(name)
        if member == name or (target.parent / member / "config.json").exists()
    ]


def _key(row: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(row[part] for part in FIELDS)
