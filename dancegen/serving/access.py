"""What opens a server of this machine: its names, its token, its cookie, and a password where others may come in."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from secrets import token_hex, token_urlsafe

COOKIE = "dancegen-studio"


@dataclass
class Access:
    """What opens the server. hosts: names that it is reached by, besides addresses in numbers where `by_number`.

    base: what every address of it begins with. The cookie is sent below it alone, so that another server on this
    machine, to which a browser would send it too, never sees it.
    """

    port: int
    uploads: Path
    hosts: set[str] = field(default_factory=lambda: {"127.0.0.1", "localhost", "[::1]"})
    by_number: bool = False
    password: str | None = field(default=None, repr=False)
    token: str = field(default_factory=lambda: token_urlsafe(24), repr=False)
    base: str = field(default_factory=lambda: f"/{token_hex(8)}")
    _cookie: str = field(default_factory=lambda: token_urlsafe(24), repr=False)

    def is_token(self, given: str) -> bool:
        return compare_digest(given.encode(), self.token.encode())

    def is_cookie(self, given: str) -> bool:
        return compare_digest(given.encode(), self._cookie.encode())

    def is_password(self, given: str) -> bool:
        return self.password is not None and compare_digest(given.encode(), self.password.encode())

    def is_host(self, given: str) -> bool:
        """Whether a Host header names this server: a foreign name that leads here would make its pages ours."""
        name, colon, port = given.lower().rpartition(":")
        if not colon or "]" in port:
            name, port = given.lower(), ""
        if name in self.hosts:
            return port in ("", str(self.port)) or name not in ("127.0.0.1", "localhost", "[::1]")
        return self.by_number and port == str(self.port) and _is_number(name)

    def set_cookie(self, secure: bool) -> str:
        kept = f"{COOKIE}={self._cookie}; Path={self.base}/; HttpOnly; SameSite=Strict"
        return f"{kept}; Secure" if secure else kept


def _is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
