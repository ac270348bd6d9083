"""Requests in a file and answers in another, in the form of OpenAI's batch API.

A line of the input is a request: custom_id, method, url and body. A line of the output
is its answer, or the error that it gave, in the order in which they end. The output is
a journal: who is interrupted goes on behind its last whole line, and no request is
answered twice. An answer's id is a digest of the request, so that an answer to another
request of the same name is noticed.

Source: platform.openai.com, guide "Batch API" (input and output lines).
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmlab.core import atomic

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
Line = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A line of the input."""

    name: str  # its custom_id
    url: str
    body: Mapping[str, Any]
    digest: str

    @property
    def id(self) -> str:
        """The id of its answer."""
        return f"batch_req_{self.digest}"


def read(path: str | Path, *, by: str = "") -> list[Asked]:
    """Return the requests of a file; ValueError names the line that is none.

    by: the model and whatever else an answer depends on.
    """
    asked: dict[str, Asked] = {}
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        where = f"{path}, line {number},"
        one = _asked(line, where, by)
        if one.name in asked:
            raise ValueError(
                f"{where} has the custom_id {one.name!r} of a line before; give every "
                "request a name of its own."
            )
        asked[one.name] = one
    if not asked:
        raise ValueError(f"{path} holds no request; write one on each line, as JSON.")
    return list(asked.values())


def answered(path: str | Path, asked: Sequence[Asked]) -> set[str]:
    """Return the names that a file has answers to; cut off half a line at its end.

    Raises ValueError where it holds other things than answers to these requests.
    """
    path = Path(path)
    if not path.exists():
        return set()
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    ids = {one.name: one.id for one in asked}
    names = set()
    for number, line in enumerate(whole.decode(errors="replace").splitlines(), 1):
        try:
            answer = json.loads(line)
            name, digest = answer["custom_id"], answer["id"]
        except (ValueError, TypeError, KeyError):
            raise ValueError(
                f"{path}, line {number}, is no answer; choose another file for the "
                "output, this one holds something else."
            ) from None
        if ids.get(name) != digest:
            raise ValueError(
                f"{path}, line {number}, answers another request or model than what is "
                f"asked now as {name!r}; choose another file for the output."
            )
        names.add(name)
    if len(whole) < len(data):
        atomic.write(path, whole)
    return names


def append(path: str | Path, line: Line) -> None:
    """Write an answer behind the others, down to the disk."""
    data = (json.dumps(line, ensure_ascii=False) + "\n").encode()
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _lines(path: str | Path) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is no text in UTF-8 ({error.reason} at byte {error.start}); save "
            "it as UTF-8."
        ) from None


def _asked(line: str, where: str, by: str) -> Asked:
    try:
        said = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{where} is no JSON ({error}); write one object.") from None
    if not isinstance(said, dict) or not isinstance(said.get("body"), dict):
        raise ValueError(
            f"{where} is no request; it needs custom_id, method, url and body, such as "
            '{"custom_id": "1", "method": "POST", "url": "/v1/completions", "body": '
            '{"prompt": "def main():", "max_tokens": 32}}.'
        )
    name, url = said.get("custom_id"), said.get("url")
    if not isinstance(name, str) or not name:
        raise ValueError(f"{where} lacks a custom_id; give it a name that is a text.")
    if url not in (CHAT, TEXT) or said.get("method", "POST") != "POST":
        raise ValueError(
            f"{where} asks for {said.get('method')} {url}; choose POST {TEXT} or "
            f"POST {CHAT}."
        )
    key = json.dumps([by, name, url, said["body"]], sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()[:24]
    return Asked(name, url, said["body"], digest)
