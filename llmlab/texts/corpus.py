"""The training text: Python sources that stand on this machine under a free licence.

The standard library and the packages that llmlab needs are already installed wherever
llmlab is, so a corpus of tens of megabytes comes without a download. Only licences of
the PSF, BSD, MIT and Apache families enter, and of those packages no file that says
other terms of itself; tests, vendored copies, tables of data and near-duplicates stay
out. A file's own bytes decide its split, so the held-out files stay held out when
Python or a package changes its version.
"""

import ast
import hashlib
import importlib.metadata
import itertools
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOTS = (  # what llmlab stands on; their own requirements follow
    "torch",
    "transformers",
    "jupyterlab",
    "matplotlib",
    "ipywidgets",
    "nbval",
    "torch-pruning",
    "nbgrader",
    "scikit-learn",
    "pytest",
)
FREE = {"PSF-2.0", "Python-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "Apache-2.0"}
SPOKEN = {  # what older packages write, and what it means
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
OWN_SOURCES = {  # licence of the Python files, where the metadata also lists bundled C
    "torch": "BSD-3-Clause",
    "numpy": "BSD-3-Clause",
}
HEAD = 3_000  # characters in which a file says what terms it comes under
OTHER_TERMS = re.compile(  # said of itself; goes before what its package says
    r"General[\s#*]+Public[\s#*]+Licen[sc]e|\b[AL]?GPL(?:v?\d|\b)"
    r"|(?:Mozilla|Eclipse)[\s#*]+Public|\b[ME]PL-\d|Creative[\s#*]+Commons|\bCC-BY"
    r"|CeCILL|\bCDDL-|\b(?:EU|SS)PL\b|Business[\s#*]+Source[\s#*]+Licen[sc]e"
    r"|Sapiens2 License|(?:Community|Research)[\s#*]+Licen[sc]e|non-?commercial",
    re.IGNORECASE,
)
QUOTED = re.compile(r"stackoverflow\.com", re.IGNORECASE)  # its answers are CC BY-SA
SKIPPED = {  # folders of tests, of other people's code, and of tables
    "test", "tests", "idle_test", "_vendor", "vendored", "_vendored", "extern",
    "externals", "_externals", "site-packages", "pydoc_data", "encodings", "vendor",
    "third_party", "_extern", "thirdparty", "lib2to3", "dist-packages",
}  # fmt: skip
HELD_OUT_PERCENT = 5
LARGEST, SMALLEST = 200_000, 400  # bytes


@dataclass(frozen=True)
class TextFile:
    """One source file: where it comes from, what it holds, which split it is in."""

    package: str
    version: str
    licence: str
    path: str  # relative to the library's folder
    sha256: str
    split: str  # "training" or "held out"
    folder: Path

    def read(self) -> str:
        """Return the text; ValueError when the file is no longer the one listed."""
        data = (self.folder / self.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ValueError(
                f"{self.path} of {self.package} has changed since it was listed; "
                "list the files again with texts.files()."
            )
        return data.decode()

    def entry(self) -> dict[str, str]:
        """Return the file's line in a manifest: everything but where it stands here."""
        return {k: v for k, v in asdict(self).items() if k != "folder"}


def files() -> list[TextFile]:
    """List every usable source file of this installation, near-duplicates removed."""
    return usable(candidates())


def library() -> list[TextFile]:
    """List the standard library's candidates alone, which is soon done."""
    return list(itertools.takewhile(lambda f: f.package == "python", candidates()))


def usable(listed: Iterable[TextFile]) -> list[TextFile]:
    """Keep what is code, says no other terms of itself, and is no near-duplicate."""
    seen: set[int] = set()
    kept = []
    for file in listed:
        text = _source(file.folder / file.path)
        if text is None or says_other_terms(text):
            continue
        lines = {hash(s) for s in map(str.strip, text.split("\n")) if len(s) > 20}
        # A file most of whose lines stand elsewhere is generated or a copy.
        if len(lines & seen) > 0.5 * len(lines):
            continue
        seen |= lines
        kept.append(file)
    return kept


def licence_of(name: str) -> str | None:
    """Return the free licence of an installed package's Python files, or None."""
    metadata = importlib.metadata.metadata(name)
    key = canonicalize_name(metadata["Name"])
    if key in OWN_SOURCES:
        return OWN_SOURCES[key]
    if expression := _field(metadata, "License-Expression"):
        return expression if _is_free(expression) else None
    classifiers = [
        c.rpartition(" :: ")[2]
        for c in metadata.get_all("Classifier") or []
        if c.startswith("License :: ") and c != "License :: OSI Approved"
    ]
    spoken = classifiers or [(_field(metadata, "License") or "").strip()]
    names = [SPOKEN.get(s, s) for s in spoken]
    return " AND ".join(names) if all(n in FREE for n in names) else None


def _field(metadata: importlib.metadata.PackageMetadata, key: str) -> str | None:
    return next(iter(metadata.get_all(key) or []), None)


def says_other_terms(text: str) -> bool:
    """Return whether a file names terms of its own, or quotes what comes under some."""
    return bool(OTHER_TERMS.search(text[:HEAD]) or QUOTED.search(text))


def _is_free(expression: str) -> bool:
    """Every part joined by AND must be free; of parts joined by OR, one is enough."""
    plain = re.sub(r"[()]", " ", expression)
    return all(
        any(choice.strip() in FREE for choice in part.split(" OR "))
        for part in plain.split(" AND ")
    )


def packages() -> list[str]:
    """Return the installed packages that llmlab needs, sorted, each once."""
    closure, queue = set(), list(ROOTS)
    while queue:
        name = canonicalize_name(queue.pop())
        try:
            requires = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        if name in closure:
            continue
        closure.add(name)
        for line in requires:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": ""}):
                queue.append(requirement.name)
    return sorted(closure)


def candidates() -> Iterator[TextFile]:
    """Yield files of the right licence, place and size, whatever they hold."""
    library = Path(sysconfig.get_path("stdlib"))
    version = ".".join(map(str, sys.version_info[:3]))
    for path in sorted(library.rglob("*.py")):
        yield from _listed("python", version, "PSF-2.0", library, path)
    for name in packages():
        if (licence := licence_of(name)) is None:
            continue
        distribution = importlib.metadata.distribution(name)
        folder = Path(str(distribution.locate_file("")))
        for file in sorted(map(str, distribution.files or [])):
            if file.endswith(".py") and not file.startswith(".."):
                path = folder / file
                yield from _listed(name, distribution.version, licence, folder, path)


def _listed(package, version, licence, folder, path) -> Iterator[TextFile]:
    relative = path.relative_to(folder)
    if SKIPPED & set(relative.parts) or relative.name.startswith("test_"):
        return
    if not path.is_file() or not SMALLEST <= path.stat().st_size <= LARGEST:
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    split = "held out" if int(digest, 16) % 100 < HELD_OUT_PERCENT else "training"
    yield TextFile(
        package, version, licence, relative.as_posix(), digest, split, folder
    )


def _source(path: Path) -> str | None:
    """Return the text of a file of code, or None for tables and broken files."""
    try:
        text = path.read_bytes().decode()
        ast.parse(text)
    except (UnicodeDecodeError, SyntaxError, ValueError):
        return None
    digits = sum(c.isdigit() for c in text)
    longest = max(map(len, text.split("\n")))
    return None if digits > 0.15 * len(text) or longest > 1000 else text
