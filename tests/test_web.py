"""What is downloaded is there whole, or not at all, and what went wrong is said."""

from __future__ import annotations

import socket
import threading

import pytest

from dancegen.errors import ModelError
from dancegen.web import download


@pytest.fixture
def answering():
    """A server's address that answers the next question with some bytes, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve(answer: bytes) -> str:
            def once() -> None:
                caller, _ = server.accept()
                with caller:
                    caller.recv(65_536)
                    caller.sendall(answer)

            threading.Thread(target=once, daemon=True).start()
            return f"http://127.0.0.1:{server.getsockname()[1]}/file.bin"

        yield serve


def test_a_file_is_written_where_it_was_wanted(answering, tmp_path):
    address = answering(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    download(address, tmp_path / "new" / "file.bin", "Go on.")
    assert [path.read_bytes() for path in (tmp_path / "new").iterdir()] == [b"hello"]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        b"HTTP/1.0 503 Busy\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: many\r\n\r\nhello",
        b"not HTTP at all\r\n\r\n",
        b"",
    ],
)
def test_what_breaks_off_or_is_no_answer_leaves_nothing(answering, tmp_path, answer):
    address = answering(answer)
    with pytest.raises(ModelError, match=r"file\.bin could not be downloaded .*\. Try elsewhere"):
        download(address, tmp_path / "file.bin", "Try elsewhere.")
    assert not any(tmp_path.iterdir())


def test_an_address_that_nobody_has_is_said(tmp_path):
    with pytest.raises(ModelError, match="nowhere"):
        download("http://nowhere.invalid/a.ckpt", tmp_path / "a.ckpt", "Try elsewhere.")
