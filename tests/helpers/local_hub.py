"""A hub of models on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "5" * 40


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a client needs to list and download repositories."""

    repositories: Mapping[str, Path]
    asked: list[str]

    def do_HEAD(self) -> None:
        self.answer(send=False)

    def do_GET(self) -> None:
        self.answer(send=True)

    def answer(self, send: bool) -> None:
        path = self.path.split("?")[0]
        self.asked.append(path)
        parts = path.removeprefix("/api/models").split("/")
        name = "/".join(parts[1:3])
        if name not in self.repositories:
            return self.reply(404, b"", send)
        if path.startswith("/api/models/"):
            return self.api(name, path, send)
        file = self.repositories[name] / path.split("/", 5)[-1]
        if not path.startswith(f"/{name}/resolve/") or not file.is_file():
            return self.reply(404, b"", send)
        body = file.read_bytes()
        return self.reply(200, body, send, {"ETag": f'"{sha256(body).hexdigest()}"', "X-Repo-Commit": COMMIT})

    def api(self, name: str, path: str, send: bool) -> None:
        files = self.repositories[name]
        names = sorted(p.relative_to(files).as_posix() for p in files.rglob("*") if p.is_file())
        sizes = {each: (files / each).stat().st_size for each in names}
        if "/tree/" in path:
            found = [{"type": "file", "path": n, "size": s, "oid": "0" * 40} for n, s in sizes.items()]
        else:
            siblings = [{"rfilename": name, "size": size} for name, size in sizes.items()]
            found = {"id": name, "modelId": name, "sha": COMMIT, "siblings": siblings, "tags": []}
        self.reply(200, json.dumps(found).encode(), send, {"Content-Type": "application/json"})

    def reply(self, code: int, body: bytes, send: bool, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if send:
            self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def serving(folder: Path | Mapping[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as `maker/net`, or several by their names.

    Yields the hub's address, and the list of paths that were asked for so far.
    """

    class Here(Hub):
        repositories = folder if isinstance(folder, Mapping) else {"maker/net": folder}
        asked: list[str] = []  # noqa: RUF012

    server = ThreadingHTTPServer(("127.0.0.1", 0), Here)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", Here.asked
    finally:
        server.shutdown()
        server.server_close()


def settings_for(endpoint: str, cache: Path) -> dict[str, str]:
    """The environment of a process that knows this hub and no other."""
    return {
        "HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_ETAG_TIMEOUT": "5", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }  # fmt: skip
