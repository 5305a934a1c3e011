"""A hub of models on this machine, which speaks as much of the protocol as huggingface_hub asks for.

Small files come from where they are asked for, by way of a relative redirect; large ones, as the hub stores them apart,
by way of a redirect to where they are stored, named by the digest of their bytes. Both can be asked for in ranges.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "5" * 40
STORED_APART = (".safetensors", ".bin", ".ckpt", ".pth", ".pt")
ERRORS = {
    "gated": (403, "GatedRepo", "Access to this model is restricted."),
    "missing": (401, "RepoNotFound", "Invalid username or password."),
    "no revision": (404, "RevisionNotFound", "Invalid rev id"),
    "down": (503, "", "Service unavailable"),
}


@dataclass
class Repository:
    """A folder as a repository. commit: what `main` is. declared: bytes of files that it lists and that nobody fetches.

    failing: one of ERRORS, which answers every question.
    """

    folder: Path
    commit: str = COMMIT
    declared: Mapping[str, int] = field(default_factory=dict)
    failing: str | None = None

    def sizes(self) -> dict[str, int]:
        """Bytes of every file."""
        names = (path for path in self.folder.rglob("*") if path.is_file())
        there = {path.relative_to(self.folder).as_posix(): path.stat().st_size for path in names}
        return dict(sorted({**there, **self.declared}.items()))

    def tree(self) -> list[dict]:
        """Every file as the hub lists it."""
        found = []
        for name, size in self.sizes().items():
            entry = {"type": "file", "path": name, "size": size, "oid": sha1(name.encode()).hexdigest()}
            if name.endswith(STORED_APART):
                entry["lfs"] = {"oid": self.digest(name), "size": size, "pointerSize": 130}
            found.append(entry)
        return found

    def digest(self, name: str) -> str:
        """Of a file's bytes; of a declared one, of its name."""
        return sha256(name.encode() if name in self.declared else (self.folder / name).read_bytes()).hexdigest()


@dataclass
class Request:
    """What was asked of the hub and how it was answered; sent: bytes of the answer's body."""

    method: str
    path: str
    range: str | None
    status: int = 0
    sent: int = 0


@dataclass
class Hub:
    """A running hub. cut: bytes after which a file breaks off, by its name: then it stays away until that is mended."""

    repositories: dict[str, Repository]
    endpoint: str = ""
    requests: list[Request] = field(default_factory=list)
    cut: dict[str, int] = field(default_factory=dict)

    @property
    def storage(self) -> str:
        """The address of the large files: of another host, as the hub's are."""
        return self.endpoint.replace("127.0.0.1", "localhost")

    @property
    def asked(self) -> list[str]:
        """The paths that were asked for."""
        return [request.path for request in self.requests]

    def fetched(self) -> Counter[str]:
        """How many bytes came of each file, by `owner/name/file`."""
        found: Counter[str] = Counter()
        for request in self.requests:
            parts = re.fullmatch(r"/(stored|small)/(.*)", request.path)
            if parts and request.method == "GET" and request.sent:
                found[parts[2]] += request.sent
        return found

    def settings(self, cache: Path) -> dict[str, str]:
        """The environment of a process that knows this hub and no other."""
        return settings_for(self.endpoint, cache)


