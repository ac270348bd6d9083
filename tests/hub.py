"""A stand-in for the model hub on loopback, which speaks the protocol of the real one.

It serves one checkpoint under the id `team/model`; `refuse` makes it answer with a
status instead, and `cut` breaks off the weights in the middle of the stream.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CODES = {401: "GatedRepo", 403: "GatedRepo", 404: "RepoNotFound"}


@contextmanager
def hub(
    folder: Path, *, refuse: int | None = None, cut: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder; gives the address and the list of requests as they come."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            asked.append(f"{self.command} {self.path}")
            if refuse:
                return self.answer(refuse, b"{}", {"X-Error-Code": CODES[refuse]})
            if self.path.startswith("/api/"):
                return self.list()
            path = folder / self.path.rpartition("/")[2]
            if not path.exists():
                return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"})
            data = path.read_bytes()
            etag = hashlib.sha256(data).hexdigest()
            self.answer(200, data, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT})

        do_HEAD = do_GET

        def list(self):
            names = sorted(path.name for path in folder.iterdir() if path.is_file())
            if "/tree/" in self.path:
                rows = [
                    {
                        "type": "file",
                        "oid": COMMIT,
                        "path": name,
                        "size": (folder / name).stat().st_size,
                    }
                    for name in names
                ]
                return self.answer(200, json.dumps(rows).encode())
            siblings = [{"rfilename": name} for name in names]
            found = {"id": "team/model", "sha": COMMIT, "siblings": siblings}
            self.answer(200, json.dumps(found).encode())

        def answer(self, status, data, headers=()):
            self.send_response(status)
            for name, value in dict(headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command == "HEAD":
                return
            if cut and len(data) > 10_000:
                self.wfile.write(data[:5_000])
                self.wfile.flush()
                self.close_connection = True
                self.connection.close()
            else:
                self.wfile.write(data)

        def log_message(self, *arguments):
            """Say nothing; `asked` holds the requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
