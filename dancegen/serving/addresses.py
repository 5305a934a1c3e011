"""Where a server listens, and what it is called there by its own people and by others."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from secrets import token_urlsafe

from dancegen.errors import InputError
from dancegen.serving.access import Access

EVERYWHERE = ("0.0.0.0", "::", "")
LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Listening:
    """A socket that is listened on. mine, others: addresses, without a path, for this machine and for others."""

    socket: socket.socket
    host: str

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    @property
    def mine(self) -> str:
        return f"http://{'127.0.0.1' if self.host in EVERYWHERE else _bracketed(self.host)}:{self.port}"

    @property
    def others(self) -> str:
        return f"http://{self.names[-1]}:{self.port}"

    @property
    def names(self) -> list[str]:
        """By which others may call it, besides by its addresses in numbers."""
        named = [] if self.host in EVERYWHERE else [_bracketed(self.host)]
        return [*named, *([] if self.host in LOCAL else [socket.gethostname().lower()][: not named])]


def listen(host: str, port: int | None) -> Listening:
    """Listen on a port, or on one that is free. Raises InputError where that cannot be."""
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port or 0))
    except OSError as error:
        found.close()
        given = f"--host {host} --port {port}" if port else f"--host {host}"
        reason = error.strerror or error
        raise InputError(f"{given} cannot be listened on: {reason}; another --port may be free") from error
    found.listen(128)
    return Listening(found, host)


def share(listening: Listening, access: Access) -> str:
    """An address on the internet, through Gradio's own servers. Raises InputError where there is none to be had."""
    from gradio.networking import setup_tunnel

    try:
        address = setup_tunnel("127.0.0.1", listening.port, token_urlsafe(32), None, None).rstrip("/")
    except Exception as error:
        raise InputError(f"--share: Gradio gives no address: {error}; --host 0.0.0.0 needs no internet") from error
    access.hosts.add(address.partition("://")[2])
    return address


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()
