"""What is downloaded is there whole, or not at all, goes on where it broke off, and what went wrong is said."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from hashlib import sha256

import pytest

from dancegen.errors import ModelError
from dancegen.progress import Silent
from dancegen.web import Source, download, fetch

CUT = b'HTTP/1.0 200 OK\r\nContent-Length: 10\r\nETag: "v1"\r\n\r\nhello'
REST = b"HTTP/1.0 206 Partial\r\nContent-Length: 5\r\nContent-Range: bytes 5-9/10\r\n\r\nworld"
BUSY = b"HTTP/1.0 503 Busy\r\n\r\n"


@dataclass
class Server:
    """Answers each question with the next of its answers, and hangs up; asked: the questions so far."""

    address: str
    answers: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Server(f"http://127.0.0.1:{listening.getsockname()[1]}/file.bin")

        def serve() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except OSError:
                    return
                with caller:
                    found.asked.append(caller.recv(65_536).decode())
                    caller.sendall(found.answers.pop(0) if found.answers else b"")

        threading.Thread(target=serve, daemon=True).start()
        yield found


def names(folder) -> list[str]:
    """What a person sees there."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_file_is_written_where_it_was_wanted(server, tmp_path):
    server.answers = [b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"]
    download(server.address, tmp_path / "new" / "file.bin", "Go on.")
    assert names(tmp_path / "new") == ["file.bin"] and (tmp_path / "new" / "file.bin").read_bytes() == b"hello"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.bin"]  # nor hidden files, such as a lock


@pytest.mark.parametrize(
    "answer",
    [CUT, BUSY, b"HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\nhello", b"not HTTP at all\r\n\r\n", b""],
)
def test_what_breaks_off_or_is_no_answer_is_no_file(server, tmp_path, answer):
    server.answers = [answer]
    with pytest.raises(ModelError, match=r"file\.bin could not be downloaded .*\. Try elsewhere"):
        download(server.address, tmp_path / "file.bin", "Try elsewhere.")
    assert not names(tmp_path)


def test_a_connection_that_breaks_off_is_opened_again_for_the_rest(server, tmp_path):
    server.answers = [CUT, REST]
    download(server.address, tmp_path / "file.bin", "Go on.")
    assert (tmp_path / "file.bin").read_bytes() == b"helloworld" and len(server.asked) == 2
    assert "Range: bytes=5-" in server.asked[1] and 'If-Range: "v1"' in server.asked[1]


def test_the_next_time_goes_on_where_the_last_one_broke_off(server, tmp_path):
    server.answers = [CUT, BUSY]
    with pytest.raises(ModelError, match="what has come is kept"):
        download(server.address, tmp_path / "file.bin", "Try elsewhere.")
    server.answers = [REST]
    download(server.address, tmp_path / "file.bin", "Go on.")
    assert (tmp_path / "file.bin").read_bytes() == b"helloworld" and "Range: bytes=5-" in server.asked[-1]


@pytest.mark.parametrize("mark", ["", 'ETag: W/"about"\r\n'], ids=["no version", "a vague version"])
def test_what_may_be_another_file_by_now_is_fetched_from_its_start(mark, server, tmp_path):
    server.answers = [CUT.replace(b'ETag: "v1"\r\n', mark.encode()), b"HTTP/1.0 200 OK\r\n\r\nsomething else"]
    download(server.address, tmp_path / "file.bin", "Go on.")
    assert (tmp_path / "file.bin").read_bytes() == b"something else" and "Range:" not in server.asked[1]


def test_a_file_that_changed_meanwhile_is_taken_whole(server, tmp_path):
    server.answers = [CUT, b"HTTP/1.0 200 OK\r\n\r\nsomething else"]
    download(server.address, tmp_path / "file.bin", "Go on.")
    assert (tmp_path / "file.bin").read_bytes() == b"something else"


def test_a_part_that_is_all_of_it_already_is_no_obstacle(server, tmp_path):
    (tmp_path / ".file.bin.partial").write_bytes(b"helloworld")
    (tmp_path / ".file.bin.version").write_text('"v1"')
    server.answers = [b"HTTP/1.0 416 Nothing\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\nhelloworld"]
    download(server.address, tmp_path / "file.bin", "Go on.")
    assert (tmp_path / "file.bin").read_bytes() == b"helloworld"


@pytest.mark.parametrize("content", [b"helloworld", b"helloWORLD"])
def test_bytes_of_which_the_digest_is_known_are_checked(content, server, tmp_path):
    source = Source(server.address, "the weights", size=10, digest=sha256(b"helloworld").hexdigest())
    target, part, lock = (tmp_path / name for name in ("file", "part", "lock"))
    server.answers = [CUT.replace(b"ETag", b"X-None"), REST.replace(b"world", content[5:])]
    if content == b"helloworld":
        fetch(source, target, part, lock)
        assert target.read_bytes() == content and "Range: bytes=5-" in server.asked[1]
        return
    with pytest.raises(ModelError, match="the weights arrived damaged"):
        fetch(source, target, part, lock)
    assert not target.exists() and not part.exists()


def test_all_bytes_are_told_once(server, tmp_path):
    amounts: list[float] = []

    class Told(Silent):
        def task(self, label, total=None):
            return nullcontext(amounts.append)

    server.answers = [CUT, REST]
    download(server.address, tmp_path / "file.bin", "Go on.", Told(), about=10)
    assert sum(amounts) == 10


def test_an_address_that_nobody_has_is_said(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        download("http://nowhere.invalid/a.ckpt", tmp_path / "a.ckpt", "Try elsewhere.")
