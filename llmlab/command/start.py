"""`llmlab start [FOLDER]`: copy the labs there and open JupyterLab at lab 01."""

import argparse
import os
from pathlib import Path

import llmlab
from llmlab.command import copies, labs, terminal
from llmlab.core import machine

SAID = {
    "copied": "copied  {name}",
    "updated": "updated {name}",
    "beside": "kept    your changed lab; as it ships now: {name}",
}


def run(options: argparse.Namespace) -> int:
    """Copy the labs, say what was done, and become JupyterLab."""
    source = labs.folder()
    if not (source / labs.notebook(llmlab.WORDS[0])).is_file():
        raise FileNotFoundError(
            f"this installation holds no labs (looked in {source}); install llmlab "
            "again, or run this in a checkout of the repository."
        )
    if not options.folder.strip():
        raise ValueError(
            f"FOLDER={options.folder!r} is empty; name a folder, such as my-course."
        )
    folder = Path(options.folder).expanduser()
    if folder.is_symlink() and not folder.exists():
        raise ValueError(
            f"FOLDER={options.folder!r} is a link to {os.readlink(folder)}, which is "
            "not there; bring it back, or choose another name."
        )
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"FOLDER={options.folder!r} is a file, and the labs need a folder; choose "
            "another name."
        )
    folder.mkdir(parents=True, exist_ok=True)
    whole = _copy(source, folder)
    if options.no_lab:
        print(f"Open them with: llmlab start {terminal.quoted(folder)}")
        return 0 if whole else 1
    return _open(folder, options.jupyter)


def _copy(source: Path, folder: Path) -> bool:
    """Copy the labs, say what was done, and whether every lab has its place."""
    kept, blocked = 0, 0
    for done, path in copies.copy_labs(source, folder):
        kept += done == "kept"
        if done in SAID:
            line = SAID[done].format(name=path.relative_to(folder))
            print(terminal.paint(line, "yellow") if done == "beside" else line)
        elif done != "kept":
            blocked += 1
            print(
                terminal.paint(f"left    {path.relative_to(folder)} {done}", "yellow")
            )
    if kept:
        print(f"kept    {kept} unchanged")
    print(f"The labs stand in {folder.resolve()}", flush=True)
    return not blocked


def _open(folder: Path, arguments: list[str]) -> int:
    """Run JupyterLab in this process until it is told to stop.

    Lab 01 is its default address, so that the link in the log leads there too, which
    is all that a machine without a browser shows.
    """
    from jupyterlab.labapp import LabApp

    # Kernels inherit it, and it is read when torch is loaded: threads that wait for a
    # busy neighbour sleep soon, or a step would take a hundred times as long.
    os.environ.setdefault(*machine.SPINS)
    first = labs.notebook(llmlab.WORDS[0])
    own = [str(folder.absolute()), f"--LabApp.default_url=/lab/tree/{first}"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        own.append("--allow-root")
    try:
        LabApp.launch_instance(argv=[*own, *arguments])
    except SystemExit as stop:
        if stop.code:
            raise OSError(
                "JupyterLab did not start, for the reason in its last line above; "
                f"hand it other arguments: llmlab start {terminal.quoted(folder)} "
                "-- --port=8890"
            ) from stop
    return 0
