"""A real browser on a real JupyterLab: what a learner does, done by a program.

`python tests/browser.py` makes the screenshot of lab 01 that stands in the README.
Chromium is Debian's (`apt-get install chromium`); playwright only drives it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "tests" / "pictures" / "lab_01.png"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
QUIET = {"fetchNews": "false", "checkForUpdates": False}
NOTIFICATIONS = "@jupyterlab/apputils-extension/notification.jupyterlab-settings"
TOKEN = "loopback"
READY = """async (path) => {
    const app = window.jupyterapp;
    await app.restored;
    const widget = await app.commands.execute('docmanager:open', {path});
    await widget.context.ready;
    await widget.sessionContext.ready;
    app.shell.activateById(widget.id);
    window.lab = widget;
}"""
RUN = """async () => {
    await window.jupyterapp.commands.execute('notebook:run-all-cells');
}"""

HIDE_FILES = """async () => {
    await window.jupyterapp.commands.execute('application:toggle-left-area');
}"""


@dataclass
class Visit:
    """A page of JupyterLab, and what it said and asked for meanwhile."""

    page: Page
    address: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, name: str) -> None:
        """Open a notebook and wait until its kernel is ready."""
        self.page.goto(f"{self.address}/lab?reset&token={TOKEN}")
        self.page.wait_for_function("() => window.jupyterapp", timeout=120_000)
        self.page.evaluate(READY, name)

    def run_all(self) -> None:
        """Run every cell; comes back when the last has run or one has failed."""
        self.page.evaluate(RUN)

    def cells(self) -> list[dict]:
        """Return every code cell as the page holds it: source, outputs, count."""
        return self.page.evaluate(
            """() => window.lab.content.widgets
                .filter(cell => cell.model.type === 'code')
                .map(cell => cell.model.sharedModel.toJSON())"""
        )

    def shut_down(self) -> None:
        """Stop the notebook's kernel, so that it takes part in nothing that follows."""
        self.page.evaluate("async () => await window.lab.sessionContext.shutdown()")

    def show(self, selector: str) -> None:
        """Scroll something into the middle of the page, where it stays."""
        place = self.page.locator(selector).first
        place.wait_for(state="attached", timeout=60_000)
        # The notebook lays out cells as they come into sight, and so moves the others.
        for _ in range(20):
            place.evaluate("element => element.scrollIntoView({block: 'center'})")
            self.page.wait_for_timeout(400)
            box, height = place.bounding_box(), self.page.viewport_size["height"]
            if box and abs(box["y"] + box["height"] / 2 - height / 2) < height / 4:
                return
        raise TimeoutError(f"{selector} does not stay in the middle of the page")

    def theme(self, name: str) -> None:
        """Choose a theme by its name, such as "JupyterLab Dark"."""
        change = """async (theme) => {
            const app = window.jupyterapp;
            await app.commands.execute('apputils:change-theme', {theme});
        }"""
        self.page.evaluate(change, name)
        self.page.wait_for_timeout(1500)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab."""

    address: str
    process: subprocess.Popen

    def peak_bytes(self) -> int:
        """Return what server and kernels held at most, each at its own peak."""
        server = psutil.Process(self.process.pid)
        return sum(map(_peak_bytes, [server, *server.children(recursive=True)]))


def _peak_bytes(process: psutil.Process) -> int:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(peak)


@contextlib.contextmanager
def jupyterlab(folder: Path) -> Iterator[Server]:
    """Run JupyterLab on a folder of notebooks."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as place:
        settings = Path(place) / "settings" / NOTIFICATIONS
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(QUIET))
        environment = os.environ | {
            "JUPYTERLAB_SETTINGS_DIR": str(Path(place) / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(Path(place) / "workspaces"),
            "JUPYTER_RUNTIME_DIR": str(Path(place) / "runtime"),
            "LLMLAB_HOME": str(Path(place) / "home"),
        }
        command = [sys.executable, "-m", "jupyter", "lab", str(folder), "--no-browser"]
        command += [f"--port={port}", "--ServerApp.port_retries=0", "--allow-root"]
        command += [f"--IdentityProvider.token={TOKEN}", "--expose-app-in-browser"]
        with open(Path(place) / "log", "w+") as log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
            try:
                address = f"http://127.0.0.1:{port}"
                _wait_for(f"{address}/api/status?token={TOKEN}", process)
                yield Server(address, process)
            finally:
                process.send_signal(signal.SIGINT)
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()


@contextlib.contextmanager
def visit(server: Server, *, width: int = 1280, height: int = 900) -> Iterator[Visit]:
    """Open Chromium on JupyterLab and listen to what the page says and asks for."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(120_000)
        seen = Visit(page, server.address)
        page.on("request", lambda request: seen.requests.append(request.url))
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on(
            "console",
            lambda said: seen.errors.append(said.text) if said.type == "error" else 0,
        )
        try:
            yield seen
        finally:
            browser.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait_for(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended with status {process.returncode}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address, timeout=5)
            return
        time.sleep(0.3)
    raise TimeoutError("JupyterLab did not answer within two minutes")


def main() -> None:
    """Run lab 01 in the browser and keep a picture of its widget."""
    with tempfile.TemporaryDirectory() as place:
        name = "01_measure.ipynb"
        shutil.copy(ROOT / "solutions" / name, place)
        with jupyterlab(Path(place)) as server, visit(server) as seen:
            seen.open(name)
            seen.run_all()
            seen.page.evaluate(HIDE_FILES)
            seen.show(".llmlab-widget-line")
            PICTURE.parent.mkdir(exist_ok=True)
            part = PICTURE.with_suffix(".part.png")
            seen.page.screenshot(path=part)
            part.replace(PICTURE)
            print(f"written {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