class Handler(BaseHTTPRequestHandler):
    """Answers one request after the other."""

    hub: Hub

    def do_HEAD(self) -> None:
        self.answer(send=False)

    def do_GET(self) -> None:
        self.answer(send=True)

    def answer(self, send: bool) -> None:
        path = self.path.split("?")[0]
        self.request_ = Request(self.command, path, self.headers.get("Range"))
        self.hub.requests.append(self.request_)
        parts = re.sub(r"^/(api/models|stored|small)/", "/", path).split("/")
        name = "/".join(parts[1:3])
        repository = self.hub.repositories.get(name)
        if repository is None or repository.failing is not None:
            return self.refuse("missing" if repository is None else str(repository.failing), send)
        if path.startswith("/api/models/"):
            return self.api(name, repository, parts[3:], send)
        if path.startswith(("/stored/", "/small/")):
            return self.body(repository, "/".join(parts[3:]), send)
        if parts[3] != "resolve" or not self.known(repository, parts[4]):
            return self.refuse("no revision", send)
        return self.resolve(name, repository, "/".join(parts[5:]), send)

    def known(self, repository: Repository, revision: str) -> bool:
        return revision in ("main", repository.commit)

    def api(self, name: str, repository: Repository, rest: list[str], send: bool) -> None:
        if len(rest) > 1 and not self.known(repository, rest[1]):
            return self.refuse("no revision", send)
        if rest[:1] == ["tree"]:
            found = repository.tree()
        else:
            siblings = [{"rfilename": each["path"], "size": each["size"]} for each in repository.tree()]
            found = {"id": name, "modelId": name, "sha": repository.commit, "siblings": siblings, "tags": []}
        return self.reply(200, json.dumps(found).encode(), send, {"Content-Type": "application/json"})

    def resolve(self, name: str, repository: Repository, file: str, send: bool) -> None:
        sizes, about = repository.sizes(), {"X-Repo-Commit": repository.commit}
        if file not in sizes:
            return self.reply(404, b"", send, {**about, "X-Error-Code": "EntryNotFound"})
        if file.endswith(STORED_APART):
            about |= {"X-Linked-Etag": f'"{repository.digest(file)}"', "X-Linked-Size": str(sizes[file])}
            return self.reply(302, b"", send, {**about, "Location": f"{self.hub.storage}/stored/{name}/{file}"})
        return self.reply(307, b"", send, {**about, "Location": f"/small/{name}/{file}"})

    def body(self, repository: Repository, file: str, send: bool) -> None:
        path, about = repository.folder / file, {"X-Repo-Commit": repository.commit, "Accept-Ranges": "bytes"}
        if file in repository.declared or not path.is_file():
            return self.refuse("down", send)
        data = path.read_bytes()
        about["ETag"] = f'"{sha256(data).hexdigest()}"'
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        if asked is None:
            return self.reply(200, data, send, about, self.hub.cut.get(file))
        first, last = int(asked[1]), min(int(asked[2] or len(data) - 1), len(data) - 1)
        about["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
        return self.reply(206, data[first : last + 1], send, about, self.hub.cut.get(file))

    def refuse(self, why: str, send: bool) -> None:
        code, name, words = ERRORS[why]
        self.reply(code, b"", send, {"X-Error-Code": name, "X-Error-Message": words})

    def reply(
        self, code: int, body: bytes, send: bool, headers: dict[str, str] | None = None, cut: int | None = None
    ) -> None:
        if cut is not None and send and any(each.sent for each in self.hub.requests if each.path == self.request_.path):
            code, body, cut = 503, b"", None  # a part has come already, and the line is still dead
        self.request_.status, part = code, body[:cut]
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if send:
            self.wfile.write(part)
            self.request_.sent = len(part)
            self.close_connection = len(part) < len(body)

    def log_message(self, *_) -> None:
        pass


@contextmanager
def hub_of(repositories: Mapping[str, Path | Repository]) -> Iterator[Hub]:
    """A hub of these repositories, by `owner/name`."""
    whole = {name: each if isinstance(each, Repository) else Repository(each) for name, each in repositories.items()}
    hub = Hub(whole)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Here", (Handler,), {"hub": hub}))
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def serving(folder: Path | Mapping[str, Path]) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder as `maker/net`, or several by their names.

    Yields the hub's address, and the list of paths that were asked for so far.
    """
    with hub_of(folder if isinstance(folder, Mapping) else {"maker/net": folder}) as hub:
        yield hub.endpoint, Asked(hub)


class Asked:
    """The paths that were asked of a hub so far, as a list that grows."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __iter__(self) -> Iterator[str]:
        return iter(self._hub.asked)

    def __len__(self) -> int:
        return len(self._hub.requests)

    def count(self, path: str) -> int:
        return self._hub.asked.count(path)

    def clear(self) -> None:
        self._hub.requests.clear()


def settings_for(endpoint: str, cache: Path) -> dict[str, str]:
    """The environment of a process that knows this hub and no other."""
    return {
        "HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(cache), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_ETAG_TIMEOUT": "5", "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }  # fmt: skip
